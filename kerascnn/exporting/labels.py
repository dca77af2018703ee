"""The names of the classes as a text, for programs that read `labels.txt`."""

from __future__ import annotations

from collections.abc import Sequence

LABELS_NAME = "labels.txt"


def label_lines(class_names: Sequence[str]) -> str:
    """One name a line, in the order of the classes.

    A name with line breaks in it, or with bytes that are not UTF-8, would shift those
    after it or could not be written: it has spaces and escapes for them.
    """
    return "".join(f"{_on_one_line(name)}\n" for name in class_names)


def _on_one_line(name: str) -> str:
    text = name.encode("utf-8", "backslashreplace").decode()
    return "".join(" " if sign.splitlines() == [""] else sign for sign in text)
