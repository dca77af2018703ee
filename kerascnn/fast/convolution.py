"""Convolutions of TensorFlow with gradients of the weights that are faster on CPUs.

On small maps, where deep networks do most of their work on small images, oneDNN's
gradient of a convolution's weights leaves its fast code: ResNet-18 on 32x32 pixels
would spend half of a step there. Here the same sums are written as a few matrix
products, or as a convolution of another shape, which oneDNN does at full speed.

`benchmarks/layer_ways.py` times them against Keras's own.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable

import tensorflow as tf

Sum = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]


def convolve_by_taps(
    x: tf.Tensor, kernel: tf.Tensor, stride: int, padding: str
) -> tf.Tensor:
    """Convolve as `tf.nn.conv2d` does; a product for each tap of the kernel's gradient.

    Args:
        x: Images, `(batch, height, width, channels)`; the sides are known.
        kernel: Weights, `(rows, columns, channels, filters)`.
        stride: Pixels from one output to the next, in both directions.
        padding: `"same"` or `"valid"`.

    Returns:
        `(batch, height/stride, width/stride, filters)`.
    """
    return _convolve(
        tf.nn.conv2d,
        tf.raw_ops.Conv2DBackpropInput,
        _products_by_tap,
        (x, kernel, stride, padding),
    )


def convolve_by_sliding(x: tf.Tensor, kernel: tf.Tensor, padding: str) -> tf.Tensor:
    """Convolve with stride 1; the kernel's gradient is a convolution of another shape.

    Args:
        x: As for `convolve_by_taps`.
        kernel: As for `convolve_by_taps`.
        padding: As for `convolve_by_taps`.

    Returns:
        `(batch, height, width, filters)`.
    """
    return _convolve(
        tf.nn.conv2d,
        tf.raw_ops.Conv2DBackpropInput,
        _as_convolution,
        (x, kernel, 1, padding),
    )


def convolve_depthwise(
    x: tf.Tensor, kernel: tf.Tensor, stride: int, padding: str
) -> tf.Tensor:
    """Convolve each channel with its own kernel, with a faster gradient of the kernel.

    Args:
        x: Images, `(batch, height, width, channels)`; the sides are known.
        kernel: Weights, `(rows, columns, channels, 1)`.
        stride: As for `convolve_by_taps`.
        padding: As for `convolve_by_taps`.

    Returns:
        `(batch, height/stride, width/stride, channels)`.
    """
    return _convolve(
        tf.nn.depthwise_conv2d,
        tf.raw_ops.DepthwiseConv2dNativeBackpropInput,
        _depthwise_kernel_gradient,
        (x, kernel, stride, padding),
    )


def _convolve(
    forward: Callable[..., tf.Tensor],
    input_gradient: Callable[..., tf.Tensor],
    kernel_gradient: Callable[..., tf.Tensor],
    arguments: tuple[tf.Tensor, tf.Tensor, int, str],
) -> tf.Tensor:
    """Convolve with operations of TensorFlow, and a gradient of the kernel of ours."""
    x, kernel, stride, padding = arguments
    options = {"strides": [1, stride, stride, 1], "padding": padding.upper()}
    before = padding_before(x, kernel, stride, padding)

    @tf.custom_gradient  # type: ignore[untyped-decorator]
    def operation(x: tf.Tensor, kernel: tf.Tensor) -> tuple[tf.Tensor, object]:
        def gradient(dy: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            dx = input_gradient(
                input_sizes=tf.shape(x), filter=kernel, out_backprop=dy, **options
            )
            return dx, kernel_gradient(x, dy, kernel, stride, before)

        return forward(x, kernel, **options), gradient

    return operation(x, kernel)


def _products_by_tap(
    x: tf.Tensor, dy: tf.Tensor, kernel: tf.Tensor, stride: int, before: list[int]
) -> tf.Tensor:
    return _tap_by_tap(x, dy, kernel, stride, before, _products)


def _depthwise_kernel_gradient(
    x: tf.Tensor, dy: tf.Tensor, kernel: tf.Tensor, stride: int, before: list[int]
) -> tf.Tensor:
    return _tap_by_tap(x, dy, kernel, stride, before, _channel_sums)


def padding_before(
    x: tf.Tensor, kernel: tf.Tensor, stride: int, padding: str
) -> list[int]:
    """Rows above and columns left of the image that count as zeros."""
    if padding == "valid":
        return [0, 0]
    return [
        max(0, (-(-side // stride) - 1) * stride + reach - side) // 2
        for side, reach in zip(x.shape[1:3], kernel.shape[:2], strict=True)
    ]


def _tap_by_tap(
    x: tf.Tensor,
    dy: tf.Tensor,
    kernel: tf.Tensor,
    stride: int,
    before: list[int],
    total: Sum,
) -> tf.Tensor:
    """Sum for each row and column of a kernel over the pixels that it meets."""
    taps = []
    for tap in itertools.product(*map(range, kernel.shape[:2])):
        offsets = [at - zeros for at, zeros in zip(tap, before, strict=True)]
        sizes = zip(x.shape[1:3], dy.shape[1:3], offsets, strict=True)
        rows, columns = (_meeting(*size, stride) for size in sizes)
        if rows and columns:
            taps.append(total(x[:, rows[0], columns[0]], dy[:, rows[1], columns[1]]))
        else:  # it meets nothing but padding
            taps.append(tf.zeros_like(kernel[0, 0]))
    return tf.reshape(tf.stack(taps), kernel.shape)


def _meeting(
    size: int, out_size: int, offset: int, stride: int
) -> tuple[slice, slice] | None:
    """Where a tap meets the image along one side: there, and in the output."""
    first = max(0, -(offset // stride))
    last = min(out_size - 1, (size - 1 - offset) // stride)
    if last < first:
        return None
    start = first * stride + offset
    return slice(start, last * stride + offset + 1, stride), slice(first, last + 1)


def _products(x: tf.Tensor, dy: tf.Tensor) -> tf.Tensor:
    """Every channel with every filter: `(b, h, w, c)`, `(b, h, w, f)` to `(c, f)`."""
    flat = [tf.reshape(value, [-1, value.shape[3]]) for value in (x, dy)]
    return tf.matmul(*flat, transpose_a=True)


def _channel_sums(x: tf.Tensor, dy: tf.Tensor) -> tf.Tensor:
    """Every channel with itself: `(b, h, w, c)`, `(b, h, w, c)` to `(c, 1)`."""
    return tf.reduce_sum(tf.reshape(x * dy, [-1, x.shape[3]]), axis=0)[:, tf.newaxis]


def _as_convolution(
    x: tf.Tensor, dy: tf.Tensor, kernel: tf.Tensor, _: int, before: list[int]
) -> tf.Tensor:
    """Slide the output's gradient over the images: channels there are images here."""
    padding = [
        [0, 0],
        *(
            [zeros, reach - 1 - zeros + out_size - size]
            for zeros, reach, size, out_size in zip(
                before, kernel.shape[:2], x.shape[1:3], dy.shape[1:3], strict=True
            )
        ),
        [0, 0],
    ]
    taps = tf.nn.conv2d(
        tf.transpose(x, [3, 1, 2, 0]), tf.transpose(dy, [1, 2, 0, 3]), 1, padding
    )
    return tf.transpose(taps, [1, 2, 0, 3])
