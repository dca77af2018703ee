"""The page of a checkup: one HTML file that opens offline, with thumbnails."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from markupsafe import Markup

from kerascnn.data.checkup import Checkup, class_of
from kerascnn.data.findings import SERIOUS, Facts, Group
from kerascnn.data.folder import PictureFile
from kerascnn.data.workers import map_files
from kerascnn.machine.files import write_text
from kerascnn.machine.numbers import format_count
from kerascnn.machine.pages import render_page
from kerascnn.machine.reporter import Reporter

# The page has an end, however large the folder: so many groups of duplicates and files
# of each, thumbnails of a class, of all classes, and lines of a list.
MAX_GROUPS, MAX_GROUP_FILES = 60, 6
MAX_OF_CLASS, MAX_OF_CLASSES = 24, 2400
MAX_CLASSES = MAX_LINES = 1000
# Of more classes, the thumbnails are folded away.
MAX_OPEN = 12


def write_page(
    checkup: Checkup, files: Sequence[PictureFile], path: Path, told: Reporter
) -> None:
    """Write the page.

    Args:
        checkup: What it says.
        files: The pictures that can be read.
        path: The HTML file.
        told: Told how far it is.

    Raises:
        RunError: It cannot be written.
    """
    groups = checkup.facts.groups[:MAX_GROUPS]
    sheets = _choose(files, checkup.facts)
    chosen = [name for group in groups for name in group.files[:MAX_GROUP_FILES]]
    chosen += [name for names in sheets.values() for name in names]
    thumbnails = _draw(checkup.path, list(dict.fromkeys(chosen)), told)
    context = {
        "checkup": checkup,
        "facts": checkup.facts,
        "groups": [_shown(group) for group in groups],
        "sheets": sheets,
        "thumbnails": thumbnails,
        "serious": SERIOUS,
        "max_lines": MAX_LINES,
        "max_open": MAX_OPEN,
    }
    write_text(path, render_page("kerascnn.data", "checkup.html", context))


def _choose(files: Sequence[PictureFile], facts: Facts) -> dict[str, list[str]]:
    """Names of some pictures of each class, evenly spaced."""
    of_class: dict[str, list[str]] = {
        row.name: [] for row in facts.classes[:MAX_CLASSES]
    }
    for file in files:
        name = class_of(file, has_parts=facts.has_parts)
        if name in of_class:
            of_class[name].append(file.name)
    most = min(MAX_OF_CLASS, MAX_OF_CLASSES // max(len(of_class), 1))
    return {
        name: [names[i * len(names) // most] for i in range(most)]
        if len(names) > most
        else names
        for name, names in of_class.items()
    }


def _draw(folder: str, names: Sequence[str], told: Reporter) -> dict[str, Markup]:
    """Thumbnails as WebP in base64, by the names of the files."""
    number = format_count(len(names))

    def tell(done: int) -> None:
        told.stage(f"drawing {format_count(done)} of {number} thumbnails")

    paths = [os.path.join(folder, name) for name in names]
    drawn = map_files("kerascnn.data.fingerprints:thumbnail", paths, tell)
    with closing(drawn):
        return {
            name: Markup(image)  # letters and digits
            for name, image in zip(names, drawn, strict=True)
            if image is not None
        }


def _shown(group: Group) -> dict[str, Any]:
    """What the page says of a group."""
    across = [
        f"{len(values)} {what}"
        for values, what in ((group.parts, "parts"), (group.classes, "classes"))
        if len(values) > 1
    ]
    return {
        "title": ("The same pixels" if group.exact else "Nearly the same")
        + (f", in {' and '.join(across)}" if across else f", in {group.classes[0]}"),
        "files": group.files[:MAX_GROUP_FILES],
        "rest": len(group.files) - MAX_GROUP_FILES,
        "is_serious": bool(across),
    }
