"""MNIST from the archives that come with kerascnn: gzipped IDX, the format of LeCun.

An IDX file of bytes has a header, `0 0 8 d` and d big-endian sizes of four bytes each,
and then the values. http://yann.lecun.com/exdb/mnist/ describes it.
"""

from __future__ import annotations

import hashlib
import math
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kerascnn.data import Split
from kerascnn.errors import DatasetError

if TYPE_CHECKING:
    import numpy.typing as npt

    from kerascnn.data import DatasetEntry, SplitName


@dataclass(frozen=True)
class Archive:
    """What a file of MNIST has to be: its name, size, SHA-256 and the shape inside."""

    name: str
    num_bytes: int
    sha256: str
    shape: tuple[int, ...]


TRAIN_IMAGES = Archive(
    "train-images-idx3-ubyte.gz",
    9_912_422,
    "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
    (60_000, 28, 28),
)
TRAIN_LABELS = Archive(
    "train-labels-idx1-ubyte.gz",
    28_881,
    "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
    (60_000,),
)
TEST_IMAGES = Archive(
    "t10k-images-idx3-ubyte.gz",
    1_648_877,
    "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
    (10_000, 28, 28),
)
TEST_LABELS = Archive(
    "t10k-labels-idx1-ubyte.gz",
    4_542,
    "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
    (10_000,),
)
SPLITS: dict[SplitName, tuple[Archive, Archive]] = {
    "train": (TRAIN_IMAGES, TRAIN_LABELS),
    "test": (TEST_IMAGES, TEST_LABELS),
}
ARCHIVES = (*SPLITS["train"], *SPLITS["test"])


def load_mnist(entry: DatasetEntry, split: SplitName) -> Split:
    """Read one split of MNIST from its two archives, every byte checked.

    Args:
        entry: The row of `DATASETS`, which names the classes.
        split: `"train"` or `"test"`.

    Returns:
        60,000 or 10,000 images `(number, 28, 28, 1)`, read-only, in the order of the
        archives.

    Raises:
        DatasetError: An archive of the split that is missing, cut short or altered.
    """
    folder = mnist_folder()
    images, labels = SPLITS[split]
    return Split(
        images=read_archive(folder, images)[..., np.newaxis],
        labels=read_archive(folder, labels).astype(np.int64),
        class_names=entry.class_names,
    )


def check_mnist() -> None:
    """Read all archives of MNIST for their checks alone.

    Raises:
        DatasetError: The first archive that is missing, cut short or altered.
    """
    for archive in ARCHIVES:
        read_archive(mnist_folder(), archive)


def mnist_folder() -> Path:
    """The folder of the archives; tensorflow-datasets takes it as `manual_dir`."""
    return Path(__file__).parent / "mnist"


def read_archive(folder: Path, archive: Archive) -> npt.NDArray[np.uint8]:
    """Read one archive, its form checked first and its SHA-256 last.

    In this order the message tells a file cut short from an altered one.

    Args:
        folder: Where the archive is.
        archive: What it has to be.

    Returns:
        The values, read-only, of the archive's shape.

    Raises:
        DatasetError: With the file, what was expected and found, and how to mend it.
    """
    path = folder / archive.name
    try:
        packed = path.read_bytes()
    except OSError as error:
        raise _broken(path, f"cannot be read ({error.strerror})") from error
    try:
        values = _parse(_unpack(packed), archive.shape)
        _expect("bytes", f"{archive.num_bytes:,}", f"{len(packed):,}")
        _expect("SHA-256", archive.sha256, hashlib.sha256(packed).hexdigest())
    except ValueError as error:
        sizes = f"it has {len(packed):,} bytes of {archive.num_bytes:,}"
        raise _broken(path, f"is damaged, {sizes}: {error}") from error
    return values


def _unpack(packed: bytes) -> bytes:
    try:
        return zlib.decompress(packed, wbits=zlib.MAX_WBITS | 16)  # 16: as gzip
    except zlib.error as error:
        raise ValueError(f"expected a whole gzip archive, found {error}") from error


def _parse(data: bytes, shape: tuple[int, ...]) -> npt.NDArray[np.uint8]:
    start = 4 + 4 * len(shape)
    magic = bytes((0, 0, 8, len(shape)))
    _expect("the magic number", magic.hex(), data[:4].hex())
    sizes = struct.unpack_from(f">{len(shape)}I", data.ljust(start, b"\0"), 4)
    _expect("the sizes", shape, sizes)
    _expect("a number of values of", math.prod(shape), len(data) - start)
    return np.frombuffer(data, np.uint8, offset=start).reshape(shape)


def _expect(what: str, expected: object, found: object) -> None:
    if expected != found:
        raise ValueError(f"expected {what} {expected}, found {found}")


def _broken(path: Path, problem: str) -> DatasetError:
    return DatasetError(
        f"{path} {problem}. Reinstall it: pip install --force-reinstall kerascnn"
    )
