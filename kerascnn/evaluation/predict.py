"""Pictures classified by any model on disk."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from kerascnn.data.facts import DatasetFacts
from kerascnn.data.pictures import FittedPicture, Pixels, fit_picture, read_picture
from kerascnn.errors import ModelFileError, PictureError
from kerascnn.evaluation.calibration import calibrate
from kerascnn.evaluation.evaluate import CheckedModel, open_checked
from kerascnn.evaluation.metrics import Probabilities
from kerascnn.model_files.find import Artifact
from kerascnn.model_files.formats import FORMATS, KERAS, TIMEOUT_S
from kerascnn.model_files.here import RuntimeHere

if TYPE_CHECKING:
    from kerascnn.evaluation.explain import Explanation

# Of a picture, so much is kept for people to look at.
SHOWN_PIXELS = 256
# So many are in memory at a time.
BATCH_SIZE = 64
# The most that a sheet shows.
SHEET_PICTURES = 60


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """What a model predicts of a picture.

    Attributes:
        file: The name that was given.
        picture: The picture, scaled down to at most 256 pixels on a side,
            `(height, width)` or with 3 channels.
        seen: What the network saw of it.
        probabilities: As the model gives them, `(num_classes,)`.
        class_names: What each class stands for.
        temperature: What calibrates the probabilities; `None` where none is known.
        explanation: Where there is what speaks for the likeliest class; `None` where
            it was not asked for.
    """

    file: str
    picture: Pixels
    seen: FittedPicture
    probabilities: Probabilities
    class_names: tuple[str, ...]
    temperature: float | None = None
    explanation: Explanation | None = None

    @property
    def calibrated_probability(self) -> float | None:
        """The likeliest class's probability, calibrated; `None` where it cannot be."""
        if self.temperature is None:
            return None
        return float(calibrate(self.probabilities, self.temperature).max())

    def rejected(self, below: float | None) -> bool:
        """Whether the model is less sure than that: calibrated, where it can be."""
        sure = self.calibrated_probability
        if sure is None:
            sure = float(self.probabilities.max())
        return below is not None and sure < below

    def top(self, count: int) -> list[tuple[str, float]]:
        """The likeliest classes with their probabilities, the likeliest first."""
        order = np.argsort(-self.probabilities, kind="stable")[:count]
        return [(self.class_names[i], float(self.probabilities[i])) for i in order]

    def to_dict(self, count: int, reject_below: float | None = None) -> dict[str, Any]:
        """Plain values, with so many classes."""
        top = self.top(count)
        values = {
            "file": self.file,
            "label": top[0][0],
            "probability": top[0][1],
            "calibrated_probability": self.calibrated_probability,
            "rejected": self.rejected(reject_below),
            "inverted": self.seen.inverted,
            "top": [{"label": label, "probability": p} for label, p in top],
        }
        if self.explanation is not None:
            values["explanation"] = self.explanation.to_dict()
        return values


def classify_pictures(
    files: Sequence[str],
    artifact: Artifact,
    *,
    invert: bool | None = None,
    standard_input: bytes = b"",
    explain: bool = False,
    trust: bool = False,
    timeout_s: float = TIMEOUT_S,
) -> Iterator[Prediction | PictureError]:
    """Classify pictures; one that cannot be read does not stop the others.

    They are read as the results are asked for, so that any number fits into memory.

    Args:
        files: Names of files, or `-` for `standard_input`.
        artifact: The model.
        invert: As for `fit_picture`.
        standard_input: The content of a file.
        explain: Whether to tell where there is what speaks for the predicted class.
        trust: Whether to run a SavedModel whatever operations it has.
        timeout_s: The longest that its runtime may take to load it, or for a batch.

    Returns:
        A prediction, or an error, for each file, in their order.

    Raises:
        ModelFileError: A model that cannot be loaded, does not fit its data set, or
            cannot be explained.
        InputShapeError: A model that is for something else than pictures.
    """
    if explain and artifact.format != KERAS:
        raise ModelFileError(
            f"Only models of Keras can be explained, but {artifact.source} is a "
            f"{FORMATS[artifact.format].title} model. Give the run that it was "
            "exported from, or a .keras file."
        )

    return _classify(
        files,
        artifact,
        lambda name: _read(name, artifact.dataset, invert, standard_input),
        explain,
        {"trust": trust, "timeout_s": timeout_s},
    )


class _Picture(NamedTuple):
    """A picture that could be read: to look at, and as the network sees it."""

    file: str
    picture: Pixels
    seen: FittedPicture


def _classify(
    files: Sequence[str],
    artifact: Artifact,
    read: Callable[[str], _Picture | PictureError],
    explain: bool,
    options: dict[str, Any],
) -> Iterator[Prediction | PictureError]:
    """The results, a batch at a time; the model is opened once there is a picture."""
    model = None
    with ExitStack() as stack:
        for start in range(0, len(files), BATCH_SIZE):
            results = [read(name) for name in files[start : start + BATCH_SIZE]]
            pictures = [one for one in results if not isinstance(one, PictureError)]
            predictions: Iterator[Prediction] = iter(())
            if pictures:
                if model is None:
                    model = stack.enter_context(open_checked(artifact, **options))
                predictions = _predict(model, pictures, explain)
            for one in results:
                yield one if isinstance(one, PictureError) else next(predictions)


def _read(
    name: str, dataset: DatasetFacts, invert: bool | None, standard_input: bytes
) -> _Picture | PictureError:
    try:
        image = read_picture(name, standard_input)
        fitted = fit_picture(image, dataset, invert=invert)
        image.thumbnail((SHOWN_PIXELS, SHOWN_PIXELS))
        return _Picture(name, np.asarray(image), fitted)
    except PictureError as error:
        return error


def _predict(
    model: CheckedModel, pictures: Sequence[_Picture], explain: bool
) -> Iterator[Prediction]:
    artifact = model.artifact
    pixels = np.stack([one.seen.pixels for one in pictures])
    probabilities = model.predict(pixels)
    explanations: Sequence[Explanation | None] = [None] * len(pictures)
    if explain and isinstance(model.runtime, RuntimeHere):
        from kerascnn.evaluation.explain import explain_images

        classes = probabilities.argmax(axis=1)
        explanations = explain_images(
            model.runtime.runner.model, pixels, classes, artifact.path
        )
    for one, answer, explanation in zip(
        pictures, probabilities, explanations, strict=True
    ):
        yield Prediction(
            **one._asdict(),
            probabilities=answer,
            class_names=artifact.dataset.class_names,
            temperature=artifact.temperature,
            explanation=explanation,
        )
