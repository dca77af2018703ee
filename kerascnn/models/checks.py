"""What a network is asked for, checked before it is built."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral

from kerascnn.errors import ConfigError, InputShapeError, shown
from kerascnn.models import MODELS


def check_image_shape(name: str, image_shape: Sequence[int], min_size: int = 1) -> None:
    """Refuse what is no image shape, or has sides of less than `min_size` pixels.

    Raises:
        InputShapeError: With what the network takes.
    """
    sizes = (min_size, min_size, 1)
    if (
        isinstance(image_shape, Sequence)
        and len(image_shape) == 3
        and all(isinstance(size, Integral) for size in image_shape)
        and all(size >= least for size, least in zip(image_shape, sizes, strict=True))
    ):
        return
    is_small = name == "lenet" or min_size == 1
    hint = "" if is_small else ", or choose a smaller network such as lenet"
    raise InputShapeError(
        f"{name} takes images of shape (height, width, channels), in pixels, with "
        f"sides of at least {min_size}, but got {shown(image_shape)}. Give images of "
        f"that shape{hint}."
    )


def check_num_classes(name: str, num_classes: int) -> None:
    """Refuse a number of classes that cannot be told apart.

    Raises:
        ConfigError: With what was given.
    """
    if not isinstance(num_classes, Integral) or num_classes < 2:
        raise ConfigError(
            f"{name} tells at least 2 classes apart, but got num_classes="
            f"{shown(num_classes)}. Give data with two classes or more."
        )


def check_stem(name: str, stem: str) -> None:
    """Refuse a stem that the network does not have.

    Raises:
        ConfigError: With those that it has.
    """
    stems = MODELS[name].stems
    if stem not in stems:
        raise ConfigError(
            f"{name} has no stem {shown(stem)}. Choose from: {', '.join(stems)}."
        )
