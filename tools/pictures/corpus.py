"""What the corpora share: folders of pictures, others' files, and tables of rows."""

from __future__ import annotations

import csv
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

RESULTS = Path(__file__).parents[2] / "results" / "pictures"
CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"), "kerascnn")

Row = dict[str, Any]


class Part(NamedTuple):
    """The pictures of `train` or `test`.

    Attributes:
        images: In `[0, 1]`, `(images, height, width, channels)`.
        labels: Names of their classes.
        names: Names of their files. Within a corpus the same name in several classes
            means the same origin, such as a font.
    """

    images: np.ndarray
    labels: list[str]
    names: list[str]


def new_folder(path: Path) -> Path:
    """A folder that is empty; with anything in it the program ends."""
    if path.exists() and any(path.iterdir()):
        sys.exit(f"{path} is not empty. Name a new folder, or delete that one.")
    return path


def save(picture: Image.Image, folder: Path, *place: str) -> None:
    """Write a picture as `folder/PART/CLASS/NAME.png`; `place` is the last three."""
    target = folder.joinpath(*place).with_suffix(".png")
    target.parent.mkdir(parents=True, exist_ok=True)
    picture.save(target)


def read(folder: Path, part: str) -> Part:
    """Read the pictures of a part, all of one size, in the order of their paths."""
    paths = sorted(folder.glob(f"{part}/*/*.png"))
    if not paths:
        sys.exit(f"{folder} has no pictures {part}/CLASS/NAME.png.")
    images = np.stack([np.asarray(Image.open(path), np.float32) for path in paths])
    return Part(
        images=images.reshape(*images.shape[:3], -1) / 255,
        labels=[path.parent.name for path in paths],
        names=[path.name for path in paths],
    )


def command(*words: str, cwd: Path | None = None, install: str = "") -> str:
    """Run a command and return what it prints; if it fails, the program ends.

    Args:
        words: The program and its arguments.
        cwd: Where it runs.
        install: How a program is had that is missing.
    """
    if shutil.which(words[0]) is None:
        sys.exit(f"{words[0]} is missing. {install}")
    done = subprocess.run(words, cwd=cwd, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(words[:3])} ended with {done.returncode}.")
    return done.stdout


def read_rows(table: Path) -> list[Row]:
    """The rows of a CSV file; none where it is missing."""
    if not table.exists():
        return []
    with open(table, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def write_rows(table: Path, rows: Sequence[Row]) -> None:
    """Write rows as a CSV file; the first one names the columns."""
    with open(table, "w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def add_row(table: Path, key: Row, measure: Callable[[], Row]) -> None:
    """Measure what a CSV file has no row of yet, and add it.

    Args:
        table: The file.
        key: The columns that say what is measured; the first ones.
        measure: Gives the other columns.
    """
    rows = read_rows(table)
    wanted = {name: str(value) for name, value in key.items()}
    if not any(wanted.items() <= row.items() for row in rows):
        row = key | measure()
        write_rows(table, [*rows, row])
        print(*(f"{name}={value}" for name, value in row.items()), flush=True)
