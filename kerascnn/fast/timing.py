"""How long each way of computing a layer takes here: forward, and both gradients."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping

import keras
import tensorflow as tf

from kerascnn.fast.plan import Plan, accelerate, pooling_after, suitable_ways
from kerascnn.models.layers import all_layers

KERAS = "keras"
TURN_SECONDS = 0.05


def time_ways(
    model: keras.Model,
    name: str,
    batch_size: int,
    *,
    ways: Collection[str] | None = None,
    turns: int = 12,
) -> dict[str, list[float]]:
    """Time the ways of a layer, turn by turn.

    Args:
        model: The network that it is in, of Keras's own layers.
        name: The layer's name.
        batch_size: Images at a time.
        ways: Some of `WAYS`; all that suit the layer where `None`.
        turns: How often each is timed, after one turn that is not counted.

    Returns:
        Seconds of each turn, by way: `"keras"` and the others. Those of one turn
        belong together.
    """
    by_name = {layer.name: layer for layer in all_layers(model)}
    alone = _alone(model, by_name, name)
    plans: dict[str, Plan] = {KERAS: {}}
    ways = suitable_ways(alone)[name] if ways is None else ways
    plans |= {way: {name: way} for way in ways}
    first = next(layer.name for layer in by_name.values() if layer.weights)
    calls = {
        way: _step(accelerate(alone, plan), batch_size, needs_dx=name != first)
        for way, plan in plans.items()
    }
    times: dict[str, list[float]] = {way: [] for way in calls}
    repeats = {way: _repeats(call) for way, call in calls.items()}
    for _ in range(turns):
        for way, call in calls.items():
            times[way].append(_seconds(call, repeats[way]))
    return times


def _alone(
    model: keras.Model, by_name: Mapping[str, keras.Layer], name: str
) -> keras.Model:
    """A network of a layer alone, and of the pooling after it where they may be one."""
    x = inputs = keras.Input(by_name[name].input.shape[1:])
    pooling = pooling_after(model).get(name)
    for part in [name] if pooling is None else [name, pooling]:
        layer = by_name[part]
        x = type(layer).from_config(layer.get_config())(x)
    return keras.Model(inputs, x)


def _step(
    model: keras.Model, batch_size: int, *, needs_dx: bool
) -> Callable[[], object]:
    """A compiled call that computes a layer's outputs and gradients."""
    x = tf.random.normal((batch_size, *model.input_shape[1:]))
    dy = tf.random.normal((batch_size, *model.output_shape[1:]))

    def compute(x: tf.Tensor, dy: tf.Tensor) -> list[tf.Tensor]:
        sources = [variable.value for variable in model.trainable_variables]
        with tf.GradientTape() as tape:
            if needs_dx:
                tape.watch(x)
                sources.append(x)
            y = model(x, training=True)
        gradients = tape.gradient(y, sources, output_gradients=dy)
        return [y, *gradients]

    compiled = tf.function(compute, autograph=False)
    # Else TensorFlow warns of many traces where many layers are timed.
    concrete = compiled.get_concrete_function(x, dy)
    return lambda: concrete(x, dy)


def _repeats(call: Callable[[], object]) -> int:
    """How often to call for a turn; the first call compiles."""
    call()
    return max(1, round(TURN_SECONDS / _seconds(call, 2)))


def _seconds(call: Callable[[], object], repeats: int) -> float:
    started = time.perf_counter()
    for _ in range(repeats):
        call()
    return (time.perf_counter() - started) / repeats
