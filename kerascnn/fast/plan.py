"""Which way each layer of a network is computed: a plan, by the layers' names.

A plan is a value: a run stores it, and whoever goes on with the run, or repeats it,
computes by the same one. `default_plan` makes it from the shapes of a network and a
table of limits by instruction set; `accelerate` follows it. A layer that a plan does
not name stays Keras's own.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import keras
from keras import layers

from kerascnn.errors import ConfigError, UnknownNameError, shown
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
from kerascnn.fast.limits import Limits, limits_of
from kerascnn.fast.winograd import REACH
from kerascnn.models.layers import all_layers

Plan = Mapping[str, str]


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


def default_plan(
    model: keras.Model, instruction_set: str, *, bfloat16: bool = False
) -> dict[str, str]:
    """Choose the way of each layer, by its shape and the limits of a processor.

    Args:
        model: A functional model that uses each of its layers once.
        instruction_set: As `kerascnn.machine.environment.instruction_set` names it, or
            `"GPU"`.
        bfloat16: Whether layers may compute in 16 bits where they gain by it.

    Returns:
        A name of `WAYS` for each layer that is not best left to Keras, by its name.
    """
    limits = limits_of(instruction_set, bfloat16=bfloat16)
    suitable = suitable_ways(model)
    plan = {}
    for layer in all_layers(model):
        for name in suitable[layer.name]:
            if WAYS[name].gains(layer, limits):
                plan[layer.name] = name
                break
    return plan


def suitable_ways(model: keras.Model) -> dict[str, list[str]]:
    """The ways that compute what a layer does, by its name, in the order of `WAYS`."""
    poolings = pooling_after(model)
    return {
        layer.name: [
            name
            for name, way in WAYS.items()
            if type(layer) is way.kind
            and (name != "pooled" or layer.name in poolings)
            and way.suits(layer)
        ]
        for layer in all_layers(model)
    }


def accelerate(model: keras.Model, plan: Plan) -> keras.Model:
    """Copy a model, its layers exchanged as a plan says.

    Args:
        model: A functional model that uses each of its layers once; models in it are
            copied likewise.
        plan: As `default_plan` gives it.

    Returns:
        A model of the same layers, names, weights and seeds. Where a convolution pools
        as well, the layer of the pooling does nothing. To save it, put its weights into
        one of Keras's own layers: a file should need nothing but Keras.

    Raises:
        UnknownNameError: A way or a layer that there is not.
        ConfigError: A way that does not compute what its layer does.
    """
    _check(model, plan)
    poolings = pooling_after(model)
    done = {poolings[name] for name, way in plan.items() if way == "pooled"}

    def exchange(layer: keras.Layer) -> keras.Layer:
        if layer.name in done:
            return layers.Identity(name=layer.name)
        way = plan.get(layer.name)
        kind = type(layer) if way is None else WAYS[way].exchange
        config = layer.get_config()
        # Random numbers for weights that are copied in a moment would take seconds.
        zeros = {name: "zeros" for name in config if name.endswith("_initializer")}
        return kind.from_config(config | zeros)

    copy = keras.models.clone_model(model, clone_function=exchange, recursive=True)
    for variable, original in zip(copy.variables, model.variables, strict=True):
        variable.assign(original)
    return copy


def plan_of(model: keras.Model) -> dict[str, str]:
    """The plan that a model of `accelerate` was made by."""
    ways = {way.exchange: name for name, way in WAYS.items()}
    return {
        layer.name: ways[type(layer)]
        for layer in all_layers(model)
        if type(layer) in ways
    }


def pooling_after(model: keras.Model) -> dict[str, str]:
    """For each convolution whose output goes to a 2x2 pooling alone, that pooling."""
    return dict(_poolings(model))


def _check(model: keras.Model, plan: Plan) -> None:
    suitable = suitable_ways(model)
    for name, way in plan.items():
        if name not in suitable:
            raise UnknownNameError(f"layer of {model.name}", name, suitable)
        if way not in WAYS:
            raise UnknownNameError("way to compute a layer", way, WAYS)
        if way not in suitable[name]:
            raise ConfigError(
                f"{shown(name)} cannot be computed as {way}. Leave it out of the plan "
                "of layers, or take the plan of a run of the same network."
            )


def _poolings(model: keras.Model) -> Iterator[tuple[str, str]]:
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from _poolings(layer)
        elif type(layer) is layers.Conv2D:
            takers = [
                other
                for other in model.layers
                if any(x is layer.output for x in keras.tree.flatten(other.input))
            ]
            is_output = any(x is layer.output for x in model.outputs)
            if len(takers) == 1 and not is_output and _halves(takers[0]):
                yield layer.name, takers[0].name


def _halves(layer: keras.Layer) -> bool:
    """Whether a layer takes the largest of each 2x2 pixels."""
    return (
        type(layer) is layers.MaxPooling2D
        and tuple(layer.pool_size) == (2, 2)
        and tuple(layer.strides) == (2, 2)
        and (layer.padding, layer.data_format) == ("valid", "channels_last")
    )


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
