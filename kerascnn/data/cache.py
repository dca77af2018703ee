"""Pictures that were read once, kept as raw pixels outside of the user's folders.

```text
~/.cache/kerascnn/datasets/<digest>/   the digest of names, sizes, dates and settings
    images.npy    uint8 (number, height, width, channels)
    labels.npy    int64 (number,)
    parts.npy     uint8 (number,), the index of each image's part in PARTS
    index.json    classes, where each image is from, what was left out, what was found
```
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from kerascnn.errors import DatasetError, RunError
from kerascnn.machine.arrays import read_header
from kerascnn.machine.content import open_content, parse_json, read_content
from kerascnn.machine.files import read_array, write_json

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

# Takes the place of the system's folder for caches.
VARIABLE = "KERASCNN_CACHE_DIR"
SCHEMA = 1
PARTS = ("train", "validation", "test")
MAX_INDEX_BYTES = 500_000_000


@dataclass(frozen=True, kw_only=True)
class Stored:
    """Pictures in the cache, each an image of one size.

    Attributes:
        images: Raw pixels, uint8, `(number, height, width, channels)`, in a file.
        labels: Class indices, int64, `(number,)`.
        parts: Indices into `PARTS`, uint8, `(number,)`.
        files: Where each image is from, text, `(number,)`.
        class_names: What each index stands for.
        background: Brightness around what is shown; `None` where it differs.
        left_out: Files that could not be read, with the reason of each.
    """

    images: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.int64]
    parts: npt.NDArray[np.uint8]
    files: npt.NDArray[np.object_]
    class_names: tuple[str, ...]
    background: int | None
    left_out: Mapping[str, str]


def cache_root() -> Path:
    """The folder of all that is kept: `KERASCNN_CACHE_DIR`, or the system's place."""
    import platformdirs

    given = os.environ.get(VARIABLE)
    return Path(given) if given else platformdirs.user_cache_path("kerascnn")


def cache_folder() -> Path:
    """Where pictures are kept."""
    return cache_root() / "datasets"


def cache_size() -> tuple[int, int]:
    """How many sets of pictures the cache holds, and their bytes."""
    with told_errors(cache_folder(), "look into"):
        entries = _entries()
        files = [path for entry in entries for path in entry.rglob("*")]
        sizes = [path.stat().st_size for path in files if path.is_file()]
    return len(entries), sum(sizes)


def clear_cache() -> None:
    """Remove all pictures of the cache; they are read again when they are needed.

    Raises:
        DatasetError: Something of it cannot be removed.
    """
    from filelock import FileLock, Timeout

    with told_errors(cache_folder(), "remove"):
        for entry in _entries():
            shutil.rmtree(entry)
        for path in cache_folder().glob(".*.lock"):
            # Not the lock of a process that fills an entry now.
            with suppress(Timeout), FileLock(path, timeout=0):
                path.unlink(missing_ok=True)


@contextmanager
def cache_entry(digest: str) -> Iterator[Path]:
    """The folder of an entry, which no other process fills meanwhile.

    Raises:
        DatasetError: The cache cannot be written.
    """
    from filelock import FileLock

    folder = cache_folder()
    with told_errors(folder, "write"):
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / f".{digest}.lock")
        lock.acquire()
    try:
        yield folder / digest
    finally:
        lock.release()


@contextmanager
def new_entry(path: Path) -> Iterator[Path]:
    """A folder to fill; it gets its name when all is in it, or goes.

    Raises:
        DatasetError: It cannot be written.
    """
    draft = path.with_name(f".new-{path.name}")
    with told_errors(path, "write"):
        try:
            if draft.exists():  # of a process that was killed
                shutil.rmtree(draft)
            draft.mkdir()
            yield draft
            if path.exists():  # damaged
                shutil.rmtree(path)
            draft.rename(path)
        finally:
            shutil.rmtree(draft, ignore_errors=True)


def kept_entry(digest: str, name: str, fill: Callable[[Path], None]) -> Stored:
    """The pictures of an entry, which is filled first where it is missing or damaged.

    Args:
        digest: Of the pictures and of how they are read.
        name: What to call them in a message.
        fill: Writes what an entry holds into the folder that it is given.

    Raises:
        DatasetError: The cache cannot be written or read.
    """
    with cache_entry(digest) as path:
        stored = open_entry(path)
        if stored is None:
            with new_entry(path) as draft:
                fill(draft)
            stored = open_entry(path)
    if stored is None:
        raise DatasetError(
            f"The pictures of {name} cannot be read from {path}. Remove that folder: "
            "`kerascnn datasets clear`."
        )
    return stored


def write_index(path: Path, index: Mapping[str, Any]) -> None:
    """Write what `open_entry` reads besides the arrays."""
    write_json(path / "index.json", {"schema": SCHEMA, **index})


def open_entry(path: Path) -> Stored | None:
    """The pictures of an entry; `None` where there are none, or it is damaged.

    Raises:
        MemoryError: There is no memory to open it.
    """
    import numpy as np

    try:
        index = parse_json(read_content(path / "index.json", MAX_INDEX_BYTES))
        stored = Stored(
            images=open_images(path / "images.npy"),
            labels=read_array(path / "labels.npy"),
            parts=read_array(path / "parts.npy"),
            # NumPy would make a table of one name alone.
            files=np.array([*map(str, index["files"]), None], object)[:-1],
            class_names=tuple(map(str, index["class_names"])),
            background=index["background"],
            left_out=dict(index["left_out"]),
        )
    except (OSError, ValueError, KeyError, TypeError, RunError) as error:
        cause = error.__cause__ if isinstance(error, RunError) else error
        if isinstance(cause, OSError) and cause.errno == errno.ENOMEM:
            raise MemoryError from error  # it is whole, and not to be read anew
        return None
    return stored if index["schema"] == SCHEMA and _is_sound(stored) else None


def open_images(path: Path) -> npt.NDArray[np.uint8]:
    """The images of an entry, which stay in their file.

    Raises:
        OSError: It cannot be opened.
        ValueError: It holds no images, or fewer than it says.
    """
    import numpy as np

    from kerascnn.data.mapped import UnmappedArray

    with open_content(path) as file:
        header = read_header(file)
        start = file.tell()
    size = path.stat().st_size
    if header.dtype != "|u1" or len(header.shape) != 4 or 0 in header.shape:
        raise ValueError("it holds no images")
    if size != start + header.size_bytes:  # what is not there ends a process
        raise ValueError("it is cut short")
    try:
        images: npt.NDArray[np.uint8] = np.memmap(
            path, np.uint8, "r", start, header.shape
        )
    except OSError as error:
        if error.errno != errno.ENOMEM:
            raise
        images = cast(Any, UnmappedArray(path, start, header.shape))
    return images


def _is_sound(stored: Stored) -> bool:
    """Whether what stands in an entry fits together."""
    number = len(stored.images)
    rows = (stored.labels, stored.parts, stored.files)
    kinds = (stored.labels.dtype.str, stored.parts.dtype.str)
    background = stored.background
    return (
        all(array.shape == (number,) for array in rows)
        and kinds == ("<i8", "|u1")
        and stored.labels.min() >= 0
        and stored.labels.max() < len(stored.class_names)
        and stored.parts.max() < len(PARTS)
        and (background is None or (type(background) is int and 0 <= background <= 255))
    )


def _entries() -> list[Path]:
    try:
        return sorted(path for path in cache_folder().iterdir() if path.is_dir())
    except FileNotFoundError:
        return []


@contextmanager
def told_errors(path: Path, verb: str) -> Iterator[None]:
    """Turn an error of the system into one line on what to do.

    Raises:
        DatasetError: With it.
    """
    try:
        yield
    except OSError as error:
        raise DatasetError(
            f"Cannot {verb} {path}: {error.strerror or error}. Pictures are kept there "
            f"once they are read: make room, or set {VARIABLE} to another folder."
        ) from error
