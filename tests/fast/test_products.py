"""Matrix products and convolutions to a pixel: TensorFlow's own are the witness."""

import numpy as np
import pytest
import tensorflow as tf

from kerascnn.fast.products import (
    convolve_depthwise_to_pixel,
    convolve_to_pixel,
    mix_channels,
    multiply,
)


def results(function, x, weights):
    """What it gives, and its gradients by both."""
    x, weights = (tf.constant(value, tf.float32) for value in (x, weights))
    with tf.GradientTape() as tape:
        tape.watch([x, weights])
        y = function(x, weights)
    dy = tf.random.stateless_normal(y.shape, (3, 4))
    return [y, *tape.gradient(y, [x, weights], output_gradients=dy)]


def assert_equal(ours, expected, x_shape, weights_shape):
    rng = np.random.default_rng(0)
    arrays = rng.normal(size=x_shape), rng.normal(size=weights_shape)
    pairs = zip(results(ours, *arrays), results(expected, *arrays), strict=True)
    for mine, theirs in pairs:
        np.testing.assert_allclose(mine, theirs, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("shape", [(1, 1, 1), (5, 7, 3), (128, 300, 260)])
def test_product_has_the_gradients_of_tensorflow(shape):
    rows, inputs, outputs = shape
    assert_equal(multiply, tf.matmul, (rows, inputs), (inputs, outputs))


def test_channels_are_mixed_as_by_a_kernel_of_a_pixel():
    def convolve(x, weights):
        return tf.nn.conv2d(x, weights[tf.newaxis, tf.newaxis], 1, "VALID")

    assert_equal(mix_channels, convolve, (3, 4, 5, 6), (6, 7))


# Maps of which a stride leaves a pixel, kernels that reach less and more.
TO_A_PIXEL = [
    ((1, 1), (3, 3), 1, "same"),
    ((1, 1), (2, 2), 1, "same"),
    ((1, 1), (5, 3), 2, "same"),
    ((2, 2), (3, 3), 2, "same"),
    ((2, 1), (2, 5), 2, "same"),
    ((3, 3), (2, 2), 4, "same"),
    ((3, 4), (5, 5), 4, "same"),
    ((4, 4), (7, 7), 5, "same"),
    ((3, 3), (3, 3), 1, "valid"),
    ((3, 4), (2, 3), 2, "valid"),
]


@pytest.mark.parametrize(("size", "reach", "stride", "padding"), TO_A_PIXEL)
def test_convolution_to_a_pixel_is_that_of_tensorflow(size, reach, stride, padding):
    def ours(x, kernel):
        return convolve_to_pixel(x, kernel, stride, padding)

    def expected(x, kernel):
        return tf.nn.conv2d(x, kernel, stride, padding.upper())

    assert_equal(ours, expected, (4, *size, 3), (*reach, 3, 5))


@pytest.mark.parametrize(("size", "reach", "stride", "padding"), TO_A_PIXEL)
def test_each_channel_to_a_pixel_is_that_of_tensorflow(size, reach, stride, padding):
    def ours(x, kernel):
        return convolve_depthwise_to_pixel(x, kernel, stride, padding)

    def expected(x, kernel):
        strides = [1, stride, stride, 1]
        return tf.nn.depthwise_conv2d(x, kernel, strides, padding.upper())

    assert_equal(ours, expected, (4, *size, 3), (*reach, 3, 1))
