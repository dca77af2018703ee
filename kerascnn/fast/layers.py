"""Keras's layers, each computed in another way; what they compute is the same.

A layer here always goes its one way. Which of them a network gets is a plan's to say
(`plan.py`); `ways.py` has the table of them. Those that compute in bfloat16 round the
numbers that they multiply to eight bits; images between layers, weights and their
gradients stay in float32. All but `FusedBatchNormalization` are for float32, one
stride, no dilation, no groups, channels last, and images of known size, as `is_plain`
says.
"""

from __future__ import annotations

from collections.abc import Callable

import keras
import tensorflow as tf
from keras import layers

from kerascnn.fast.convolution import (
    convolve_by_sliding,
    convolve_by_taps,
    convolve_depthwise,
)
from kerascnn.fast.pooling import convolve_and_pool
from kerascnn.fast.products import (
    convolve_depthwise_to_pixel,
    convolve_to_pixel,
    mix_channels,
    multiply,
)
from kerascnn.fast.winograd import convolve_winograd

Shape = tuple[int | None, ...]

# Fewer leave a vector register of oneDNN's convolutions unfilled, and the gradients of
# `convolution.py` gain nothing.
MIN_CHANNELS = 16


class WinogradConv2D(layers.Conv2D):  # type: ignore[misc]
    """Keras's `Conv2D` by Winograd's method: 3x3, stride 1, padding `"same"`."""

    def convolution_op(self, inputs: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
        """Convolve: `(b, h, w, c)` to `(b, h, w, filters)`."""
        return convolve_winograd(inputs, tf.convert_to_tensor(kernel))


class TapGradientConv2D(layers.Conv2D):  # type: ignore[misc]
    """Keras's `Conv2D`; the gradient of its weights is a product for each tap."""

    def convolution_op(self, inputs: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
        """Convolve: `(b, h, w, c)` to `(b, h/s, w/s, filters)`."""
        kernel = tf.convert_to_tensor(kernel)
        return convolve_by_taps(inputs, kernel, self.strides[0], self.padding)


class SlidingGradientConv2D(layers.Conv2D):  # type: ignore[misc]
    """Keras's `Conv2D` of stride 1; the gradient of its weights is a convolution."""

    def convolution_op(self, inputs: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
        """Convolve: `(b, h, w, c)` to `(b, h, w, filters)`."""
        return convolve_by_sliding(inputs, tf.convert_to_tensor(kernel), self.padding)


class PixelConv2D(layers.Conv2D):  # type: ignore[misc]
    """Keras's `Conv2D` that gives one pixel, as one matrix product."""

    def convolution_op(self, inputs: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
        """Convolve: `(b, h, w, c)` to `(b, 1, 1, filters)`."""
        kernel = tf.convert_to_tensor(kernel)
        return convolve_to_pixel(inputs, kernel, self.strides[0], self.padding)


class PooledConv2D(layers.Conv2D):  # type: ignore[misc]
    """Keras's `Conv2D` of stride 1, and 2x2 max pooling of what it gives."""

    def convolution_op(self, inputs: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
        """Convolve and pool: `(b, h, w, c)` to `(b, h/2, w/2, filters)`."""
        kernel = tf.convert_to_tensor(kernel)
        return convolve_and_pool(inputs, kernel, self.padding, _convolve_blocks)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """The shape after the pooling."""
        batch, height, width, filters = super().compute_output_shape(input_shape)
        return batch, height // 2, width // 2, filters


class ProductSeparableConv2D(layers.SeparableConv2D):  # type: ignore[misc]
    """Keras's `SeparableConv2D`; a matrix product mixes the channels."""

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """Filter each channel, then mix: `(b, h, w, c)` to `(b, h/s, w/s, filters)`."""
        kernel = tf.convert_to_tensor(self.depthwise_kernel)
        x = self.filter_channels(inputs, kernel)
        x = self.mix_channels(x, tf.convert_to_tensor(self.pointwise_kernel)[0, 0])
        if self.use_bias:
            x = tf.nn.bias_add(x, tf.convert_to_tensor(self.bias))
        return x if self.activation is None else self.activation(x)

    def mix_channels(self, x: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
        """Mix: `(b, h, w, c)` to `(b, h, w, filters)`."""
        return mix_channels(x, weights)

    def filter_channels(self, x: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
        """Each channel by its own kernel: `(b, h, w, c)` to `(b, h/s, w/s, c)`."""
        strides = [1, *self.strides, 1]
        return tf.nn.depthwise_conv2d(x, kernel, strides, self.padding.upper())


class TapGradientSeparableConv2D(ProductSeparableConv2D):
    """The same; the gradient of each channel's kernel is a sum for each tap."""

    def filter_channels(self, x: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
        """Each channel by its own kernel: `(b, h, w, c)` to `(b, h/s, w/s, c)`."""
        return convolve_depthwise(x, kernel, self.strides[0], self.padding)


class PixelSeparableConv2D(ProductSeparableConv2D):
    """The same, of a convolution that gives one pixel."""

    def filter_channels(self, x: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
        """Each channel by its own kernel: `(b, h, w, c)` to `(b, 1, 1, c)`."""
        return convolve_depthwise_to_pixel(x, kernel, self.strides[0], self.padding)


class ProductDense(layers.Dense):  # type: ignore[misc]
    """Keras's `Dense` with a faster gradient of its input."""

    def call(self, inputs: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        """Connect everything: `(b, n)` to `(b, units)`."""
        x = self.multiply(inputs, tf.convert_to_tensor(self.kernel))
        if self.use_bias:
            x = tf.nn.bias_add(x, tf.convert_to_tensor(self.bias))
        return x if self.activation is None else self.activation(x)

    def multiply(self, x: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
        """Multiply: `(b, n)` to `(b, units)`."""
        return multiply(x, weights)


class BFloat16Conv2D(layers.Conv2D):  # type: ignore[misc]
    """Keras's `Conv2D`, computed in bfloat16 between images of float32."""

    def convolution_op(self, inputs: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
        """Convolve: `(b, h, w, c)` to `(b, h/s, w/s, filters)`."""
        return _in_bfloat16(super().convolution_op, inputs, kernel)


class BFloat16PixelConv2D(PixelConv2D):
    """`PixelConv2D`, its product in bfloat16."""

    def convolution_op(self, inputs: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
        """Convolve: `(b, h, w, c)` to `(b, 1, 1, filters)`."""
        return _in_bfloat16(super().convolution_op, inputs, kernel)


class BFloat16SeparableConv2D(ProductSeparableConv2D):
    """`ProductSeparableConv2D`, its product in bfloat16."""

    def mix_channels(self, x: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
        """Mix: `(b, h, w, c)` to `(b, h, w, filters)`."""
        return _in_bfloat16(super().mix_channels, x, weights)


class BFloat16PixelSeparableConv2D(PixelSeparableConv2D):
    """`PixelSeparableConv2D`, its product in bfloat16."""

    def mix_channels(self, x: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
        """Mix: `(b, 1, 1, c)` to `(b, 1, 1, filters)`."""
        return _in_bfloat16(super().mix_channels, x, weights)


class BFloat16Dense(ProductDense):
    """`ProductDense`, its product in bfloat16."""

    def multiply(self, x: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
        """Multiply: `(b, n)` to `(b, units)`."""
        return _in_bfloat16(super().multiply, x, weights)


class FusedBatchNormalization(layers.BatchNormalization):  # type: ignore[misc]
    """Keras's `BatchNormalization`, in training as one operation of TensorFlow.

    Keras's own are many, each of which reads all images.
    """

    def call(
        self, inputs: tf.Tensor, training: bool | None = None, mask: object = None
    ) -> tf.Tensor:
        """Normalize each channel of `(b, h, w, c)` over all pixels of the batch."""
        if self.synchronized or not (training and self.trainable and mask is None):
            return super().call(inputs, training=training, mask=mask)
        y, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
            x=inputs,
            scale=tf.convert_to_tensor(self.gamma),
            offset=tf.convert_to_tensor(self.beta),
            mean=[],
            variance=[],
            epsilon=self.epsilon,
        )
        # It estimates the variance of what the batch was drawn from; Keras averages
        # that of the batch.
        number = tf.cast(tf.reduce_prod(tf.shape(inputs)[:3]), tf.float32)
        variance *= (number - 1) / number
        for average, value in (
            (self.moving_mean, mean),
            (self.moving_variance, variance),
        ):
            average.assign(average * self.momentum + value * (1 - self.momentum))
        return y


def is_plain(layer: keras.Layer) -> bool:
    """Whether a convolution is one that the layers here compute."""
    return (
        layer.data_format == "channels_last"
        and len(set(layer.strides)) == 1
        and layer.compute_dtype == "float32"
        and layer.padding in ("same", "valid")
        and tuple(layer.dilation_rate) == (1, 1)
        and getattr(layer, "groups", 1) == 1
        and getattr(layer, "depth_multiplier", 1) == 1
        and None not in layer.input.shape[1:]
    )


def is_plain_dense(layer: keras.Layer) -> bool:
    """Whether a dense layer is one that `ProductDense` computes."""
    return (
        layer.compute_dtype == "float32"
        and len(layer.input.shape) == 2
        and getattr(layer, "quantization_mode", None) is None
        and not layer.lora_enabled
    )


def is_plain_normalization(layer: keras.Layer) -> bool:
    """Whether a normalization is one that `FusedBatchNormalization` computes."""
    return (
        len(layer.input.shape) == 4
        and layer.axis in (-1, 3)
        and layer.scale
        and layer.center
        and layer.compute_dtype == "float32"
        and not (layer.synchronized or layer.renorm)
    )


def _in_bfloat16(
    compute: Callable[[tf.Tensor, tf.Tensor], tf.Tensor],
    x: tf.Tensor,
    weights: tf.Tensor,
) -> tf.Tensor:
    """Round both to bfloat16; their products are added up in float32, and rounded."""
    y = compute(tf.cast(x, tf.bfloat16), tf.cast(weights, tf.bfloat16))
    return tf.cast(y, tf.float32)


def _convolve_blocks(x: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
    if x.shape[3] < MIN_CHANNELS:
        return tf.nn.conv2d(x, kernel, 1, "VALID")
    return convolve_by_sliding(x, kernel, "valid")
