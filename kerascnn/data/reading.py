"""The pictures of a folder, read once by several processes into the cache."""

from __future__ import annotations

import errno
import hashlib
import io
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from kerascnn.data.cache import (
    PARTS,
    SCHEMA,
    Stored,
    kept_entry,
    open_images,
    told_errors,
    write_index,
)
from kerascnn.data.folder import Listing, PictureFile
from kerascnn.data.pictures import read_picture
from kerascnn.data.sources import Reading
from kerascnn.data.squares import to_square
from kerascnn.data.workers import map_files
from kerascnn.errors import DatasetError, PictureError, shown
from kerascnn.machine.numbers import format_count

Stage = Callable[[str], None]

# Of so many images the edges are looked at.
EDGES = 1000
# Drawings have an edge of one brightness: this near to it, in so large a share of them.
EDGE_RANGE, EDGE_SHARE = 32, 0.9
# Copied at a time.
CHUNK_BYTES = 2**24


def read_folder(listing: Listing, reading: Reading, *, stage: Stage) -> Stored:
    """The pictures of a folder, from the cache, or read into it first.

    Args:
        listing: The folder.
        reading: How they are read; what is held out does not matter here.
        stage: Told how far it is.

    Raises:
        DatasetError: No picture of a class can be read, or the cache not be written.
    """
    return kept_entry(
        _digest(listing, reading),
        listing.path,
        lambda draft: _fill(draft, listing, reading, stage),
    )


def read_item(item: dict[str, Any]) -> dict[str, Any]:
    """Read a picture into its place in the file of all; what a worker does.

    Args:
        item: The `path` of the picture, the `side` and `resize` of the square, the
            `channels` of `Reading`, the `target` file and the `offset` in it.

    Returns:
        Whether it is gray, or the `error`.

    Raises:
        DatasetError: The file cannot be written.
    """
    try:
        image = read_picture(item["path"])
        if item["channels"] == 1:
            image = image.convert("L")
        pixels = to_square(image.convert("RGB"), item["side"], item["resize"])
    except PictureError as error:
        return {"error": str(error).removeprefix(f"Cannot read {item['path']}: ")}
    except MemoryError:
        return {"error": "there is not enough memory for it. Make it smaller."}
    write_pixels(item["target"], item["offset"], pixels)
    return {"gray": is_gray(pixels)}


def find_background(images: npt.NDArray[np.uint8]) -> int | None:
    """The brightness around drawings; `None` where images are no gray drawings."""
    if images.shape[3] != 1 or not len(images):
        return None
    sample = images[:: -(-len(images) // EDGES)][..., 0]
    rim = np.concatenate(
        [sample[:, 0], sample[:, -1], sample[:, :, 0], sample[:, :, -1]], axis=1
    )
    edges = np.median(rim, axis=1)
    for background in (0, 255):
        if np.mean(abs(edges - background) <= EDGE_RANGE) >= EDGE_SHARE:
            return background
    return None


def _digest(listing: Listing, reading: Reading) -> str:
    """What tells these pictures, read in this way, from all others."""
    digest = hashlib.sha256()
    way = [reading.image_size, reading.resize, reading.channels]
    facts = [SCHEMA, way, listing.class_names]
    digest.update(json.dumps(facts).encode())
    for file in listing.files:
        try:
            status = os.stat(os.path.join(listing.path, file.name))
            about = [status.st_size, status.st_mtime_ns]
        except OSError:
            about = []
        digest.update(json.dumps([file.name, file.label, file.part, *about]).encode())
    return digest.hexdigest()[:32]


def _fill(draft: Path, listing: Listing, reading: Reading, stage: Stage) -> None:
    """Read all pictures into the folder of an entry."""
    side, number = reading.image_size, len(listing.files)
    writer = ImageWriter(draft, number, (side, side), reading.channels)
    items = [
        {
            "path": os.path.join(listing.path, file.name),
            "side": side,
            "resize": reading.resize,
            "channels": reading.channels,
            "target": str(writer.path),
            "offset": writer.offset(row),
        }
        for row, file in enumerate(listing.files)
    ]

    def told(done: int) -> None:
        stage(f"reading {format_count(done)} of {format_count(number)} pictures")

    results = list(map_files("kerascnn.data.reading:read_item", items, told))
    left_out = {
        file.name: (result or {"error": "it ended the process that read it"})["error"]
        for file, result in zip(listing.files, results, strict=True)
        if result is None or "error" in result
    }
    writer.rows = [
        row for row, file in enumerate(listing.files) if file.name not in left_out
    ]
    writer.is_gray = all(results[row]["gray"] for row in writer.rows)
    kept = [listing.files[row] for row in writer.rows]
    _require_each_class(listing, kept, left_out)
    finish_entry(
        draft,
        writer,
        labels=[file.label for file in kept],
        parts=[PARTS.index(file.part) for file in kept],
        files=[file.name for file in kept],
        class_names=listing.class_names,
        left_out=left_out,
    )


class ImageWriter:
    """Writes the file of all images, in color first, and gray if all of them are.

    Args:
        folder: The folder of an entry.
        number: Images that there may be.
        size: Height and width of each.
        channels: As in `Reading`.

    Attributes:
        path: The file.
        rows: The images that were written.
        is_gray: Whether all of these are gray.
    """

    def __init__(
        self,
        folder: Path,
        number: int,
        size: tuple[int, int],
        channels: int | None = None,
    ) -> None:
        self.path = folder / "images.npy"
        self.size = size
        self.channels = channels
        self.rows: list[int] = []
        self.is_gray = True
        self._header = _header((number, *size, 3))
        with open(self.path, "wb") as file:
            file.write(self._header)
            _allocate(file.fileno(), self.offset(number))

    def offset(self, row: int) -> int:
        """Where an image begins in the file, in bytes."""
        return len(self._header) + row * self.size[0] * self.size[1] * 3

    def write(self, row: int, pixels: npt.NDArray[np.uint8]) -> None:
        """Write an image in color, `(height, width, 3)`."""
        write_pixels(self.path, self.offset(row), pixels)
        self.rows.append(row)
        self.is_gray = self.is_gray and is_gray(pixels)

    def finish(self) -> npt.NDArray[np.uint8]:
        """Keep what was written; the images, `(number, height, width, channels)`."""
        images = open_images(self.path)
        channels = self.channels or (1 if self.is_gray else 3)
        if channels == 1 or len(self.rows) < len(images):
            smaller = self.path.with_name("smaller.npy")
            with open(smaller, "wb") as file:
                file.write(_header((len(self.rows), *self.size, channels)))
                count = max(1, CHUNK_BYTES // images[0].nbytes)
                for start in range(0, len(self.rows), count):
                    chunk = images[self.rows[start : start + count]]
                    file.write(chunk[..., :channels].tobytes())
            smaller.replace(self.path)
            images = open_images(self.path)
        return images


def finish_entry(
    draft: Path,
    writer: ImageWriter,
    *,
    labels: Sequence[int | None],
    parts: Sequence[int],
    files: Sequence[str],
    class_names: Sequence[str],
    left_out: Mapping[str, str],
) -> None:
    """Write what an entry holds, for the images that were written."""
    images = writer.finish()
    np.save(draft / "labels.npy", np.array(labels, np.int64))
    np.save(draft / "parts.npy", np.array(parts, np.uint8))
    write_index(
        draft,
        {
            "class_names": list(class_names),
            "background": find_background(images),
            "files": list(files),
            "left_out": dict(left_out),
        },
    )


def write_pixels(path: str | Path, offset: int, pixels: npt.NDArray[np.uint8]) -> None:
    """Write an image to its place in a file, not by way of a map of it.

    Where a disk is full, writing to a map ends the process.

    Raises:
        DatasetError: It cannot be written.
    """
    with told_errors(Path(path), "write"), open(path, "r+b") as file:
        file.seek(offset)
        file.write(pixels.tobytes())


def is_gray(pixels: npt.NDArray[np.uint8]) -> bool:
    """Whether all channels are alike."""
    return bool((pixels == pixels[..., :1]).all())


def _require_each_class(
    listing: Listing, kept: Sequence[PictureFile], left_out: Mapping[str, str]
) -> None:
    """Refuse pictures of which a class to train on is unreadable as a whole."""
    part = listing.files[0].part
    read = {file.label for file in kept if file.part == part}
    for file in listing.files:
        if file.part == part and file.label not in read and file.label is not None:
            name = listing.class_names[file.label]
            raise DatasetError(
                f"None of the pictures of the class {shown(name)} in {listing.path} "
                f"can be read, such as {shown(file.name)}: {left_out[file.name]}"
            )


def _header(shape: tuple[int, ...]) -> bytes:
    """What an `.npy` file of bytes begins with."""
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"descr": "|u1", "fortran_order": False, "shape": shape}
    )
    return header.getvalue()


def _allocate(descriptor: int, size: int) -> None:
    """Make room in a file, so that a full disk is told now.

    Raises:
        OSError: There is not so much.
    """
    if size > sys.maxsize:
        raise OSError(errno.EFBIG, os.strerror(errno.EFBIG))
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(descriptor, 0, size)
    else:  # macOS
        os.ftruncate(descriptor, size)
