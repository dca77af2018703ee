"""Matrix products with a faster gradient of their input, and convolutions as such.

The gradient of `x @ weights` by x is a product with the weights transposed. TensorFlow
gives it to another part of oneDNN than products of a stack of matrices, and there it
takes twice the time where the weights are large and the batch is not: 42 ms instead of
22 for 128 images and 4096x4096 weights on a processor with AVX-512. So it is asked for
as a stack of one.
"""

from __future__ import annotations

import math

import tensorflow as tf

from kerascnn.fast.convolution import padding_before


def multiply(x: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
    """Multiply `(rows, inputs)` by `(inputs, outputs)`."""

    @tf.custom_gradient  # type: ignore[untyped-decorator]
    def operation(x: tf.Tensor, weights: tf.Tensor) -> tuple[tf.Tensor, object]:
        def gradient(dy: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            stack = tf.matmul(dy[tf.newaxis], weights[tf.newaxis], transpose_b=True)
            return stack[0], tf.matmul(x, dy, transpose_a=True)

        return tf.matmul(x, weights), gradient

    return operation(x, weights)


def convolve_to_pixel(
    x: tf.Tensor, kernel: tf.Tensor, stride: int, padding: str
) -> tf.Tensor:
    """Convolve images so small that each gives one pixel: a product with what it meets.

    On maps of 1x1 pixels a kernel of 3x3 multiplies eight times nothing but padding.

    Args:
        x: Images, `(batch, height, width, channels)`; the sides are known.
        kernel: Weights, `(rows, columns, channels, filters)`.
        stride: Pixels from one output to the next: past the image.
        padding: `"same"` or `"valid"`.

    Returns:
        `(batch, 1, 1, filters)`.
    """
    x, kernel = _meeting(x, kernel, stride, padding)
    inputs, filters = math.prod(kernel.shape[:3]), kernel.shape[3]
    y = multiply(tf.reshape(x, [-1, inputs]), tf.reshape(kernel, [inputs, filters]))
    return tf.reshape(y, [-1, 1, 1, filters])


def convolve_depthwise_to_pixel(
    x: tf.Tensor, kernel: tf.Tensor, stride: int, padding: str
) -> tf.Tensor:
    """Convolve each channel with its own kernel, to a single pixel.

    Args:
        x: As for `convolve_to_pixel`.
        kernel: Weights, `(rows, columns, channels, 1)`.
        stride: As for `convolve_to_pixel`.
        padding: As for `convolve_to_pixel`.

    Returns:
        `(batch, 1, 1, channels)`.
    """
    x, kernel = _meeting(x, kernel, stride, padding)
    return tf.reduce_sum(x * kernel[..., 0], axis=[1, 2], keepdims=True)


def mix_channels(x: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
    """Convolve with a kernel of 1x1: `(b, h, w, c)`, `(c, f)` to `(b, h, w, f)`."""
    y = multiply(tf.reshape(x, [-1, x.shape[3]]), weights)
    return tf.reshape(y, [-1, *x.shape[1:3], weights.shape[1]])


def _meeting(
    x: tf.Tensor, kernel: tf.Tensor, stride: int, padding: str
) -> tuple[tf.Tensor, tf.Tensor]:
    """What the kernel of the only output meets of the images, and what of it does."""
    top, left = padding_before(x, kernel, stride, padding)
    rows, columns = (
        min(reach - zeros, side)
        for reach, zeros, side in zip(
            kernel.shape[:2], (top, left), x.shape[1:3], strict=True
        )
    )
    return x[:, :rows, :columns], kernel[top : top + rows, left : left + columns]
