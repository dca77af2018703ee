"""Layers that train faster on CPUs; what they compute is the same.

Normalization is one operation instead of Keras's many, each of which reads all images.
Which way a convolution goes depends on its shape: kernels of 3x3 over many channels by
Winograd's method (`winograd.py`), small maps with faster gradients of the weights
(`convolution.py`), a few filters before a pooling together with it
(`pooled_convolution.py`), and all others as Keras does them.
"""

from __future__ import annotations

from collections.abc import Iterator

import keras
import tensorflow as tf
from keras import layers

from kerascnn.fast.convolution import MAX_PRODUCT_AREA, convolve, convolve_depthwise
from kerascnn.fast.pooling import convolve_and_pool
from kerascnn.fast.winograd import REACH, convolve_winograd

# Where oneDNN's own way is faster: on larger maps, and on images of a few channels.
MAX_CONVOLUTION_AREA = 64
MAX_SEPARABLE_AREA = 4
MIN_CHANNELS = 16
# Where Winograd's transforms cost less than the products that they save. Beyond
# MAX_WINOGRAD_AREA they would, too, but what they keep for the gradient is 2.25 times
# the images.
MAX_WINOGRAD_AREA = 1024
MIN_WINOGRAD_CHANNELS = 64
MIN_WINOGRAD_FILTERS = 128  # on maps larger than MAX_CONVOLUTION_AREA
# With more filters than two vector registers hold, oneDNN's own way is faster.
MAX_POOLED_FILTERS = 16

Shape = tuple[int | None, ...]


def accelerate(model: keras.Model) -> keras.Model:
    """Copy a model, its layers exchanged for those of this module.

    Args:
        model: A functional model that uses each of its layers once; models in it are
            copied likewise.

    Returns:
        A model of the same layers, names, weights and seeds. Where a convolution pools
        as well, the layer of the pooling does nothing. To save it, put its weights into
        one of Keras's own layers: a file should need nothing but Keras.
    """
    pairs = list(_pooled_convolutions(model))
    pooled = {id(convolution) for convolution, _ in pairs}
    poolings = {id(pooling) for _, pooling in pairs}

    def exchange(layer: keras.Layer) -> keras.Layer:
        if id(layer) in poolings:
            return layers.Identity(name=layer.name)
        kind = PooledConv2D if id(layer) in pooled else FAST_LAYERS.get(type(layer))
        return (kind or type(layer)).from_config(layer.get_config())

    copy = keras.models.clone_model(model, clone_function=exchange, recursive=True)
    for variable, original in zip(copy.variables, model.variables, strict=True):
        variable.assign(original)
    return copy


def exchanged_layers(model: keras.Model) -> dict[str, str]:
    """The class of each layer of a model that is one of this module's, by name."""
    found: dict[str, str] = {}
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            found |= exchanged_layers(layer)
        elif type(layer).__module__ == __name__:
            found[layer.name] = type(layer).__name__
    return found


class FastConv2D(layers.Conv2D):  # type: ignore[misc]
    """Keras's `Conv2D`, by Winograd's method or with a faster gradient of weights."""

    def convolution_op(self, inputs: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
        """Convolve: `(b, h, w, c)` to `(b, h/s, w/s, filters)`."""
        if _suits_winograd(self, inputs):
            return convolve_winograd(inputs, tf.convert_to_tensor(kernel))
        limit = MAX_CONVOLUTION_AREA if self.strides == (1, 1) else MAX_PRODUCT_AREA
        if inputs.shape[3] < MIN_CHANNELS or not _is_small(self, inputs, limit):
            return super().convolution_op(inputs, kernel)
        kernel = tf.convert_to_tensor(kernel)
        return convolve(inputs, kernel, self.strides[0], self.padding)


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


class FastSeparableConv2D(layers.SeparableConv2D):  # type: ignore[misc]
    """Keras's `SeparableConv2D`; a matrix product mixes the channels of small maps."""

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """Filter each channel, then mix: `(b, h, w, c)` to `(b, h/s, w/s, filters)`."""
        if self.depth_multiplier != 1 or not _is_small(
            self, inputs, MAX_SEPARABLE_AREA
        ):
            return super().call(inputs)
        kernel = tf.convert_to_tensor(self.depthwise_kernel)
        x = convolve_depthwise(inputs, kernel, self.strides[0], self.padding)
        mixing = tf.convert_to_tensor(self.pointwise_kernel)[0, 0]
        shape = (-1, *x.shape[1:3], self.filters)
        x = tf.reshape(tf.matmul(tf.reshape(x, [-1, x.shape[3]]), mixing), shape)
        if self.use_bias:
            x = tf.nn.bias_add(x, tf.convert_to_tensor(self.bias))
        return x if self.activation is None else self.activation(x)


class FastBatchNormalization(layers.BatchNormalization):  # type: ignore[misc]
    """Keras's `BatchNormalization`, in training as one operation of TensorFlow."""

    def call(
        self, inputs: tf.Tensor, training: bool | None = None, mask: object = None
    ) -> tf.Tensor:
        """Normalize each channel of `(b, h, w, c)` over all pixels of the batch."""
        if not (training and self.trainable and mask is None and self._is_plain()):
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

    def _is_plain(self) -> bool:
        return (
            self.input_spec.ndim == 4
            and self.axis in (-1, 3)
            and self.scale
            and self.center
            and self.compute_dtype == "float32"
            and not (self.synchronized or self.renorm)
        )


FAST_LAYERS: dict[type[keras.Layer], type[keras.Layer]] = {
    layers.Conv2D: FastConv2D,
    layers.SeparableConv2D: FastSeparableConv2D,
    layers.BatchNormalization: FastBatchNormalization,
}


def _convolve_blocks(x: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
    if x.shape[3] < MIN_CHANNELS:
        return tf.nn.conv2d(x, kernel, 1, "VALID")
    return convolve(x, kernel, 1, "valid")


def _pooled_convolutions(
    model: keras.Model,
) -> Iterator[tuple[keras.Layer, keras.Layer]]:
    """Convolutions whose output goes to a pooling alone, and that pooling."""
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from _pooled_convolutions(layer)
        elif type(layer) is layers.Conv2D and _suits_pooling(layer):
            takers = [
                other
                for other in model.layers
                if any(x is layer.output for x in keras.tree.flatten(other.input))
            ]
            is_output = any(x is layer.output for x in model.outputs)
            if len(takers) == 1 and not is_output and _halves(takers[0]):
                yield layer, takers[0]


def _suits_pooling(layer: keras.Layer) -> bool:
    """Whether a convolution may be joined to the pooling that follows, and gains by it.

    The pooling comes before bias and activation then, which must keep the order of
    numbers.
    """
    shape = layer.input.shape
    return (
        None not in shape[1:]
        and min(layer.compute_output_shape(shape)[1:3]) > 1
        and _is_plain(layer)
        and tuple(layer.strides) == (1, 1)
        and len(set(layer.kernel_size)) == 1
        and layer.filters <= MAX_POOLED_FILTERS
        and layer.activation in (keras.activations.relu, keras.activations.linear)
    )


def _halves(layer: keras.Layer) -> bool:
    """Whether a layer takes the largest of each 2x2 pixels."""
    return (
        type(layer) is layers.MaxPooling2D
        and tuple(layer.pool_size) == (2, 2)
        and tuple(layer.strides) == (2, 2)
        and (layer.padding, layer.data_format) == ("valid", "channels_last")
    )


def _is_small(layer: keras.Layer, inputs: tf.Tensor, limit: int) -> bool:
    """Whether a convolution gives maps of so many pixels at most, and is a plain one.

    Others are left to Keras: they lose nothing, and TensorFlow joins their bias and
    activation to them.
    """
    if None in inputs.shape[1:] or not _is_plain(layer):
        return False
    _, height, width, _ = layer.compute_output_shape(inputs.shape)
    return bool(height * width <= limit)


def _is_plain(layer: keras.Layer) -> bool:
    """Whether a convolution is one that the functions of other modules compute."""
    return (
        layer.data_format == "channels_last"
        and len(set(layer.strides)) == 1
        and layer.compute_dtype == "float32"
        and layer.padding in ("same", "valid")
        and tuple(layer.dilation_rate) == (1, 1)
        and getattr(layer, "groups", 1) == 1
    )


def _suits_winograd(layer: keras.Layer, inputs: tf.Tensor) -> bool:
    """Whether Winograd's method is the faster one."""
    if not _is_small(layer, inputs, MAX_WINOGRAD_AREA):
        return False
    area = inputs.shape[1] * inputs.shape[2]
    is_large = area > MAX_CONVOLUTION_AREA
    least = MIN_WINOGRAD_FILTERS if is_large else MIN_WINOGRAD_CHANNELS
    return (
        tuple(layer.kernel_size) == (REACH, REACH)
        and tuple(layer.strides) == (1, 1)
        and layer.padding == "same"
        and area > 1
        and inputs.shape[3] >= MIN_WINOGRAD_CHANNELS
        and layer.filters >= least
    )
