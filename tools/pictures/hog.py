"""Histograms of oriented gradients (Dalal and Triggs, 2005), in NumPy."""

from __future__ import annotations

import numpy as np

BINS = 9


def hog(images: np.ndarray, cell: int) -> np.ndarray:
    """Describe images by the directions of their edges.

    A cell has a histogram of the directions from 0 to 180 degrees, to which each pixel
    adds the length of its gradient, shared between the two nearest bins. Of several
    channels the one with the longest gradient counts. Each block of 2x2 cells is
    scaled to length 1, and blocks overlap.

    Args:
        images: `(images, height, width, channels)`.
        cell: Side of a cell in pixels, a divisor of the height and the width.

    Returns:
        `(images, features)`, 36 for each block, of float32.
    """
    down, right = np.gradient(images, axis=(1, 2))
    longest = np.hypot(down, right).argmax(axis=3, keepdims=True)
    down = np.take_along_axis(down, longest, 3)[..., 0]
    right = np.take_along_axis(right, longest, 3)[..., 0]
    length = np.hypot(down, right)
    place = np.arctan2(down, right) % np.pi / np.pi * BINS
    count, height, width = length.shape
    rows, columns = height // cell, width // cell
    histograms = []
    for nearest in range(BINS):
        # The last bin is beside the first: a direction of 180 degrees is one of 0.
        distance = np.abs((place - nearest + BINS / 2) % BINS - BINS / 2)
        share = length * np.maximum(1 - distance, 0)
        in_cells = share.reshape(count, rows, cell, columns, cell)
        histograms.append(in_cells.sum(axis=(2, 4)))
    cells = np.stack(histograms, axis=3)
    blocks = np.concatenate(
        [
            cells[:, i : rows - 1 + i, j : columns - 1 + j]
            for i in (0, 1)
            for j in (0, 1)
        ],
        axis=3,
    )
    blocks /= np.linalg.norm(blocks, axis=3, keepdims=True) + 1e-3
    return blocks.reshape(count, -1).astype(np.float32)
