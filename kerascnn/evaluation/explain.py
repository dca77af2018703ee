"""What of an image speaks for the predicted class: Grad-CAM.

Selvaraju et al. (2017), https://arxiv.org/abs/1610.02391. A map of a convolution is
summed over its channels, each weighted by the mean gradient of the class's score, which
is what goes into softmax; what is below zero speaks for other classes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from kerascnn.errors import ModelFileError
from kerascnn.model_files.keras_model import Pixels
from kerascnn.models.layers import all_layers

# A smaller map says next to nothing of where something is.
LEAST_SIDE = 4
# The gradients of so many images at a time are in memory.
BATCH_SIZE = 16
# What may come last in a stage of convolutions. After pooling a map is coarser.
MAPS = (
    keras.layers.Conv2D,
    keras.layers.DepthwiseConv2D,
    keras.layers.SeparableConv2D,
    keras.layers.BatchNormalization,
    keras.layers.Activation,
    keras.layers.ReLU,
    keras.layers.Add,
)

Box = tuple[float, float, float, float]


class Call(NamedTuple):
    """A layer at work, with the shapes of its first input and its output."""

    layer: keras.Layer
    takes: tuple[int, ...]
    gives: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """Where in an image there is what speaks for a class.

    Attributes:
        layer: The layer whose map it is, by its name in the model.
        heat: `(height, width)` of the map; from 0 to 1, which the strongest place has,
            or 0 everywhere where nothing speaks for the class.
        box: Left, top, right and bottom of what the map covers, where the image is from
            0 to 1; a network that pads images sees more, one that does not pad less.
    """

    layer: str
    heat: npt.NDArray[np.float32]
    box: Box

    def to_dict(self) -> dict[str, Any]:
        """Plain values, rounded."""
        rows = self.heat.astype(float).round(3).tolist()
        box = [round(side, 3) for side in self.box]
        return {"layer": self.layer, "box": box, "heat": rows}


def explain_images(
    model: keras.Model, images: Pixels, classes: npt.NDArray[np.int64], path: Path
) -> list[Explanation]:
    """Explain predictions by the last map that has at least 4x4 pixels.

    Args:
        model: A model from raw pixels to probabilities, which ends in softmax.
        images: Raw pixels, `(number, height, width, channels)`; at least one.
        classes: The class of each image to explain, `(number,)`.
        path: What to call the model.

    Returns:
        An explanation for each image.

    Raises:
        ModelFileError: The model has no such map, or no softmax at its end.
    """
    calls: list[Call] = []

    def note(layer: keras.Layer, taken: Any, given: tf.Tensor) -> None:
        first = taken[0] if isinstance(taken, list) else taken
        calls.append(Call(layer, tuple(first.shape), tuple(given.shape)))

    with ExitStack() as stack:
        for layer in all_layers(model):
            stack.enter_context(_told(layer, partial(note, layer)))
        model(_floats(images[:1]), training=False)
    maps = [
        index
        for index, (layer, _, gives) in enumerate(calls)
        if isinstance(layer, MAPS) and len(gives) == 4 and min(gives[1:3]) >= LEAST_SIDE
    ]
    if not maps:
        raise ModelFileError(
            f"{path} cannot be explained: it has no map of a convolution with at "
            f"least {LEAST_SIDE}x{LEAST_SIDE} pixels. Leave --explain out, or train "
            "with a larger --image-size."
        )
    layer, box = calls[maps[-1]].layer, _covered(calls[: maps[-1] + 1])
    with _without_softmax(calls[-1].layer, path):
        heat = np.concatenate(
            [
                _heat(model, layer, images[part], classes[part])
                for part in _parts(len(images))
            ]
        )
    return [Explanation(layer=layer.name, heat=one, box=box) for one in heat]


def _heat(
    model: keras.Model,
    layer: keras.Layer,
    images: Pixels,
    classes: npt.NDArray[np.int64],
) -> npt.NDArray[np.float32]:
    """The maps of some images, `(number, height, width)`, of a model without softmax.

    Of the network only what follows the layer is recorded for gradients.
    """
    seen: list[tf.Tensor] = []
    with tf.GradientTape(watch_accessed_variables=False) as tape:

        def keep(_: Any, output: tf.Tensor) -> None:
            tape.watch(output)
            seen[:] = [output]

        with _told(layer, keep):
            logits = model(_floats(images), training=False)
        scores = tf.gather(logits, classes, axis=1, batch_dims=1)
    (maps,) = seen
    weights = tf.reduce_mean(tape.gradient(scores, maps), axis=(1, 2), keepdims=True)
    heat = tf.nn.relu(tf.reduce_sum(weights * maps, axis=-1))
    strongest = tf.reduce_max(heat, axis=(1, 2), keepdims=True)
    return np.asarray(tf.math.divide_no_nan(heat, strongest), np.float32)


def _covered(calls: Sequence[Call]) -> Box:
    """What the last map of some calls covers, the image being from 0 to 1.

    A pixel of a map is where the middle of what it is computed from is. Padding before
    the network goes beyond the image, and convolutions without padding stay inside.
    """
    sides = np.array(calls[0].takes[1:3])
    edge, pixel = np.zeros(2), 1 / sides
    for layer, takes, gives in calls:
        before, after = np.array(takes[1:3]), np.array(gives[1:3])
        if tuple(before) != tuple(sides):
            continue  # a branch beside the one that was followed
        size = getattr(layer, "kernel_size", getattr(layer, "pool_size", None))
        if isinstance(layer, keras.layers.ZeroPadding2D):
            edge -= pixel * [start for start, _ in layer.padding]
        elif size is not None:
            around = (after - 1) * layer.strides + size - before
            padded = around // 2 if layer.padding == "same" else 0
            edge += pixel * (
                (np.array(size) - layer.strides) / 2 - np.maximum(padded, 0)
            )
            pixel = pixel * layer.strides
        else:  # it changes the size, if at all, by scaling
            pixel = pixel * before / after
        sides = after
    (top, left), (bottom, right) = edge, edge + pixel * sides
    return float(left), float(top), float(right), float(bottom)


def _without_softmax(layer: keras.Layer, path: Path) -> Any:
    """The last layer without softmax, whose gradients vanish where a model is sure."""
    if getattr(layer, "activation", None) is keras.activations.softmax:
        return _exchanged(layer, "activation", keras.activations.linear)
    if isinstance(layer, keras.layers.Softmax):
        return _exchanged(layer, "call", lambda inputs, *_, **__: inputs)
    raise ModelFileError(
        f"{path} cannot be explained: its last layer, {layer.name}, is no softmax. "
        "Leave --explain out, or end the model in softmax."
    )


def _told(layer: keras.Layer, tell: Callable[[Any, tf.Tensor], None]) -> Any:
    """Tells what a layer takes and gives, for as long as the context lasts."""
    call = layer.call

    def told(inputs: Any, *arguments: Any, **options: Any) -> Any:
        output = call(inputs, *arguments, **options)
        tell(inputs, output)
        return output

    return _exchanged(layer, "call", told)


@contextmanager
def _exchanged(layer: keras.Layer, name: str, value: object) -> Iterator[None]:
    """Give a layer another attribute of its own, for as long as the context lasts."""
    before = vars(layer).get(name)
    setattr(layer, name, value)
    try:
        yield
    finally:
        if before is None:
            delattr(layer, name)
        else:
            setattr(layer, name, before)


def _parts(number: int) -> list[slice]:
    starts = range(0, number, BATCH_SIZE)
    return [slice(start, start + BATCH_SIZE) for start in starts]


def _floats(images: Pixels) -> tf.Tensor:
    return tf.cast(images, tf.float32)
