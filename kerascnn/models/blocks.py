"""What several networks are built from: input, blocks of layers, classifier."""

from __future__ import annotations

from collections.abc import Sequence

import keras
from keras import layers

from kerascnn.models import MODELS
from kerascnn.models.checks import check_image_shape, check_num_classes

# Keras's own 0.99 is still off after a few hundred steps; the papers' code used 0.9.
BN_MOMENTUM = 0.9


def preprocess(x: keras.KerasTensor, size: tuple[int, int]) -> keras.KerasTensor:
    """Scale pixels from `[0, 255]` to `[0, 1]`, and images to `size`.

    Zeros go around images that are at most a quarter too small; others are resized.
    It computes in float32: 16 bits would round the pixels.
    """
    x = layers.Rescaling(1 / 255, dtype="float32", name="rescale")(x)
    sides = x.shape[1:3]
    if sides == size:
        return x
    missing = [target - side for target, side in zip(size, sides, strict=True)]
    if all(0 <= gap <= side / 4 for gap, side in zip(missing, sides, strict=True)):
        around = tuple((gap // 2, gap - gap // 2) for gap in missing)
        return layers.ZeroPadding2D(around, dtype="float32", name="pad")(x)
    # Its `training` is true where nothing is said, and would be that of later layers:
    # dropout would be on in `model(images)`.
    resize = layers.Resizing(*size, dtype="float32", name="resize")
    return resize(x, training=False)


def network_input(
    name: str, input_shape: Sequence[int], num_classes: int
) -> keras.KerasTensor:
    """Make the input of a network, of images scaled to `[0, 1]`.

    Args:
        name: The network, a name of `MODELS`, whose row has the smallest size.
        input_shape: `(height, width, channels)` of the images.
        num_classes: Number of classes, checked here with the shape.

    Raises:
        InputShapeError: A shape that the network cannot take.
        ConfigError: A number of classes that cannot be.
    """
    check_image_shape(name, input_shape, MODELS[name].min_size)
    check_num_classes(name, num_classes)
    return keras.Input(tuple(input_shape), dtype="float32", name="scaled_image")


def conv_relu(
    x: keras.KerasTensor,
    filters: int,
    kernel_size: int,
    *,
    strides: int = 1,
    padding: str = "same",
    name: str,
) -> keras.KerasTensor:
    """Convolve without normalization: `(b, h, w, c)` to `(b, h/s, w/s, filters)`.

    He's initialization keeps the signal's size through many ReLUs; with Glorot's, which
    halves it in each, VGG-16 does not start to learn.
    """
    return layers.Conv2D(
        filters,
        kernel_size,
        strides,
        padding=padding,
        activation="relu",
        kernel_initializer="he_normal",
        name=f"{name}_conv",
    )(x)


def dense_dropout(
    x: keras.KerasTensor, units: int, dropout: float, *, name: str
) -> keras.KerasTensor:
    """Connect everything, and drop some: `(b, n)` to `(b, units)`."""
    x = layers.Dense(
        units, activation="relu", kernel_initializer="he_normal", name=f"{name}_dense"
    )(x)
    return layers.Dropout(dropout, name=f"{name}_dropout")(x)


def conv_bn(
    x: keras.KerasTensor, filters: int, kernel_size: int, *, strides: int = 1, name: str
) -> keras.KerasTensor:
    """Convolve and normalize: `(b, h, w, c)` to `(b, h/s, w/s, filters)`."""
    x = layers.Conv2D(
        filters,
        kernel_size,
        strides,
        padding="same",
        use_bias=False,  # the normalization has one
        kernel_initializer="he_normal",
        name=f"{name}_conv",
    )(x)
    return layers.BatchNormalization(momentum=BN_MOMENTUM, name=f"{name}_bn")(x)


def conv_bn_relu(
    x: keras.KerasTensor, filters: int, kernel_size: int, *, strides: int = 1, name: str
) -> keras.KerasTensor:
    """Convolve, normalize, ReLU: `(b, h, w, c)` to `(b, h/s, w/s, filters)`."""
    x = conv_bn(x, filters, kernel_size, strides=strides, name=name)
    return layers.ReLU(name=f"{name}_relu")(x)


def classifier(x: keras.KerasTensor, num_classes: int) -> keras.KerasTensor:
    """Turn features into class probabilities: `(b, n)` to `(b, num_classes)`.

    Always in float32: probabilities of 16 bits are too coarse for a loss.
    """
    return layers.Dense(
        num_classes, activation="softmax", dtype="float32", name="predictions"
    )(x)
