"""ResNet-18 (He et al., 2015), https://arxiv.org/abs/1512.03385."""

from __future__ import annotations

import keras
from keras import layers

from kerascnn.models.blocks import (
    classifier,
    conv_bn,
    conv_bn_relu,
    network_input,
)
from kerascnn.models.checks import check_stem

# Table 1 of the paper, conv2_x to conv5_x: (filters, strides) of each pair of blocks.
STAGES = ((64, 1), (128, 2), (256, 2), (512, 2))


def build_resnet18(
    input_shape: tuple[int, int, int] = (224, 224, 3),
    num_classes: int = 1000,
    *,
    stem: str = "paper",
) -> keras.Model:
    """Build ResNet-18 with randomly initialized weights.

    As in the paper, with projections where a block changes the shape (option B):
    11,699,112 parameters at the defaults, 9,600 of them moving statistics.

    Args:
        input_shape: `(height, width, channels)`, sides of at least 32 pixels.
        num_classes: Number of classes to tell apart.
        stem: `"paper"` quarters the image with a 7x7 convolution and a pooling;
            `"small"`, for small images, keeps its size with a 3x3 convolution.

    Returns:
        An uncompiled model from images `(batch, height, width, channels)`, scaled to
        `[0, 1]`, to class probabilities `(batch, num_classes)`.

    Raises:
        InputShapeError: An image that the network cannot take.
        ConfigError: Fewer than two classes, or a stem that there is not.

    Example:
        >>> build_resnet18((32, 32, 3), num_classes=10, stem="small").output_shape
        (None, 10)
    """
    check_stem("resnet18", stem)
    inputs = network_input("resnet18", input_shape, num_classes)
    if stem == "paper":
        x = conv_bn_relu(inputs, 64, 7, strides=2, name="stem")
        x = layers.MaxPooling2D(3, 2, padding="same", name="stem_pool")(x)
    else:
        x = conv_bn_relu(inputs, 64, 3, name="stem")
    for stage, (filters, strides) in enumerate(STAGES, start=2):
        x = residual_block(x, filters, strides=strides, name=f"stage{stage}a")
        x = residual_block(x, filters, strides=1, name=f"stage{stage}b")
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    return keras.Model(inputs, classifier(x, num_classes), name="resnet18")


def residual_block(
    x: keras.KerasTensor, filters: int, *, strides: int, name: str
) -> keras.KerasTensor:
    """Add two convolutions to a shortcut: `(b, h, w, c)` to `(b, h/s, w/s, filters)`.

    The shortcut is `x` itself, or, where the shapes differ, a 1x1 convolution of it
    (option B of the paper).
    """
    y = conv_bn_relu(x, filters, 3, strides=strides, name=f"{name}_1")
    y = conv_bn(y, filters, 3, name=f"{name}_2")
    if x.shape != y.shape:
        x = conv_bn(x, filters, 1, strides=strides, name=f"{name}_shortcut")
    return layers.ReLU(name=f"{name}_relu")(layers.Add(name=f"{name}_add")([x, y]))
