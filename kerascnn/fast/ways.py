"""The ways to compute each kind of layer: where they are right, where they gain."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import keras
from keras import layers

from kerascnn.fast.layers import (
    MIN_CHANNELS,
    BFloat16Conv2D,
    BFloat16Dense,
    BFloat16PixelConv2D,
    BFloat16PixelSeparableConv2D,
    BFloat16SeparableConv2D,
    FusedBatchNormalization,
    PixelConv2D,
    PixelSeparableConv2D,
    PooledConv2D,
    ProductDense,
    ProductSeparableConv2D,
    SlidingGradientConv2D,
    TapGradientConv2D,
    TapGradientSeparableConv2D,
    WinogradConv2D,
    is_plain,
    is_plain_dense,
    is_plain_normalization,
)
from kerascnn.fast.limits import Limits
from kerascnn.fast.winograd import REACH


@dataclass(frozen=True, kw_only=True)
class Way:
    """A way to compute layers of a kind.

    Attributes:
        kind: Keras's own layer.
        exchange: The layer that computes so.
        suits: Whether it computes what a layer of the kind does.
        gains: Whether it is the faster one, by the limits of a processor.
    """

    kind: type[keras.Layer]
    exchange: type[keras.Layer]
    suits: Callable[[keras.Layer], bool]
    gains: Callable[[keras.Layer, Limits], bool]


def _area(x: keras.KerasTensor) -> int:
    """Pixels of a map."""
    return int(x.shape[1] * x.shape[2])


def _suits_pooled(layer: keras.Layer) -> bool:
    """Whether a convolution may be joined to a pooling.

    The pooling comes before bias and activation then, which must keep the order of
    numbers.
    """
    return (
        is_plain(layer)
        and min(layer.output.shape[1:3]) > 1
        and tuple(layer.strides) == (1, 1)
        and len(set(layer.kernel_size)) == 1
        and layer.activation in (keras.activations.relu, keras.activations.linear)
    )


def _suits_winograd(layer: keras.Layer) -> bool:
    return (
        is_plain(layer)
        and tuple(layer.kernel_size) == (REACH, REACH)
        and tuple(layer.strides) == (1, 1)
        and layer.padding == "same"
        and _area(layer.input) > 1
    )


def _gains_winograd(layer: keras.Layer, limits: Limits) -> bool:
    area, channels = _area(layer.input), layer.input.shape[3]
    is_large = area > limits.wide_area
    least = limits.winograd_wide if is_large else limits.winograd_channels
    return (
        area <= limits.winograd_area
        and channels >= limits.winograd_channels
        and layer.filters >= least
    )


def _suits_pixel(layer: keras.Layer) -> bool:
    return is_plain(layer) and _area(layer.output) == 1


def _gains_pixel(layer: keras.Layer, limits: Limits) -> bool:
    is_small = _area(layer.input) <= limits.pixel_area
    return is_small and bool(layer.input.shape[3] >= MIN_CHANNELS)


def _gains_bfloat16(layer: keras.Layer, limits: Limits) -> bool:
    is_winograd = _suits_winograd(layer) and _gains_winograd(layer, limits)
    least = limits.bfloat16_wide_area if is_winograd else limits.bfloat16_area
    terms = math.prod(layer.kernel_size) * layer.input.shape[3]
    return (
        limits.computes_bfloat16
        and terms >= limits.bfloat16_terms
        and _area(layer.output) >= least
    )


def _gains_dense(layer: keras.Layer, limits: Limits) -> bool:
    return bool(min(layer.units, layer.input.shape[1]) >= limits.dense_units)


def _gains_gradient(layer: keras.Layer, area: int) -> bool:
    """Whether a convolution gains by a gradient of its weights up to so many pixels."""
    return layer.input.shape[3] >= MIN_CHANNELS and _area(layer.output) <= area


# The first that suits a layer and gains is taken.
WAYS: dict[str, Way] = {
    "pooled": Way(
        kind=layers.Conv2D,
        exchange=PooledConv2D,
        suits=_suits_pooled,
        gains=lambda layer, limits: (
            layer.input.shape[3] <= limits.pooled_channels
            and layer.filters <= limits.pooled_filters
        ),
    ),
    "bfloat16_pixel": Way(
        kind=layers.Conv2D,
        exchange=BFloat16PixelConv2D,
        suits=_suits_pixel,
        gains=lambda layer, limits: (
            limits.computes_bfloat16
            and _gains_pixel(layer, limits)
            and _area(layer.input) > 1
        ),
    ),
    "pixel": Way(
        kind=layers.Conv2D,
        exchange=PixelConv2D,
        suits=_suits_pixel,
        gains=_gains_pixel,
    ),
    "bfloat16": Way(
        kind=layers.Conv2D,
        exchange=BFloat16Conv2D,
        suits=is_plain,
        gains=_gains_bfloat16,
    ),
    "winograd": Way(
        kind=layers.Conv2D,
        exchange=WinogradConv2D,
        suits=_suits_winograd,
        gains=_gains_winograd,
    ),
    "tap_gradient": Way(
        kind=layers.Conv2D,
        exchange=TapGradientConv2D,
        suits=is_plain,
        gains=lambda layer, limits: (
            tuple(layer.strides) == (1, 1) and _gains_gradient(layer, limits.tap_area)
        ),
    ),
    "sliding_gradient": Way(
        kind=layers.Conv2D,
        exchange=SlidingGradientConv2D,
        suits=lambda layer: is_plain(layer) and tuple(layer.strides) == (1, 1),
        gains=lambda layer, limits: _gains_gradient(layer, limits.sliding_area),
    ),
    "bfloat16_separable_pixel": Way(
        kind=layers.SeparableConv2D,
        exchange=BFloat16PixelSeparableConv2D,
        suits=_suits_pixel,
        gains=lambda layer, limits: (
            limits.computes_bfloat16 and _gains_pixel(layer, limits)
        ),
    ),
    "bfloat16_separable": Way(
        kind=layers.SeparableConv2D,
        exchange=BFloat16SeparableConv2D,
        suits=is_plain,
        gains=lambda layer, limits: limits.computes_bfloat16,
    ),
    "separable_pixel": Way(
        kind=layers.SeparableConv2D,
        exchange=PixelSeparableConv2D,
        suits=_suits_pixel,
        gains=_gains_pixel,
    ),
    "separable_taps": Way(
        kind=layers.SeparableConv2D,
        exchange=TapGradientSeparableConv2D,
        suits=is_plain,
        gains=lambda layer, limits: (
            tuple(layer.strides) == (1, 1)
            and _area(layer.output) <= limits.separable_tap_area
        ),
    ),
    "separable_product": Way(
        kind=layers.SeparableConv2D,
        exchange=ProductSeparableConv2D,
        suits=is_plain,
        gains=lambda layer, limits: _area(layer.output) <= limits.separable_area,
    ),
    "bfloat16_dense": Way(
        kind=layers.Dense,
        exchange=BFloat16Dense,
        suits=is_plain_dense,
        gains=lambda layer, limits: (
            limits.computes_bfloat16 and _gains_dense(layer, limits)
        ),
    ),
    "stacked": Way(
        kind=layers.Dense,
        exchange=ProductDense,
        suits=is_plain_dense,
        gains=_gains_dense,
    ),
    "fused": Way(
        kind=layers.BatchNormalization,
        exchange=FusedBatchNormalization,
        suits=is_plain_normalization,
        gains=lambda layer, limits: limits.fuses_normalization,
    ),
}
