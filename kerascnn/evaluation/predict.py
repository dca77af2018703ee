"""Pictures classified by any model on disk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from kerascnn.data.pictures import FittedPicture, Pixels, fit_picture, read_picture
from kerascnn.errors import PictureError
from kerascnn.evaluation.evaluate import predict_images
from kerascnn.evaluation.metrics import Probabilities
from kerascnn.model_files.find import Artifact
from kerascnn.model_files.formats import TIMEOUT_S

# Of a picture, so much is kept for people to look at.
SHOWN_PIXELS = 256


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """What a model predicts of a picture.

    Attributes:
        file: The name that was given.
        picture: The picture, scaled down to at most 256 pixels on a side,
            `(height, width)` or with 3 channels.
        seen: What the network saw of it.
        probabilities: `(num_classes,)`.
        class_names: What each class stands for.
    """

    file: str
    picture: Pixels
    seen: FittedPicture
    probabilities: Probabilities
    class_names: tuple[str, ...]

    def top(self, count: int) -> list[tuple[str, float]]:
        """The likeliest classes with their probabilities, the likeliest first."""
        order = np.argsort(-self.probabilities, kind="stable")[:count]
        return [(self.class_names[i], float(self.probabilities[i])) for i in order]

    def to_dict(self, count: int) -> dict[str, Any]:
        """Plain values, with so many classes."""
        top = self.top(count)
        return {
            "file": self.file,
            "label": top[0][0],
            "probability": top[0][1],
            "inverted": self.seen.inverted,
            "top": [{"label": label, "probability": p} for label, p in top],
        }


def classify_pictures(
    files: Sequence[str],
    artifact: Artifact,
    *,
    invert: bool | None = None,
    standard_input: bytes = b"",
    trust: bool = False,
    timeout_s: float = TIMEOUT_S,
) -> list[Prediction | PictureError]:
    """Classify pictures; one that cannot be read does not stop the others.

    Args:
        files: Names of files, or `-` for `standard_input`.
        artifact: The model.
        invert: As for `fit_picture`.
        standard_input: The content of a file.
        trust: Whether to run a SavedModel whatever operations it has.
        timeout_s: The longest that its runtime may take to load it, or for a batch.

    Returns:
        A prediction, or an error, for each file, in their order.

    Raises:
        ModelFileError: A model that cannot be loaded or does not fit its data set.
        InputShapeError: A model that is for something else than pictures.
    """
    dataset = artifact.dataset
    read: list[tuple[Pixels, FittedPicture] | PictureError] = []
    for name in files:
        try:
            image = read_picture(name, standard_input)
            fitted = fit_picture(image, dataset, invert=invert)
            image.thumbnail((SHOWN_PIXELS, SHOWN_PIXELS))
            read.append((np.asarray(image), fitted))
        except PictureError as error:
            read.append(error)
    pixels = [pair[1].pixels for pair in read if not isinstance(pair, PictureError)]
    if not pixels:
        return [pair for pair in read if isinstance(pair, PictureError)]
    predicted = iter(
        predict_images(artifact, np.stack(pixels), trust=trust, timeout_s=timeout_s)
    )
    return [
        pair
        if isinstance(pair, PictureError)
        else Prediction(
            file=name,
            picture=pair[0],
            seen=pair[1],
            probabilities=next(predicted),
            class_names=dataset.class_names,
        )
        for name, pair in zip(files, read, strict=True)
    ]
