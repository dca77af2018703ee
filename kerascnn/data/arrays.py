"""Images and labels that a caller has as arrays, checked before anything is trained."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from kerascnn.data import Split
from kerascnn.errors import DatasetError, shown

CHANNELS = (1, 3)


def split_of_arrays(
    images: npt.ArrayLike,
    labels: npt.ArrayLike,
    class_names: Sequence[str] | None = None,
) -> Split:
    """Make a split of arrays.

    Args:
        images: Raw pixels, uint8, `(number, height, width)` for gray images or
            `(number, height, width, channels)` with 1 or 3 channels.
        labels: Class indices from 0, whole numbers, `(number,)`.
        class_names: What each index stands for; `"0"`, `"1"`, ... where `None`, and
            then every class up to the highest label has images.

    Raises:
        DatasetError: Arrays of another kind or shape, labels out of range, fewer than
            two classes, or names that do not go with them.
    """
    pixels = _checked_images(_array("images", images))
    classes = _checked_labels(_array("labels", labels), len(pixels))
    names = _checked_names(classes, class_names)
    return Split(images=pixels, labels=classes, class_names=names)


def _array(name: str, values: npt.ArrayLike) -> npt.NDArray[Any]:
    try:
        return np.asarray(values)
    except (TypeError, ValueError, OverflowError) as error:
        raise DatasetError(
            f"{name} have to be an array of numbers, but got {shown(values)}: "
            f"{' '.join(str(error).split())}"
        ) from error


def _checked_images(images: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    if images.dtype != np.uint8:
        raise DatasetError(
            f"images have to be raw pixels of type uint8, from 0 to 255, but are "
            f"{images.dtype}. Convert them; scaling is inside the model."
        )
    if images.ndim == 3:
        images = images[..., np.newaxis]
    if images.ndim != 4 or images.shape[3] not in CHANNELS or 0 in images.shape:
        raise DatasetError(
            "images have to be (number, height, width) or (number, height, width, "
            f"channels) with 1 or 3 channels, but are {images.shape}. Reshape them."
        )
    return images


def _checked_labels(labels: npt.NDArray[Any], number: int) -> npt.NDArray[np.int64]:
    if labels.dtype.kind not in "iu":
        raise DatasetError(
            f"labels have to be whole numbers, but are {labels.dtype}. Give the index "
            "of each image's class, from 0."
        )
    if labels.shape != (number,):
        raise DatasetError(
            f"There are {number:,} images, so labels have to be ({number},), but are "
            f"{labels.shape}. Give one class index an image."
        )
    if labels.min() < 0:
        raise DatasetError(
            f"labels have to be class indices from 0, but {labels.min()} is among them."
        )
    return labels.astype(np.int64)


def _checked_names(
    labels: npt.NDArray[np.int64], class_names: Sequence[str] | None
) -> tuple[str, ...]:
    found = np.unique(labels)
    if len(found) < 2:
        raise DatasetError(
            f"labels have to be of at least two classes, but all are {found[0]}."
        )
    if class_names is None:
        missing = np.flatnonzero(found != np.arange(len(found)))
        if len(missing):
            raise DatasetError(
                f"labels run to {found[-1]}, but no image has the label {missing[0]}. "
                "Count the classes from 0, or give class_names."
            )
        return tuple(map(str, found.tolist()))
    is_list = isinstance(class_names, Iterable) and not isinstance(class_names, str)
    names = tuple(class_names) if is_list else ()
    is_text = all(isinstance(name, str) and name for name in names)
    if not names or not is_text or len(set(names)) < len(names):
        raise DatasetError(
            "class_names have to be a list of names, all different, but got "
            f"{shown(class_names)}."
        )
    if found[-1] >= len(names):
        raise DatasetError(
            f"There are {len(names)} class_names, so labels have to be below that, but "
            f"{found[-1]} is among them."
        )
    return names
