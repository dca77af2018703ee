"""Convolution and 2x2 max pooling in one, for layers of a few channels.

A convolution from 1 to 6 channels, such as LeNet-5's first, fills a fraction of a
vector register. Here blocks of 2x2 pixels become channels, and so do the four pixels
that a window of the pooling chooses from: the 5x5 convolution from 1 to 6 channels on
28x28 pixels is one of 3x3 from 4 to 24 on 14x14, and the pooling takes the largest of
four tensors. A third of the products are with zeros, and still it is the faster way.

Results are those of the two layers but for rounding; of equal pixels in a window the
first one has the gradient, as with TensorFlow's pooling.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import tensorflow as tf

Convolve = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]


def convolve_and_pool(
    x: tf.Tensor, kernel: tf.Tensor, padding: str, convolve: Convolve
) -> tf.Tensor:
    """Convolve with stride 1, then take the largest of each 2x2 pixels.

    Args:
        x: Images, `(batch, height, width, channels)`; the sides are known.
        kernel: Weights, `(reach, reach, channels, filters)`.
        padding: Of the convolution, `"same"` or `"valid"`; the pooling has none.
        convolve: Convolves images with a kernel, stride 1, no padding.

    Returns:
        `(batch, height/2, width/2, filters)`; an odd row or column is left out.
    """
    reach, _, channels, filters = kernel.shape
    before = (reach - 1) // 2 if padding == "same" else 0
    beyond = 0 if padding == "same" else reach - 1
    height, width = ((side - beyond) // 2 for side in x.shape[1:3])
    blocks = _block_reach(reach)
    x = _to_blocks(x, before, height + blocks - 1, width + blocks - 1)
    spread = tf.constant(_spread(reach))
    taps = tf.reshape(spread @ tf.reshape(kernel, [reach * reach, -1]), [-1, filters])
    taps = tf.reshape(taps, [blocks, blocks, 4, 4, channels, filters])
    taps = tf.transpose(taps, [0, 1, 2, 4, 3, 5])
    y = convolve(x, tf.reshape(taps, [blocks, blocks, 4 * channels, 4 * filters]))
    windows = tf.transpose(tf.reshape(y, [-1, 4, filters]), [1, 0, 2])
    largest = _largest(tf.reshape(windows, [4, -1]))
    return tf.reshape(largest, [-1, height, width, filters])


def _block_reach(reach: int) -> int:
    """How many blocks of two pixels the kernels of both pixels of a window meet."""
    return reach // 2 + 1


def _to_blocks(x: tf.Tensor, before: int, rows: int, columns: int) -> tf.Tensor:
    """Pixels of 2x2 blocks to channels: `(b, h, w, c)` to `(b, rows, columns, 4c)`.

    There are `before` pixels of zeros above and to the left, and as many on the other
    sides as the blocks need; what they do not need is left out.
    """
    sides = [2 * rows, 2 * columns]
    after = [
        max(0, wanted - before - side)
        for wanted, side in zip(sides, x.shape[1:3], strict=True)
    ]
    if before or any(after):
        x = tf.pad(x, [[0, 0], *([before, zeros] for zeros in after), [0, 0]])
    x = x[:, : sides[0], : sides[1]]
    channels = x.shape[3]
    x = tf.reshape(x, [-1, rows, 2, columns, 2, channels])
    x = tf.transpose(x, [0, 1, 3, 2, 4, 5])
    return tf.reshape(x, [-1, rows, columns, 4 * channels])


@functools.cache
def _spread(reach: int) -> npt.NDArray[np.float32]:
    """Which weight of a kernel meets which pixel of which block, for each output.

    A matrix of zeros and ones from the `reach * reach` weights to `(block row, block
    column, pixel in the block, pixel of the window)`.
    """
    blocks = _block_reach(reach)
    spread = np.zeros((blocks, blocks, 2, 2, 2, 2, reach, reach), np.float32)
    for i, j, p, q in itertools.product(range(reach), range(reach), (0, 1), (0, 1)):
        row, column = i + p, j + q
        spread[row // 2, column // 2, row % 2, column % 2, p, q, i, j] = 1
    return spread.reshape(-1, reach * reach)


@tf.custom_gradient  # type: ignore[untyped-decorator]
def _largest(windows: tf.Tensor) -> tuple[tf.Tensor, object]:
    """The largest of four, `(4, n)` to `(n,)`; the first of equals has the gradient."""
    first, second, third, fourth = tf.unstack(windows)
    top = tf.maximum(first, second)
    bottom = tf.maximum(third, fourth)

    def gradient(dy: tf.Tensor) -> tf.Tensor:
        zeros = tf.zeros_like(dy)
        to_top = tf.where(top >= bottom, dy, zeros)
        to_bottom = dy - to_top
        to_first = tf.where(first >= second, to_top, zeros)
        to_third = tf.where(third >= fourth, to_bottom, zeros)
        return tf.stack([to_first, to_top - to_first, to_third, to_bottom - to_third])

    return tf.maximum(top, bottom), gradient
