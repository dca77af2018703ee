"""A look at a folder of pictures before any training: what would spoil the result."""

from __future__ import annotations

import base64
import os
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from kerascnn.data.duplicates import find_duplicates
from kerascnn.data.findings import (
    ClassCount,
    Facts,
    Finding,
    Group,
    Unreadable,
    find_problems,
)
from kerascnn.data.fingerprints import SIDE
from kerascnn.data.folder import Listing, PictureFile, list_folder
from kerascnn.data.workers import map_files
from kerascnn.machine.numbers import format_accuracy, format_count
from kerascnn.machine.reporter import Reporter

# What `to_dict` lists of groups and files at most, and of the files of a group.
MAX_LISTED, MAX_FILES = 1000, 100

# What people call Pillow's modes; others are what Pillow calls them.
MODES = {
    "1": "gray",
    "L": "gray",
    "LA": "gray",
    "La": "gray",
    "P": "palette",
    "PA": "palette",
    "RGB": "color",
    "RGBA": "color",
    "RGBa": "color",
    "RGBX": "color",
    "CMYK": "CMYK",
    "I": "gray of 16 or 32 bits",
    "F": "gray of 16 or 32 bits",
}


@dataclass(frozen=True, kw_only=True)
class Spread:
    """The smallest, the middle and the largest of some numbers."""

    least: float
    median: float
    most: float


@dataclass(frozen=True, kw_only=True)
class Checkup:
    """What a look at a folder of pictures found.

    Attributes:
        path: The folder.
        facts: What was counted: classes, files that cannot be read, groups of
            duplicates.
        findings: What is wrong, the most serious first.
        widths: Of the pictures that can be read, upright, in pixels; `None` where there
            are none.
        heights: Likewise.
        aspect_ratios: Widths to heights.
        modes: How many pictures are gray, in color and so on.
        transparent: How many have transparency.
        turned: How many are turned by their EXIF data.
    """

    path: str
    facts: Facts
    findings: tuple[Finding, ...]
    widths: Spread | None
    heights: Spread | None
    aspect_ratios: Spread | None
    modes: dict[str, int]
    transparent: int
    turned: int

    def to_dict(self) -> dict[str, Any]:
        """Plain values; of groups and files their number and the first `MAX_LISTED`."""
        facts = self.facts
        shapes = ("widths", "heights", "aspect_ratios")
        return {
            "path": self.path,
            "pictures": facts.pictures,
            "has_parts": facts.has_parts,
            "findings": [asdict(finding) for finding in self.findings],
            "classes": [asdict(row) for row in facts.classes],
            "duplicates": {
                "groups": len(facts.groups),
                "all_compared": facts.all_compared,
                "listed": [
                    asdict(group)
                    | {"number": len(group.files), "files": group.files[:MAX_FILES]}
                    for group in facts.groups[:MAX_LISTED]
                ],
            },
            "unreadable": {
                "files": len(facts.unreadable),
                "listed": [asdict(row) for row in facts.unreadable[:MAX_LISTED]],
            },
            "blank": {
                "files": len(facts.blank),
                "listed": facts.blank[:MAX_LISTED],
            },
            "ignored": facts.ignored,
            **{name: _plain(getattr(self, name)) for name in shapes},
            "modes": self.modes,
            "transparent": self.transparent,
            "turned": self.turned,
        }


def check_folder(path: str, report: Path | None, told: Reporter) -> Checkup:
    """Look at every picture of a folder.

    Args:
        path: The folder.
        report: An HTML file to write, with thumbnails; none where `None`.
        told: Told how far it is.

    Raises:
        DatasetError: There is no such folder, or no two classes of pictures in it.
        RunError: The report cannot be written.
    """
    listing = list_folder(path)
    seen = _Seen(len(listing.files))
    _look(listing, seen, told)
    checkup = _conclude(listing, seen, told)
    if report is not None:
        from kerascnn.data.checkup_page import write_page

        is_unreadable = {row.file for row in checkup.facts.unreadable}
        readable = [file for file in listing.files if file.name not in is_unreadable]
        write_page(checkup, readable, report, told)
    return checkup


class _Seen:
    """What is kept of the pictures that can be read, about 1.2 KB of each.

    Attributes:
        files: Their numbers in the listing.
    """

    def __init__(self, number: int) -> None:
        self.files: list[int] = []
        self.digests: list[bytes] = []
        self.hashes = np.zeros(number, np.uint64)
        self.smalls = np.zeros((number, SIDE * SIDE), np.uint8)
        self.sizes = np.zeros((number, 2), np.int64)
        self.modes: Counter[str] = Counter()
        self.transparent = self.turned = 0
        self.unreadable: list[Unreadable] = []

    def add(self, file: int, found: dict[str, Any]) -> None:
        """Keep what a worker found."""
        row = len(self.files)
        self.files.append(file)
        self.digests.append(bytes.fromhex(found["digest"]))
        self.hashes[row] = int(found["hash"], 16)
        self.smalls[row] = np.frombuffer(base64.b64decode(found["small"]), np.uint8)
        self.sizes[row] = found["width"], found["height"]
        mode = "I" if found["mode"].startswith("I;") else found["mode"]
        self.modes[MODES.get(mode, mode)] += 1
        self.transparent += found["transparent"]
        self.turned += found["turned"]


def _look(listing: Listing, seen: _Seen, told: Reporter) -> None:
    number = format_count(len(listing.files))

    def tell(done: int) -> None:
        told.stage(f"checking {format_count(done)} of {number} pictures")

    paths = [os.path.join(listing.path, file.name) for file in listing.files]
    results = map_files("kerascnn.data.fingerprints:fingerprint", paths, tell)
    with closing(results):
        for index, found in enumerate(results):
            name = listing.files[index].name
            if found is None:
                reason = "the process that read it ended, as where memory is short"
                seen.unreadable.append(Unreadable(file=name, reason=reason))
            elif "error" in found:
                seen.unreadable.append(Unreadable(file=name, reason=found["error"]))
            else:
                seen.add(index, found)


def _conclude(listing: Listing, seen: _Seen, told: Reporter) -> Checkup:
    number = len(seen.files)
    duplicates = find_duplicates(
        seen.digests,
        seen.hashes[:number],
        seen.smalls[:number],
        lambda share: told.stage(f"comparing pictures: {format_accuracy(share)}"),
    )
    files = [listing.files[index] for index in seen.files]
    groups = [
        _group(listing, [files[i] for i in group], is_exact)
        for found, is_exact in ((duplicates.exact, True), (duplicates.near, False))
        for group in found
    ]
    facts = Facts(
        pictures=number,
        has_parts=listing.has_parts,
        classes=_classes(listing, files),
        groups=tuple(sorted(groups, key=lambda group: group.rank)),
        all_compared=duplicates.is_complete,
        blank=tuple(files[index].name for index in duplicates.blank),
        unreadable=tuple(seen.unreadable),
        ignored=listing.ignored,
    )
    widths, heights = seen.sizes[:number].T
    return Checkup(
        path=listing.path,
        facts=facts,
        findings=tuple(find_problems(facts)),
        widths=_spread(widths),
        heights=_spread(heights),
        aspect_ratios=_spread(widths / heights),
        modes=dict(seen.modes.most_common()),
        transparent=seen.transparent,
        turned=seen.turned,
    )


def class_of(file: PictureFile, *, has_parts: bool) -> str:
    """The name of the folder that a picture is of, be it a class to train on or not."""
    return file.name.split("/")[1 if has_parts else 0]


def _group(listing: Listing, files: Sequence[PictureFile], is_exact: bool) -> Group:
    return Group(
        files=tuple(file.name for file in files),
        exact=is_exact,
        parts=tuple(dict.fromkeys(file.part for file in files)),
        classes=tuple(
            dict.fromkeys(class_of(f, has_parts=listing.has_parts) for f in files)
        ),
    )


def _classes(listing: Listing, files: Sequence[PictureFile]) -> tuple[ClassCount, ...]:
    counts = Counter(
        (class_of(file, has_parts=listing.has_parts), file.part) for file in files
    )
    named = [class_of(file, has_parts=listing.has_parts) for file in listing.files]
    names = sorted({*listing.class_names, *named})
    return tuple(
        ClassCount(
            name=name,
            train=counts[name, "train"],
            validation=counts[name, "validation"],
            test=counts[name, "test"],
        )
        for name in names
    )


def _spread(values: npt.NDArray[Any]) -> Spread | None:
    if not len(values):
        return None
    return Spread(
        least=float(values.min()),
        median=float(np.median(values)),
        most=float(values.max()),
    )


def _plain(spread: Spread | None) -> dict[str, float] | None:
    return None if spread is None else asdict(spread)
