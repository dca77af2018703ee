"""What of an image speaks for the predicted class: Grad-CAM.

Selvaraju et al. (2017), https://arxiv.org/abs/1610.02391. A map of a convolution is
summed over its channels, each weighted by the mean gradient of the class's score, which
is what goes into softmax; what is below zero speaks for other classes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from kerascnn.errors import ModelFileError
from kerascnn.model_files.keras_model import Pixels

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


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """Where in an image there is what speaks for a class.

    Attributes:
        layer: The layer whose map it is, by its name in the model.
        heat: `(height, width)` of the map, which covers the image; from 0 to 1, which
            the strongest place has, or 0 everywhere where nothing speaks for the class.
    """

    layer: str
    heat: npt.NDArray[np.float32]

    def to_dict(self) -> dict[str, Any]:
        """Plain values, rounded."""
        rows = self.heat.astype(float).round(3).tolist()
        return {"layer": self.layer, "heat": rows}


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
    called: list[tuple[keras.Layer, tuple[int, ...]]] = []

    def note(layer: keras.Layer, output: tf.Tensor) -> None:
        called.append((layer, tuple(output.shape)))

    with ExitStack() as stack:
        for layer in _layers(model):
            stack.enter_context(_told(layer, partial(note, layer)))
        model(_floats(images[:1]), training=False)
    maps = [
        layer
        for layer, shape in called
        if isinstance(layer, MAPS) and len(shape) == 4 and min(shape[1:3]) >= LEAST_SIDE
    ]
    if not maps:
        raise ModelFileError(
            f"{path} cannot be explained: it has no map of a convolution with at "
            f"least {LEAST_SIDE}x{LEAST_SIDE} pixels. Leave --explain out, or train "
            "with a larger --image-size."
        )
    with _without_softmax(called[-1][0], path):
        heat = np.concatenate(
            [
                _heat(model, maps[-1], images[part], classes[part])
                for part in _parts(len(images))
            ]
        )
    return [Explanation(layer=maps[-1].name, heat=one) for one in heat]


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

        def keep(output: tf.Tensor) -> None:
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


def _layers(model: keras.Model) -> Iterator[keras.Layer]:
    """The layers that compute, those of models in the model among them."""
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from _layers(layer)
        else:
            yield layer


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


def _told(layer: keras.Layer, tell: Callable[[tf.Tensor], None]) -> Any:
    """Tells what a layer gives, for as long as the context lasts."""
    call = layer.call

    def told(*arguments: Any, **options: Any) -> Any:
        output = call(*arguments, **options)
        tell(output)
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
