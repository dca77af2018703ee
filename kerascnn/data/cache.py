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

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kerascnn.errors import DatasetError
from kerascnn.machine.content import parse_json, read_content
from kerascnn.machine.files import write_json

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


def cache_folder() -> Path:
    """Where pictures are kept: `KERASCNN_CACHE_DIR`, or the system's place."""
    import platformdirs

    given = os.environ.get(VARIABLE)
    root = Path(given) if given else platformdirs.user_cache_path("kerascnn")
    return root / "datasets"


def cache_size() -> tuple[int, int]:
    """How many sets of pictures the cache holds, and their bytes."""
    entries = _entries()
    files = [file for entry in entries for file in entry.rglob("*") if file.is_file()]
    return len(entries), sum(file.stat().st_size for file in files)


def clear_cache() -> None:
    """Remove all pictures of the cache; they are read again when they are needed.

    Raises:
        DatasetError: Something of it cannot be removed.
    """
    with _told_errors(cache_folder(), "remove"):
        for entry in _entries():
            shutil.rmtree(entry)


@contextmanager
def cache_entry(digest: str) -> Iterator[Path]:
    """The folder of an entry, which no other process fills meanwhile.

    Raises:
        DatasetError: The cache cannot be written.
    """
    from filelock import FileLock

    folder = cache_folder()
    with _told_errors(folder, "write"):
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
    with _told_errors(path, "write"):
        draft = Path(tempfile.mkdtemp(prefix=".new-", dir=path.parent))
        try:
            yield draft
            shutil.rmtree(path, ignore_errors=True)  # a damaged one
            draft.rename(path)
        finally:
            shutil.rmtree(draft, ignore_errors=True)


def write_index(path: Path, index: Mapping[str, Any]) -> None:
    """Write what `open_entry` reads besides the arrays."""
    write_json(path / "index.json", {"schema": SCHEMA, **index})


def open_entry(path: Path) -> Stored | None:
    """The pictures of an entry; `None` where there are none, or it is damaged."""
    import numpy as np

    try:
        index = parse_json(read_content(path / "index.json", MAX_INDEX_BYTES))
        arrays = {
            name: np.load(path / f"{name}.npy", allow_pickle=False)
            for name in ("labels", "parts")
        }
        arrays["files"] = np.array([*map(str, index["files"]), None], object)[:-1]
        images = np.load(path / "images.npy", mmap_mode="r", allow_pickle=False)
        number = len(images)
        if (
            index["schema"] != SCHEMA
            or images.dtype != np.uint8
            or images.ndim != 4
            or any(array.shape != (number,) for array in arrays.values())
        ):
            return None
        return Stored(
            images=images,
            **arrays,
            class_names=tuple(index["class_names"]),
            background=index["background"],
            left_out=dict(index["left_out"]),
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _entries() -> list[Path]:
    try:
        return sorted(path for path in cache_folder().iterdir() if path.is_dir())
    except FileNotFoundError:
        return []


@contextmanager
def _told_errors(path: Path, verb: str) -> Iterator[None]:
    """Turn an error of the system into one line on what to do."""
    try:
        yield
    except OSError as error:
        raise DatasetError(
            f"Cannot {verb} {path}: {error.strerror or error}. Pictures are kept there "
            f"once they are read: make room, or set {VARIABLE} to another folder."
        ) from error
