"""Images that stay in their file, for more of them than memory has room for."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt


class MappedImages:
    """Rows of an array in a file, indexed like an array by what is one index.

    What is taken is copied.

    Args:
        array: The memory-mapped array, `(number, ...)`, or an `UnmappedArray`.
        rows: Which of its rows these are, in this order; all where `None`.
    """

    def __init__(
        self,
        array: npt.NDArray[np.uint8] | UnmappedArray,
        rows: npt.NDArray[np.int64] | None = None,
    ) -> None:
        self.array = array
        self.rows = np.arange(len(array)) if rows is None else rows

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def shape(self) -> tuple[int, ...]:
        """The number of images, and their shape."""
        return (len(self.rows), *self.array.shape[1:])

    @property
    def dtype(self) -> np.dtype[np.uint8]:
        """The kind of the pixels."""
        return self.array.dtype

    @property
    def nbytes(self) -> int:
        """What they would take in memory."""
        return len(self.rows) * self.array[:1].nbytes

    def select(self, which: npt.NDArray[Any]) -> MappedImages:
        """Some of the images, which stay in the file."""
        return MappedImages(self.array, self.rows[which])

    def __getitem__(self, which: Any) -> npt.NDArray[np.uint8]:
        """Some of the images, in memory; the file is read in its order.

        Raises:
            IndexError: Parts of images are asked for.
        """
        if which is Ellipsis or isinstance(which, tuple):
            raise IndexError("take images first, and parts of them of what is taken")
        rows = self.rows[which]
        if rows.ndim == 0:
            return np.array(self.array[rows])
        order = np.argsort(rows, kind="stable")
        taken = np.empty((len(rows), *self.array.shape[1:]), self.array.dtype)
        taken[order] = self.array[rows[order]]
        return taken

    def __array__(
        self, dtype: npt.DTypeLike | None = None, copy: bool | None = None
    ) -> npt.NDArray[Any]:
        """All of them, in memory."""
        return self[:].astype(dtype or self.array.dtype, copy=False)


class UnmappedArray:
    """An array in a file that is read row by row.

    For a process that may not have as many addresses as the file has bytes
    (`ulimit -v`), so that it cannot be mapped.

    Args:
        path: The file.
        start: Where the numbers begin in it, in bytes.
        shape: `(number, ...)`.
    """

    def __init__(self, path: Path, start: int, shape: tuple[int, ...]) -> None:
        self.path = path
        self.start = start
        self.shape = shape
        self.ndim = len(shape)
        self.dtype = np.dtype(np.uint8)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, which: Any) -> npt.NDArray[np.uint8]:
        """Some of the rows, by one index."""
        rows = np.arange(len(self))[which]
        taken = np.empty((rows.size, *self.shape[1:]), np.uint8)
        with open(self.path, "rb", buffering=0) as file:
            for row, values in zip(rows.flat, taken, strict=True):
                offset = self.start + int(row) * values.nbytes
                if os.preadv(file.fileno(), [values], offset) != values.nbytes:
                    raise EOFError(f"{self.path} was cut short while it was read")
        return taken.reshape(*rows.shape, *self.shape[1:])
