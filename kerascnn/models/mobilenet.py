"""MobileNet v1 (Howard et al., 2017), https://arxiv.org/abs/1704.04861."""

from __future__ import annotations

import keras
from keras import layers

from kerascnn.models import MODELS
from kerascnn.models.blocks import (
    BN_MOMENTUM,
    classifier,
    conv_bn_relu,
    network_input,
)
from kerascnn.models.checks import check_stem

STEM_FILTERS = 32
# Table 1 of the paper: (filters, strides) of each depthwise-separable block. The last
# has strides 2 there, a slip: the row below it has the same 7x7 maps.
BLOCKS = (
    (64, 1),
    (128, 2), (128, 1),
    (256, 2), (256, 1),
    (512, 2), (512, 1), (512, 1), (512, 1), (512, 1), (512, 1),
    (1024, 2), (1024, 1),
)  # fmt: skip


def build_mobilenet(
    input_shape: tuple[int, int, int] = (224, 224, 3),
    num_classes: int = 1000,
    *,
    alpha: float = 1.0,
    dropout: float = 0.001,
    stem: str = "paper",
) -> keras.Model:
    """Build MobileNet v1 with randomly initialized weights.

    The paper puts batch normalization and a ReLU between the depthwise and the
    pointwise convolution. `SeparableConv2D` joins the two, so here both come once,
    after the pair: 4,234,024 parameters at the defaults instead of 4,253,864.

    Args:
        input_shape: `(height, width, channels)`, sides of at least 32 pixels.
        num_classes: Number of classes to tell apart.
        alpha: Width multiplier: every layer has `alpha` times the paper's filters; at
            least 1/32, which leaves one in the stem.
        dropout: Fraction of the pooled features dropped in training, in `[0, 1)`.
        stem: `"paper"` halves the image in the first convolution; `"small"`, for small
            images, keeps its size.

    Returns:
        An uncompiled model from images `(batch, height, width, channels)`, scaled to
        `[0, 1]`, to class probabilities `(batch, num_classes)`.

    Raises:
        InputShapeError: An image that the network cannot take.
        ConfigError: Fewer than two classes, or an option that cannot be.

    Example:
        >>> build_mobilenet((32, 32, 3), num_classes=10, stem="small").output_shape
        (None, 10)
    """
    MODELS["mobilenet"].check_options({"alpha": alpha, "dropout": dropout})
    check_stem("mobilenet", stem)
    inputs = network_input("mobilenet", input_shape, num_classes)
    strides = 2 if stem == "paper" else 1
    x = conv_bn_relu(inputs, int(STEM_FILTERS * alpha), 3, strides=strides, name="stem")
    for block, (filters, strides) in enumerate(BLOCKS, start=1):
        x = separable_block(
            x, int(filters * alpha), strides=strides, name=f"block{block}"
        )
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    x = layers.Dropout(dropout, name="dropout")(x)
    return keras.Model(inputs, classifier(x, num_classes), name="mobilenet")


def separable_block(
    x: keras.KerasTensor, filters: int, *, strides: int, name: str
) -> keras.KerasTensor:
    """Filter each channel, then mix: `(b, h, w, c)` to `(b, h/s, w/s, filters)`."""
    # A depthwise output sees the 9 values of one channel. Keras takes 9 for the fan-out
    # of its kernel, and for its fan-in 9 times the channels, which would silence it.
    depthwise = keras.initializers.VarianceScaling(scale=1.0, mode="fan_out")
    x = layers.SeparableConv2D(
        filters,
        3,
        strides,
        padding="same",
        use_bias=False,  # the normalization has one
        depthwise_initializer=depthwise,
        pointwise_initializer="he_normal",
        name=f"{name}_sepconv",
    )(x)
    x = layers.BatchNormalization(momentum=BN_MOMENTUM, name=f"{name}_bn")(x)
    return layers.ReLU(name=f"{name}_relu")(x)
