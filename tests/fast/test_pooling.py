"""Convolution and pooling in one: arithmetic for values, TensorFlow for gradients."""

import numpy as np
import pytest
import tensorflow as tf

from kerascnn.fast.pooling import convolve_and_pool


def convolve(x, kernel):
    return tf.nn.conv2d(x, kernel, 1, "VALID")


def pool_of_tensorflow(x, kernel, padding):
    return tf.nn.max_pool2d(tf.nn.conv2d(x, kernel, 1, padding.upper()), 2, 2, "VALID")


def pool_by_hand(x, kernel, padding):
    """Sum over the taps in 64 bits, then look at each window."""
    reach = kernel.shape[0]
    if padding == "same":
        before = (reach - 1) // 2
        around = (before, reach - 1 - before)
        x = np.pad(x, ((0, 0), around, around, (0, 0)))
    height, width = (side - reach + 1 for side in x.shape[1:3])
    y = sum(
        x[:, i : i + height, j : j + width] @ kernel[i, j]
        for i, j in np.ndindex(reach, reach)
    )[:, : height // 2 * 2, : width // 2 * 2]
    windows = [y[:, i::2, j::2] for i, j in np.ndindex(2, 2)]
    return np.max(windows, axis=0)


@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize("reach", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("size", [(6, 6), (7, 9), (28, 28)])
def test_values_are_those_of_arithmetic(size, reach, padding):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(3, *size, 2))
    kernel = rng.normal(size=(reach, reach, 2, 5))
    pooled = convolve_and_pool(
        tf.constant(x, tf.float32), tf.constant(kernel, tf.float32), padding, convolve
    )
    expected = pool_by_hand(x, kernel, padding)
    assert pooled.shape == expected.shape
    np.testing.assert_allclose(pooled, expected, rtol=1e-4, atol=1e-5)


def gradients(function, x, kernel):
    with tf.GradientTape() as tape:
        tape.watch([x, kernel])
        y = function(x, kernel)
    dy = tf.random.stateless_normal(y.shape, (1, 2))
    return tape.gradient(y, [x, kernel], output_gradients=dy)


@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize("size", [(6, 6), (7, 9)])
def test_gradients_are_those_of_tensorflow(size, padding):
    rng = np.random.default_rng(0)
    x = tf.constant(rng.normal(size=(3, *size, 2)), tf.float32)
    kernel = tf.constant(rng.normal(size=(5, 5, 2, 4)), tf.float32)
    ours = gradients(
        lambda x, kernel: convolve_and_pool(x, kernel, padding, convolve), x, kernel
    )
    expected = gradients(
        lambda x, kernel: pool_of_tensorflow(x, kernel, padding), x, kernel
    )
    for mine, theirs in zip(ours, expected, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("pixels", [[0, 0, 0, 0], [1, 2, 2, 1], [0, 1, 0, 1]])
def test_the_first_of_equal_pixels_has_the_gradient(pixels):
    x = tf.constant(pixels, tf.float32, shape=(1, 2, 2, 1))
    kernel = tf.ones((1, 1, 1, 1))
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = convolve_and_pool(x, kernel, "valid", convolve)
    expected = np.zeros(4)
    expected[np.argmax(pixels)] = 3
    gradient = tape.gradient(y, x, output_gradients=tf.fill(y.shape, 3.0))
    np.testing.assert_array_equal(np.ravel(gradient), expected)
