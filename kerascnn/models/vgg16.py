"""VGG-16 (Simonyan and Zisserman, 2014), https://arxiv.org/abs/1409.1556."""

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

# Column D of the paper's Table 1: (filters, convolutions) of each block.
BLOCKS = ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))


def build_vgg16(
    input_shape: tuple[int, int, int] = (224, 224, 3),
    num_classes: int = 1000,
    *,
    dropout: float = 0.5,
) -> keras.Model:
    """Build VGG-16 with randomly initialized weights.

    The one departure from the paper is He's initialization, without which it has to be
    grown from a shallower network. 138,357,544 parameters at the defaults, as there.

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
        >>> build_vgg16((32, 32, 1), num_classes=10).output_shape
        (None, 10)
    """
    MODELS["vgg16"].check_options({"dropout": dropout})
    inputs = network_input("vgg16", input_shape, num_classes)
    x = inputs
    for block, (filters, num_convs) in enumerate(BLOCKS, start=1):
        for conv in range(1, num_convs + 1):
            x = conv_relu(x, filters, 3, name=f"block{block}_{conv}")
        x = layers.MaxPooling2D(2, name=f"block{block}_pool")(x)
    x = layers.Flatten(name="flatten")(x)
    x = dense_dropout(x, 4096, dropout, name="fc1")
    x = dense_dropout(x, 4096, dropout, name="fc2")
    return keras.Model(inputs, classifier(x, num_classes), name="vgg16")
