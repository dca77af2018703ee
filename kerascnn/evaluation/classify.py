"""Images of any kind classified by any model: arrays as they are, pictures prepared."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image

from kerascnn.data.facts import DatasetFacts
from kerascnn.data.pictures import find_pictures, fit_picture, read_picture
from kerascnn.errors import InputShapeError, ModelFileError, PictureError
from kerascnn.evaluation.calibration import calibrate
from kerascnn.evaluation.evaluate import (
    BATCH_SIZE,
    check_probabilities,
    predict_images,
)
from kerascnn.evaluation.metrics import Probabilities
from kerascnn.machine.tensorflow import load_tensorflow
from kerascnn.model_files.find import Artifact
from kerascnn.model_files.formats import TIMEOUT_S

if TYPE_CHECKING:
    import keras

Picture: TypeAlias = str | PathLike[str] | Image.Image
Images: TypeAlias = npt.ArrayLike | Picture | Sequence[Picture]

_PICTURES = (str, PathLike, Image.Image)


@dataclass(frozen=True, kw_only=True)
class Classification:
    """What a model predicts for images, in their order.

    Attributes:
        probabilities: Of the classes, as the model gives them, float32,
            `(number, num_classes)`.
        class_names: What each class stands for.
        temperature: What calibrates the probabilities, by the run's `metrics`; `None`
            where none is known, as for models of Keras.
    """

    probabilities: Probabilities
    class_names: tuple[str, ...]
    temperature: float | None = None

    def __len__(self) -> int:
        return len(self.probabilities)

    @property
    def classes(self) -> npt.NDArray[np.int64]:
        """The likeliest class of each image, `(number,)`."""
        return np.asarray(self.probabilities.argmax(axis=1), np.int64)

    @property
    def names(self) -> list[str]:
        """What the likeliest class of each image stands for."""
        return [self.class_names[index] for index in self.classes]

    @property
    def calibrated(self) -> Probabilities:
        """The probabilities at the temperature; as they are where there is none.

        Of images like those of the training, about nine in ten are classified correctly
        where the likeliest class has 0.9. Of others they promise nothing.
        """
        return calibrate(self.probabilities, self.temperature)

    def rejected(self, below: float) -> npt.NDArray[np.bool_]:
        """Of which images the likeliest class has less, calibrated, `(number,)`."""
        return np.asarray(self.calibrated.max(axis=1) < below)


def classify(
    images: Images,
    model: Artifact | keras.Model,
    *,
    dataset: str | None = None,
    invert: bool | None = None,
    batch_size: int = BATCH_SIZE,
    trust: bool = False,
    timeout_s: float = TIMEOUT_S,
) -> Classification:
    """Classify images: arrays as they are, pictures as those of the data set.

    Args:
        images: Arrays hold raw pixels, from 0 to 255: `(number, height, width,
            channels)`, without the channels if they are gray, or one image. Files,
            folders of them and Pillow's images, one or several, are made into images
            like those that the model is for.
        model: A model on disk, or one of Keras from raw pixels to probabilities.
        dataset: What a model of Keras is for, a name of `DATASETS`; where `None`, its
            classes are called by their numbers. A model on disk knows its own.
        invert: Of pictures, as for `fit_picture`.
        batch_size: Images at a time.
        trust: As for `predict_images`.
        timeout_s: Likewise.

    Raises:
        PictureError: A picture that cannot be read, or numbers that are no pixels.
        InputShapeError: An array of another shape than the model takes.
        ModelFileError: A model that cannot be loaded, or is no classifier of images.
        UnknownNameError: No data set of that name.
    """
    is_file = isinstance(model, Artifact)
    facts = model.dataset if is_file else _facts(model, dataset)
    pixels = _pixels(images, facts, invert)
    if not len(pixels):
        probabilities = np.empty((0, facts.num_classes), np.float32)
    elif is_file:
        probabilities = predict_images(
            model, pixels, batch_size=batch_size, trust=trust, timeout_s=timeout_s
        )
    else:
        load_tensorflow()
        from kerascnn.model_files.keras_model import predict_probabilities

        probabilities = predict_probabilities(model, pixels, batch_size=batch_size)
        check_probabilities(probabilities, "memory")
    return Classification(
        probabilities=probabilities,
        class_names=facts.class_names,
        temperature=model.temperature if is_file else None,
    )


def _facts(model: keras.Model, dataset: str | None) -> DatasetFacts:
    """What a model in memory is for, as far as it tells."""
    takes, gives = (getattr(model, f"{end}_shape", None) for end in ("input", "output"))
    match takes, gives:
        case (_, int(height), int(width), int(channels)), (_, int(count)):
            shape = height, width, channels
        case _:
            raise ModelFileError(
                f"The model takes {takes} and gives {gives}, but a classifier takes "
                "(None, height, width, channels) and gives (None, classes)."
            )
    if dataset is None:
        names = tuple(map(str, range(count)))
        return DatasetFacts(name="the model", image_shape=shape, class_names=names)
    facts = DatasetFacts.from_table(dataset)
    if (facts.image_shape, facts.num_classes) != (shape, count):
        raise ModelFileError(
            f"The model takes images {shape} and has {count} classes, but those of "
            f"{dataset} are {facts.image_shape} and {facts.num_classes}."
        )
    return facts


def _pixels(
    images: Images, facts: DatasetFacts, invert: bool | None
) -> npt.NDArray[np.uint8 | np.float32]:
    """The images as one array, `(number, height, width, channels)`."""
    if isinstance(images, _PICTURES):
        images = [images]
    if isinstance(images, list | tuple) and any(
        isinstance(image, _PICTURES) for image in images
    ):
        pictures = [
            fit_picture(read_picture(source), facts, invert=invert).pixels
            for source in _sources(images)
        ]
        return np.stack(pictures)
    try:
        array = np.asarray(images)
    except ValueError as error:  # they differ in shape
        raise InputShapeError(f"Images of one array have one shape: {error}") from error
    return _raw(_batch(array, facts.image_shape))


def _sources(pictures: Sequence[Picture]) -> Iterator[str | Image.Image]:
    """Files, those of folders among them, and pictures that are open."""
    for picture in pictures:
        if isinstance(picture, Image.Image):
            yield picture
        elif isinstance(picture, str | PathLike):
            yield from find_pictures([str(Path(picture))])
        else:
            raise TypeError(
                "Give one array of images, or files and pictures of Pillow, but not "
                f"both: there is a {type(picture).__name__}."
            )


def _batch(array: npt.NDArray[Any], shape: tuple[int, int, int]) -> npt.NDArray[Any]:
    """The array with all four axes."""
    gray = shape[:2] if shape[2] == 1 else None
    if array.shape in (shape, gray):
        return array.reshape(1, *shape)
    if array.shape[1:] == shape or (array.ndim == 3 and array.shape[1:] == gray):
        return array.reshape(len(array), *shape)
    raise InputShapeError(
        f"The model takes images {shape}, one or several in an array, but got an array "
        f"{array.shape}. Resize them, or give files or Pillow's images, which are "
        "resized."
    )


def _raw(array: npt.NDArray[Any]) -> npt.NDArray[np.uint8 | np.float32]:
    """Raw pixels as bytes, or as float32 where they were floats."""
    if array.dtype.kind not in "uif":
        raise PictureError(
            f"Pixels are numbers from 0 to 255, but got {array.dtype}. Give raw pixels."
        )
    low, high = (array.min(), array.max()) if array.size else (0, 0)
    if not (low >= 0 and high <= 255):
        raise PictureError(
            f"Pixels are numbers from 0 to 255, but got {low:g} to {high:g}. Give raw "
            "pixels; the model scales them."
        )
    return array.astype(np.float32 if array.dtype.kind == "f" else np.uint8)
