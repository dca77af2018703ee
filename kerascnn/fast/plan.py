"""Which way each layer of a network is computed: a plan, by the layers' names.

A plan is a value: a run stores it, and whoever goes on with the run, or repeats it,
computes by the same one. `default_plan` makes it from the shapes of a network and a
table of limits by instruction set; `accelerate` follows it. A layer that a plan does
not name stays Keras's own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import keras
from keras import layers

from kerascnn.errors import ConfigError, UnknownNameError, shown
from kerascnn.fast.limits import limits_of
from kerascnn.fast.ways import WAYS
from kerascnn.models.layers import all_layers

Plan = Mapping[str, str]


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
