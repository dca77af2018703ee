"""The names of the classes as a text, for programs that read `labels.txt`."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from kerascnn.machine.text import printable

LABELS_NAME = "labels.txt"


def label_lines(class_names: Sequence[str]) -> str:
    """One name a line, in the order of the classes.

    A name with line breaks in it would shift those after it: it has spaces for them.
    Codes that move a terminal's cursor, and bytes that are not UTF-8, are escaped.
    """
    return "".join(f"{_on_one_line(name)}\n" for name in class_names)


def _on_one_line(name: str) -> str:
    return "".join(map(_visible, name))


def _visible(sign: str) -> str:
    if sign.splitlines() == [""]:
        return " "
    # Not all that `printable` escapes: some scripts need signs that join letters.
    return printable(sign) if unicodedata.category(sign) in {"Cc", "Cs"} else sign
