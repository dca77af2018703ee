"""Which ways of layers are faster on a machine than those of the default plan."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import keras

from kerascnn.fast.plan import Plan, suitable_ways
from kerascnn.fast.timing import KERAS, time_ways
from kerascnn.models.layers import all_layers

# A default is left for what is so many times as fast: machines drift by some percent.
GAIN = 1.1
# What a layer's speed depends on, beside its shapes.
OPTIONS = ("kernel_size", "strides", "padding", "activation")


@dataclass(frozen=True, kw_only=True)
class TunedLayer:
    """What was measured of a layer.

    Attributes:
        name: Its name, the first of those that are alike.
        kind: What it shares with those, as `layer_kinds` says.
        default: Its way in the default plan; `"keras"` where that leaves it to Keras.
        way: The way that it is to go.
        gain: How often that is as fast as the default, the median of turns.
    """

    name: str
    kind: str
    default: str
    way: str
    gain: float


def tune_layers(
    model: keras.Model, plan: Plan, batch_size: int, *, bfloat16: bool = False
) -> Iterator[TunedLayer]:
    """Time every way of every layer; layers that are alike are timed once.

    Args:
        model: A functional model of Keras's own layers.
        plan: The default plan of it.
        batch_size: Images at a time.
        bfloat16: Whether layers may compute in 16 bits.

    Yields:
        A layer of each kind that has more than one way.
    """
    kinds = layer_kinds(model, batch_size)
    seen = set()
    for name, ways in suitable_ways(model).items():
        allowed = [way for way in ways if bfloat16 or "bfloat16" not in way]
        if not allowed or kinds[name] in seen:
            continue
        seen.add(kinds[name])
        times = time_ways(model, name, batch_size, ways=allowed)
        default = plan.get(name, KERAS)
        way, gain = choose_way(times, default)
        yield TunedLayer(
            name=name, kind=kinds[name], default=default, way=way, gain=gain
        )


def choose_way(times: Mapping[str, Sequence[float]], default: str) -> tuple[str, float]:
    """Leave the default for the fastest way, if that gains enough.

    Args:
        times: Seconds of each turn, by way.
        default: One of the ways.

    Returns:
        A way, and how often it is as fast as the default.
    """
    gains = {
        way: statistics.median(
            before / after for before, after in zip(times[default], mine, strict=True)
        )
        for way, mine in times.items()
    }
    best = max(gains, key=lambda way: gains[way])
    return (best, gains[best]) if gains[best] >= GAIN else (default, 1.0)


def apply_tuning(
    model: keras.Model, plan: Plan, batch_size: int, tuned: Mapping[str, str]
) -> dict[str, str]:
    """Put what was found faster into a plan.

    Args:
        model: As for `tune_layers`.
        plan: The default plan.
        batch_size: Images at a time.
        tuned: Ways by the kind of layer; those that do not suit a layer are left out.
    """
    changed = dict(plan)
    if not tuned:  # most machines; to tell kinds looks at every layer
        return changed
    kinds = layer_kinds(model, batch_size)
    for name, ways in suitable_ways(model).items():
        way = tuned.get(kinds[name])
        if way == KERAS:
            changed.pop(name, None)
        elif way in ways:
            changed[name] = way
    return changed


def layer_kinds(model: keras.Model, batch_size: int) -> dict[str, str]:
    """By a layer's name, all that its speed depends on: equal texts, equal speed."""
    ways = suitable_ways(model)
    weighty = [layer.name for layer in all_layers(model) if layer.weights]
    kinds = {}
    for layer in all_layers(model):
        config = layer.get_config()
        facts = [
            type(layer).__name__,
            *(config.get(option) for option in OPTIONS),
            [tuple(x.shape[1:]) for x in keras.tree.flatten(layer.input)],
            tuple(layer.output.shape[1:]),
            # The first needs no gradient of its images; a pooling may follow, or not.
            *(layer.name == weighty[0], "pooled" in ways[layer.name], batch_size),
        ]
        kinds[layer.name] = json.dumps(facts)
    return kinds
