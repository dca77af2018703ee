"""Time the gradient of a convolution's weights: kerascnn's, and Keras's own.

    python benchmarks/weight_gradients.py

prints a row for the layers of the networks at 32x32 pixels and a batch of 128, with the
shortest of twelve turns. The limits in `kerascnn/fast/layers.py` are from here.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from kerascnn.machine.tensorflow import load_tensorflow

load_tensorflow()
import keras  # noqa: E402
import tensorflow as tf  # noqa: E402

from kerascnn.fast.layers import FAST_LAYERS  # noqa: E402

BATCH_SIZE = 128
TURNS = 12
CONV, SEPARABLE = keras.layers.Conv2D, keras.layers.SeparableConv2D
# Kind of layer; side of the map, channels, filters, kernel, strides; where it is.
LAYERS = (
    (CONV, 1, 512, 512, 3, 1, "resnet18 stage5"),
    (CONV, 2, 256, 512, 3, 2, "resnet18 stage5a"),
    (CONV, 2, 256, 256, 3, 1, "resnet18 stage4"),
    (CONV, 4, 128, 128, 3, 1, "resnet18 stage3"),
    (CONV, 8, 64, 64, 3, 1, "resnet18 stage2"),
    (CONV, 1, 384, 384, 3, 1, "alexnet block4"),
    (CONV, 2, 96, 256, 5, 1, "alexnet block2"),
    (CONV, 2, 512, 512, 3, 1, "vgg16 block5"),
    (CONV, 4, 512, 512, 3, 1, "vgg16 block4"),
    (CONV, 8, 256, 256, 3, 1, "vgg16 block3"),
    (CONV, 16, 128, 128, 3, 1, "vgg16 block2"),
    (SEPARABLE, 1, 1024, 1024, 3, 1, "mobilenet block13"),
    (SEPARABLE, 2, 512, 512, 3, 1, "mobilenet block8"),
    (SEPARABLE, 4, 256, 256, 3, 1, "mobilenet block5"),
)


def gradient(
    layer: keras.Layer, x: tf.Tensor, dy: tf.Tensor
) -> Callable[[], tf.Tensor]:
    """A compiled call that computes one number of a layer's first weights' gradient."""

    @tf.function(autograph=False)
    def compute(x: tf.Tensor, dy: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            y = layer(x)
        weights = layer.trainable_variables[0].value
        return tf.reduce_max(tape.gradient(y, weights, output_gradients=dy))

    return lambda: compute(x, dy).numpy()


def main() -> None:
    """Print the table."""
    print("| layer | map | channels | kernel | Keras | kerascnn |")
    print("| --- | --- | --- | --- | --- | --- |")
    for kind, side, channels, filters, kernel, strides, place in LAYERS:
        x = tf.random.normal((BATCH_SIZE, side, side, channels))
        calls = []
        for layer_type in (kind, FAST_LAYERS[kind]):
            layer = layer_type(filters, kernel, strides, padding="same", use_bias=False)
            calls.append(gradient(layer, x, tf.random.normal(layer(x).shape)))
        times: list[list[float]] = [[], []]
        for _ in range(TURNS):
            for call, values in zip(calls, times, strict=True):
                started = time.perf_counter()
                call()
                values.append(time.perf_counter() - started)
        keras_ms, ours_ms = (1e3 * min(values) for values in times)
        print(
            f"| {place} | {side}x{side} | {channels} to {filters} | {kernel}x{kernel} "
            f"| {keras_ms:.1f} ms | {ours_ms:.1f} ms |",
            flush=True,
        )


if __name__ == "__main__":
    main()
