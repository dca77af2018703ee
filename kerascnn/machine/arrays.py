"""Arrays of numbers in `.npy` form, read within limits.

NumPy's own reader evaluates what stands in a header, and makes room for what it says.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy.typing as npt

# As NumPy writes an array of numbers in this computer's order of bytes.
_MAGIC = b"\x93NUMPY\x01\x00"
_HEADER = re.compile(
    rb"\{'descr': '(?P<dtype>\|[biu]1|<[iu][248]|<f[248])', 'fortran_order': False, "
    rb"'shape': \((?P<shape>(?:\d{1,18}, ?)*(?:\d{1,18})?)\), \} *\n"
)


@dataclass(frozen=True)
class ArrayHeader:
    """What stands before the numbers of an array.

    Attributes:
        dtype: Their kind in NumPy's short form, such as `"<f4"`.
        shape: How many there are along each axis.
    """

    dtype: str
    shape: tuple[int, ...]

    @property
    def size_bytes(self) -> int:
        """What the numbers take."""
        return math.prod(self.shape) * int(self.dtype[-1])


def read_header(file: IO[bytes]) -> ArrayHeader:
    """Read the header of an array; what follows in the file are its numbers.

    Raises:
        ValueError: It is no array of numbers as NumPy writes it.
    """
    start = file.read(len(_MAGIC) + 2)
    length = int.from_bytes(start[len(_MAGIC) :], "little")
    found = _HEADER.fullmatch(file.read(length))
    if not start.startswith(_MAGIC) or found is None:
        raise ValueError("it is no array of numbers as NumPy writes it")
    shape = tuple(map(int, re.findall(rb"\d+", found["shape"])))
    return ArrayHeader(found["dtype"].decode(), shape)


def read_values(file: IO[bytes], header: ArrayHeader) -> npt.NDArray[Any]:
    """Read the numbers after a header that was found to be acceptable.

    Raises:
        ValueError: There are fewer or more than it says.
    """
    import numpy as np

    content = file.read(header.size_bytes)
    if len(content) != header.size_bytes or file.read(1):
        raise ValueError("its numbers are not as many as its header says")
    return np.frombuffer(content, header.dtype).reshape(header.shape)
