"""Convolutions with gradients of their own, against arithmetic.

`test_layers.py` compares them with Keras's, for many shapes.
"""

import numpy as np
import pytest
import tensorflow as tf

from kerascnn.fast.convolution import (
    convolve_by_sliding,
    convolve_by_taps,
    convolve_depthwise,
)


def slide(x, kernel, stride, padding):
    assert stride == 1
    return convolve_by_sliding(x, kernel, padding)


def kernel_gradient(convolution, x, kernel, dy, stride=1, padding="same"):
    x, kernel, dy = (tf.constant(value, tf.float32) for value in (x, kernel, dy))
    with tf.GradientTape() as tape:
        tape.watch(kernel)
        y = convolution(x, kernel, stride, padding)
    return tape.gradient(y, kernel, output_gradients=dy).numpy()


@pytest.mark.parametrize("convolve", [convolve_by_taps, slide])
def test_only_the_middle_of_a_kernel_meets_a_single_pixel(convolve):
    x = np.arange(32).reshape(2, 1, 1, 16)
    dy = np.array([2, 3]).reshape(2, 1, 1, 1)
    dw = kernel_gradient(convolve, x, np.ones((3, 3, 16, 1)), dy)
    np.testing.assert_array_equal(dw[1, 1, :, 0], 2 * x[0, 0, 0] + 3 * x[1, 0, 0])
    dw[1, 1] = 0
    assert not dw.any()


@pytest.mark.parametrize("size", [3, 4])
@pytest.mark.parametrize("convolve", [convolve_by_taps, slide])
def test_each_tap_sums_the_pixels_that_it_meets(convolve, size):
    rng = np.random.default_rng(0)
    x = rng.integers(-9, 10, (2, size + 2, size + 2, 5))
    dy = rng.integers(-9, 10, (2, size, size, 4))
    dw = kernel_gradient(convolve, x, np.ones((3, 3, 5, 4)), dy, padding="valid")
    for i, j in np.ndindex(3, 3):
        seen = x[:, i : i + size, j : j + size]
        expected = np.einsum("bhwc,bhwf->cf", seen, dy)
        np.testing.assert_array_equal(dw[i, j], expected)


def test_each_channel_of_a_depthwise_convolution_meets_its_own_gradient():
    rng = np.random.default_rng(0)
    x = rng.integers(-9, 10, (3, 4, 4, 6))
    dy = rng.integers(-9, 10, (3, 2, 2, 6))
    kernel = np.ones((2, 2, 6, 1))
    dw = kernel_gradient(convolve_depthwise, x, kernel, dy, stride=2, padding="valid")
    for i, j in np.ndindex(2, 2):
        expected = np.einsum("bhwc,bhwc->c", x[:, i::2, j::2], dy)
        np.testing.assert_array_equal(dw[i, j, :, 0], expected)
