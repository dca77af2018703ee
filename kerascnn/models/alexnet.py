"""AlexNet (Krizhevsky et al., 2012).

https://papers.nips.cc/paper/4824-imagenet-classification-with-deep-convolutional-neural-networks
"""

from __future__ import annotations

import keras
from keras import layers

from kerascnn.models import MODELS
from kerascnn.models.blocks import (
    classifier,
    conv_relu,
    dense_dropout,
    network_input,
)


def build_alexnet(
    input_shape: tuple[int, int, int] = (227, 227, 3),
    num_classes: int = 1000,
    *,
    dropout: float = 0.5,
) -> keras.Model:
    """Build AlexNet with randomly initialized weights.

    Departures from the paper: one tower instead of two that share a few layers (the
    halves were for two GPUs: 62,378,344 parameters instead of 60,965,224); no local
    response normalization (it has no parameters); He's initialization instead of a
    fixed deviation of 0.01. The paper says 224x224 pixels, its layers need 227x227.

    Args:
        input_shape: `(height, width, channels)`, sides of at least 32 pixels.
        num_classes: Number of classes to tell apart.
        dropout: Fraction of each wide dense layer dropped in training, in `[0, 1)`.

    Returns:
        An uncompiled model from images `(batch, height, width, channels)`, scaled to
        `[0, 1]`, to class probabilities `(batch, num_classes)`.

    Raises:
        InputShapeError: An image that the network cannot take.
        ConfigError: Fewer than two classes, or an impossible dropout.

    Example:
        >>> build_alexnet((64, 64, 1), num_classes=10).output_shape
        (None, 10)
    """
    MODELS["alexnet"].check_options({"dropout": dropout})
    inputs = network_input("alexnet", input_shape, num_classes)
    x = conv_relu(inputs, 96, 11, strides=4, padding="valid", name="block1")
    x = overlapping_pool(x, name="block1")
    x = conv_relu(x, 256, 5, name="block2")
    x = overlapping_pool(x, name="block2")
    x = conv_relu(x, 384, 3, name="block3")
    x = conv_relu(x, 384, 3, name="block4")
    x = conv_relu(x, 256, 3, name="block5")
    x = overlapping_pool(x, name="block5")
    x = layers.Flatten(name="flatten")(x)
    x = dense_dropout(x, 4096, dropout, name="fc1")
    x = dense_dropout(x, 4096, dropout, name="fc2")
    return keras.Model(inputs, classifier(x, num_classes), name="alexnet")


def overlapping_pool(x: keras.KerasTensor, *, name: str) -> keras.KerasTensor:
    """Pool windows that overlap by a row: `(b, h, w, c)` to `(b, (h-1)/2, (w-1)/2, c)`.

    Maps smaller than a window, which small images lead to, are padded.
    """
    padding = "valid" if min(x.shape[1:3]) >= 3 else "same"
    return layers.MaxPooling2D(3, 2, padding=padding, name=f"{name}_pool")(x)
