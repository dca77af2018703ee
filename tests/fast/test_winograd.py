"""Winograd's convolution: the paper's matrices, and the sums of arithmetic."""

import numpy as np
import pytest
import tensorflow as tf

from kerascnn.fast.winograd import convolve_winograd, tile_transforms


def test_transforms_of_two_outputs_are_those_of_the_paper():
    # Lavin and Gray, section 4.1, up to signs, which its factors share out otherwise.
    outputs, kernels, images = tile_transforms(2)
    np.testing.assert_array_equal(abs(outputs), [[1, 1, 1, 0], [0, 1, 1, 1]])
    np.testing.assert_array_equal(
        abs(kernels), [[1, 0, 0], [0.5, 0.5, 0.5], [0.5, 0.5, 0.5], [0, 0, 1]]
    )
    np.testing.assert_array_equal(
        abs(images), [[1, 0, 1, 0], [0, 1, 1, 0], [0, 1, 1, 0], [0, 1, 0, 1]]
    )


@pytest.mark.parametrize("size", [2, 4])
def test_transforms_filter_a_row(size):
    outputs, kernels, images = (m.astype(np.float64) for m in tile_transforms(size))
    rng = np.random.default_rng(0)
    row, kernel = rng.normal(size=size + 2), rng.normal(size=3)
    np.testing.assert_allclose(
        outputs @ ((kernels @ kernel) * (images @ row)),
        np.correlate(row, kernel),
        rtol=1e-5,
    )


def convolve_by_hand(x, kernel):
    """Sum over the nine taps, in 64 bits."""
    x = np.pad(x.astype(np.float64), ((0, 0), (1, 1), (1, 1), (0, 0)))
    height, width = x.shape[1] - 2, x.shape[2] - 2
    return sum(
        x[:, row : row + height, column : column + width] @ kernel[row, column]
        for row in range(3)
        for column in range(3)
    )


@pytest.mark.parametrize(
    "size", [(1, 1), (1, 2), (2, 2), (3, 3), (4, 4), (2, 5), (7, 9), (16, 16)]
)
def test_convolution_and_gradients_are_those_of_arithmetic(size):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(3, *size, 5)).astype(np.float32)
    kernel = rng.normal(size=(3, 3, 5, 6)).astype(np.float32)
    dy = rng.normal(size=(3, *size, 6)).astype(np.float32)
    variables = tf.constant(x), tf.constant(kernel)
    with tf.GradientTape() as tape:
        tape.watch(variables)
        y = convolve_winograd(*variables)
    dx, dkernel = tape.gradient(y, variables, output_gradients=dy)
    np.testing.assert_allclose(y, convolve_by_hand(x, kernel), rtol=0, atol=1e-4)
    # A sum that is linear in both: its gradients are its values on unit vectors.
    flipped = kernel[::-1, ::-1].transpose(0, 1, 3, 2)
    np.testing.assert_allclose(dx, convolve_by_hand(dy, flipped), rtol=0, atol=1e-4)
    padded = np.pad(x.astype(np.float64), ((0, 0), (1, 1), (1, 1), (0, 0)))
    expected = [
        np.einsum(
            "bhwc,bhwf->cf",
            padded[:, row : row + size[0], column : column + size[1]],
            dy,
        )
        for row in range(3)
        for column in range(3)
    ]
    expected = np.reshape(expected, kernel.shape)
    scale = np.abs(expected).max()
    np.testing.assert_allclose(dkernel, expected, rtol=0, atol=3e-5 * scale)


def test_error_stays_within_what_the_module_says():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(4, 8, 8, 512)).astype(np.float32)
    kernel = rng.normal(size=(3, 3, 512, 64)).astype(np.float32)
    expected = convolve_by_hand(x, kernel)
    error = np.abs(convolve_winograd(tf.constant(x), tf.constant(kernel)) - expected)
    assert error.max() < 2e-5 * np.abs(expected).max()
