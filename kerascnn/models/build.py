"""Classifiers of raw pixels: preprocessing, then a network by name."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral
from typing import TYPE_CHECKING, Any

from kerascnn.errors import InputShapeError, shown
from kerascnn.machine.tensorflow import load_tensorflow
from kerascnn.models import MODELS, ModelEntry
from kerascnn.models.checks import check_image_shape, check_num_classes, check_stem

if TYPE_CHECKING:
    import keras


def build_model(
    name: str,
    image_shape: Sequence[int],
    num_classes: int,
    *,
    image_size: int | None = None,
    stem: str | None = None,
    **options: Any,
) -> keras.Model:
    """Build a classifier of raw pixels: preprocessing, then a network.

    The preprocessing is part of the model, so that a saved or exported file takes the
    same pixels as the one that was trained. It scales to `[0, 1]` and brings images to
    the network's size: with zeros around them where that is at most a quarter larger
    (28 to 32), by bilinear interpolation otherwise (28 to 64).

    Args:
        name: A name of `MODELS`; `model.get_layer(name)` is the network.
        image_shape: `(height, width, channels)` of the images, as the data have them.
        num_classes: Number of classes to tell apart, at least 2.
        image_size: Side of the square that the network sees, in pixels. Where `None`,
            the images' own size, but no less than the network's `min_size`.
        stem: The network's first layers, one of its `stems`; the first where `None`.
        **options: Options of the network's builder.

    Returns:
        An uncompiled model from images `(batch, height, width, channels)` in `[0, 255]`
        to class probabilities `(batch, num_classes)`, both float32 under any policy.

    Raises:
        UnknownNameError: A name that is in no row.
        InputShapeError: Images, or an image size, that the network cannot take.
        ConfigError: A stem, an option or a number of classes that cannot be.

    Example:
        >>> build_model("lenet", (28, 28, 1), num_classes=10).output_shape
        (None, 10)
    """
    entry = MODELS[name]
    name = entry.name
    check_image_shape(name, image_shape)
    check_num_classes(name, num_classes)
    size = _network_size(entry, image_shape, image_size)
    options = _builder_options(entry, stem, options)

    load_tensorflow()
    import keras

    from kerascnn.models.blocks import preprocess

    network = entry.load()((*size, image_shape[2]), num_classes, **options)
    inputs = keras.Input(tuple(image_shape), dtype="float32", name="image")
    outputs = network(preprocess(inputs, size))
    return keras.Model(inputs, outputs, name=f"{name}_classifier")


def _network_size(
    entry: ModelEntry, image_shape: Sequence[int], image_size: int | None
) -> tuple[int, int]:
    """Height and width that the network sees."""
    height, width = image_shape[:2]
    if image_size is None:
        return max(height, entry.min_size), max(width, entry.min_size)
    if not isinstance(image_size, Integral) or image_size < entry.min_size:
        raise InputShapeError(
            f"{entry.name} sees images of at least {entry.min_size} pixels a side, but "
            f"got image_size={shown(image_size)}. Choose {entry.min_size} or more."
        )
    return image_size, image_size


def _builder_options(
    entry: ModelEntry, stem: str | None, options: dict[str, Any]
) -> dict[str, Any]:
    """The options to build with, the stem among them where there is a choice."""
    entry.check_options(options)
    if stem is None:
        return options
    check_stem(entry.name, stem)
    return options | ({"stem": stem} if len(entry.stems) > 1 else {})
