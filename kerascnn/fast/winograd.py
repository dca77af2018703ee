"""Convolution with kernels of 3x3 by Winograd's minimal filtering.

Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks" (2016),
https://arxiv.org/abs/1509.09308. Maps are cut into tiles of 4x4 outputs. In a tile, a
transform of the 6x6 pixels that it sees and one of the kernel turn 144 products for
each channel and filter into 36. The forward pass and both gradients are then matrix
products of a quarter of the size; the transforms are linear and bound by memory.

Results differ from a plain sum by rounding, 2e-5 of the largest value at most.
"""

from __future__ import annotations

import functools

import numpy as np
import numpy.typing as npt
import tensorflow as tf

Matrix = npt.NDArray[np.float32]

REACH = 3
# Where the polynomials of the transforms are taken; the last point is infinity.
POINTS = {2: (0, 1, -1), 4: (0, 1, -1, 2, -2)}


def convolve_winograd(x: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
    """Convolve as `tf.nn.conv2d` does with stride 1 and padding `"SAME"`.

    Args:
        x: Images, `(batch, height, width, channels)`; the sides are known.
        kernel: Weights, `(3, 3, channels, filters)`.

    Returns:
        `(batch, height, width, filters)`.
    """
    height, width = x.shape[1:3]
    size = 4 if max(height, width) > 2 else 2
    images = [tf.constant(image_transform(side, size)) for side in (height, width)]
    outputs = [tf.constant(output_transform(side, size)) for side in (height, width)]
    kernels = tf.constant(kernel_transform(size))
    points = kernels.shape[0]

    def to_tiles(x: tf.Tensor, matrices: list[tf.Tensor]) -> tf.Tensor:
        """Images to what each tile sees: `(b, h, w, c)` to `(points^2, tiles, c)`."""
        x = _transform(matrices, tf.transpose(x, [1, 2, 0, 3]))
        rows, columns, _, channels = x.shape
        x = tf.reshape(x, [points, rows // points, points, columns // points, -1])
        return tf.reshape(
            tf.transpose(x, [0, 2, 1, 3, 4]), [points * points, -1, channels]
        )

    def from_tiles(tiles: tf.Tensor, matrices: list[tf.Tensor]) -> tf.Tensor:
        """The way back: `(points^2, tiles, c)` to `(b, h, w, c)`."""
        rows, columns = (matrix.shape[1] for matrix in matrices)
        channels = tiles.shape[2]
        x = tf.reshape(tiles, [points, points, rows // points, columns // points, -1])
        x = tf.reshape(tf.transpose(x, [0, 2, 1, 3, 4]), [rows, columns, -1, channels])
        return tf.transpose(_transform(matrices, x), [2, 0, 1, 3])

    @tf.custom_gradient  # type: ignore[untyped-decorator]
    def operation(x: tf.Tensor, kernel: tf.Tensor) -> tuple[tf.Tensor, object]:
        seen = to_tiles(x, images)
        weights = _transform([kernels, kernels], kernel)
        weights = tf.reshape(weights, [points * points, *kernel.shape[2:]])

        def gradient(dy: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            d_tiles = to_tiles(dy, [tf.transpose(matrix) for matrix in outputs])
            d_seen = tf.matmul(d_tiles, weights, transpose_b=True)
            d_weights = tf.matmul(seen, d_tiles, transpose_a=True)
            d_weights = tf.reshape(d_weights, [points, points, *kernel.shape[2:]])
            return (
                from_tiles(d_seen, [tf.transpose(matrix) for matrix in images]),
                _transform([tf.transpose(kernels)] * 2, d_weights),
            )

        return from_tiles(tf.matmul(seen, weights), outputs), gradient

    return operation(x, kernel)


def _transform(matrices: list[tf.Tensor], x: tf.Tensor) -> tf.Tensor:
    """Multiply rows and columns: `(h, w, b, c)` to `(rows, columns, b, c)`."""
    rows, columns = matrices
    height, width, _, channels = x.shape
    x = tf.matmul(rows, tf.reshape(x, [height, -1]))
    x = tf.matmul(columns, tf.reshape(x, [rows.shape[0], width, -1]))
    return tf.reshape(x, [rows.shape[0], columns.shape[0], -1, channels])


@functools.cache
def tile_transforms(size: int) -> tuple[Matrix, Matrix, Matrix]:
    """The transforms of one row of a tile with `size` outputs.

    With the points p and N their number: the outputs are `A.T @ ((G @ kernel) *
    (B.T @ pixels))`, by the construction of Cook and Toom.

    Returns:
        A.T `(size, N)`, G `(N, 3)` and B.T `(N, N)`, where N is `size + 2`.
    """
    points = POINTS[size]
    number = len(points) + 1
    outputs, kernels, images = (
        np.zeros(shape) for shape in ((size, number), (number, REACH), (number, number))
    )
    for index, point in enumerate(points):
        others = [other for other in points if other != point]
        outputs[:, index] = np.power(float(point), range(size))
        kernels[index] = np.power(float(point), range(REACH))
        kernels[index] /= np.prod([point - other for other in others])
        images[index, :-1] = np.poly(others)[::-1]
    outputs[-1, -1] = kernels[-1, -1] = 1
    images[-1] = np.poly(points)[::-1]
    at, g, bt = (matrix.astype(np.float32) for matrix in (outputs, kernels, images))
    return at, g, bt


def kernel_transform(size: int) -> Matrix:
    """From the rows of a kernel to the points: `(size + 2, 3)`."""
    return tile_transforms(size)[1]


def image_transform(side: int, size: int) -> Matrix:
    """From a side of an image to the points of all tiles: `(points * tiles, side)`.

    A tile sees a pixel more than its outputs on each side; what is beyond the image
    counts as zero.
    """
    seen = tile_transforms(size)[2]
    points, tiles = len(seen), -(-side // size)
    matrix = np.zeros((points, tiles, side), np.float32)
    for tile in range(tiles):
        for column in range(points):
            pixel = size * tile + column - 1
            if 0 <= pixel < side:
                matrix[:, tile, pixel] = seen[:, column]
    return matrix.reshape(-1, side)


def output_transform(side: int, size: int) -> Matrix:
    """From the points of all tiles to a side of outputs: `(side, points * tiles)`."""
    out = tile_transforms(size)[0]
    tiles = -(-side // size)
    matrix = np.zeros((side, out.shape[1], tiles), np.float32)
    for pixel in range(side):
        matrix[pixel, :, pixel // size] = out[pixel % size]
    return matrix.reshape(side, -1)
