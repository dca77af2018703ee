"""The work of a model: multiplications for one image."""

from __future__ import annotations

import math

import keras
from keras import layers

COUNTED = (
    layers.Conv2D,
    layers.DepthwiseConv2D,
    layers.SeparableConv2D,
    layers.Dense,
)


def count_multiply_adds(model: keras.Model) -> int:
    """Count the multiplications, each with its addition, that one image takes.

    Convolutions and dense layers count, those of models inside the model too: each
    weight of a kernel once for every position of the output. Biases, pooling,
    normalization and resizing are not counted.

    Args:
        model: A functional or sequential model for images of one size that applies
            each of its layers once.

    Returns:
        The number of multiply-adds.

    Example:
        >>> count_multiply_adds(build_lenet((28, 28, 1), num_classes=10))
        416520
    """
    return sum(layer_multiply_adds(layer) for layer in model.layers)


def layer_multiply_adds(layer: keras.Layer) -> int:
    """The share of one layer in `count_multiply_adds`."""
    if isinstance(layer, keras.Model):
        return count_multiply_adds(layer)
    if not isinstance(layer, COUNTED):
        return 0
    positions: int = math.prod(layer.output.shape[1:-1])
    kernels = [weight for weight in layer.weights if len(weight.shape) > 1]
    num_weights: int = sum(math.prod(kernel.shape) for kernel in kernels)
    return positions * num_weights
