"""Models without what inference does not need, for converters."""

from __future__ import annotations

import math

import keras
import tensorflow as tf


def for_inference(model: keras.Model) -> keras.Model:
    """Copy a model without what inference does not need.

    Keras's exporter to ONNX does not say that it is no training; models saved by
    version 0.1.0 that resize their images would then have dropout.
    """

    def exchange(layer: keras.Layer) -> keras.Layer:
        if isinstance(layer, keras.layers.Dropout):
            return keras.layers.Identity(name=layer.name)
        kind = type(layer)
        kind = _PlainFlatten if kind is keras.layers.Flatten else kind
        return kind.from_config(layer.get_config())

    copy = keras.models.clone_model(model, clone_function=exchange, recursive=True)
    copy.set_weights(model.get_weights())
    return copy


class _PlainFlatten(keras.layers.Flatten):  # type: ignore[misc]
    """Keras's `Flatten`, which does not ask how many images there are.

    That would be four operations of a TFLite file, which delegates to GPUs refuse.
    """

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        return tf.reshape(inputs, [-1, math.prod(inputs.shape[1:])])
