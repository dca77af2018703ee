"""The one way to print a table: it fits the terminal, numbers stand to the right."""

from __future__ import annotations

import os
import shutil
import sys
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

import click

from kerascnn.machine.numbers import format_count

GAP = "  "
# Where there is no terminal, only the last column is made to fit.
WIDTH_ELSEWHERE = 100
# It is not made narrower than this.
MIN_LAST_WIDTH = 16

Rows = Sequence[Sequence[object]]


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes:
        title: What stands above it.
        is_number: Whether its values stand to the right.
        extra: Where a terminal is too narrow for all, the column of the highest number
            is left out first, and one of zero never.
    """

    title: str
    is_number: bool = False
    extra: int = 0


@dataclass(frozen=True)
class _Strip:
    """A column with its texts."""

    column: Column
    texts: Sequence[str]

    @property
    def content(self) -> int:
        """The width of the widest text."""
        return max(map(cell_width, self.texts), default=0)

    @property
    def width(self) -> int:
        """The width with the title on one line."""
        return max(self.content, cell_width(self.column.title))

    @property
    def least(self) -> int:
        """The width with the title broken into words."""
        words = self.column.title.split()
        return max([self.content, *map(cell_width, words)])


def echo_table(columns: Sequence[Column], rows: Rows) -> None:
    """Print rows in columns on standard output.

    Where they are wider than the terminal, titles are broken into words, extra columns
    are left out, which a line on standard error says, and the last column is wrapped,
    where it is no number; this alone where there is no terminal. No text is cut.

    Args:
        columns: The columns.
        rows: Their values, as they are written; whole numbers get commas, and `None` is
            a dash.
    """
    strips = _strips(columns, rows)
    left_out: list[str] = []
    extra = [strip for strip in strips if strip.column.extra]
    extra.sort(key=lambda strip: strip.column.extra)
    while extra and has_width() and _least_width(strips) > available_width():
        strips.remove(extra[-1])
        left_out.insert(0, extra.pop().column.title)
    widths = _widths(strips)
    titles = [_wrap(s.column.title, w) for s, w in zip(strips, widths, strict=True)]
    height = max(map(len, titles))
    _echo_lines(strips, widths, [[""] * (height - len(t)) + t for t in titles])
    for number in range(len(rows)):
        cells = [[strip.texts[number]] for strip in strips]
        if not strips[-1].column.is_number:
            cells[-1] = _wrap(cells[-1][0], widths[-1])
        _echo_lines(strips, widths, cells)
    if left_out:
        click.echo(
            f"Not shown in {available_width()} columns: {', '.join(left_out)}. --json "
            "has all.",
            err=True,
        )


def fits(columns: Sequence[Column], rows: Rows) -> bool:
    """Whether a table fits the terminal, if there is one, with nothing left out."""
    return not has_width() or _least_width(_strips(columns, rows)) <= available_width()


def has_width() -> bool:
    """Whether there is a terminal, or `COLUMNS` says how wide to write."""
    return "COLUMNS" in os.environ or sys.stdout.isatty()


def available_width() -> int:
    """How wide to write, in characters; `COLUMNS` in the environment wins."""
    return shutil.get_terminal_size().columns if has_width() else WIDTH_ELSEWHERE


def cell_width(text: str) -> int:
    """How many cells of a terminal a text takes; Chinese characters take two."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def _strips(columns: Sequence[Column], rows: Rows) -> list[_Strip]:
    texts = [[_text(value) for value in row] for row in rows]
    return [
        _Strip(column, [row[index] for row in texts])
        for index, column in enumerate(columns)
    ]


def _text(value: object) -> str:
    if value is None:
        return "-"
    return format_count(value) if isinstance(value, int) else str(value)


def _least_width(strips: Sequence[_Strip]) -> int:
    return sum(strip.least for strip in strips) + len(GAP) * (len(strips) - 1)


def _widths(strips: Sequence[_Strip]) -> list[int]:
    """The width of each column."""
    room = available_width() - len(GAP) * (len(strips) - 1)
    widths = [strip.width for strip in strips]
    if sum(widths) > room and has_width():
        widths = [strip.least for strip in strips]
    if sum(widths) > room and not strips[-1].column.is_number:
        least = max(MIN_LAST_WIDTH, room - sum(widths[:-1]))
        widths[-1] = min(widths[-1], least)
    return widths


def _wrap(text: str, width: int) -> list[str]:
    return textwrap.wrap(
        text, width, break_long_words=False, break_on_hyphens=False
    ) or [""]


def _echo_lines(
    strips: Sequence[_Strip], widths: Sequence[int], cells: Sequence[Sequence[str]]
) -> None:
    """Print one row, whose cells may have several lines."""
    for line in range(max(map(len, cells))):
        padded = []
        for strip, width, cell in zip(strips, widths, cells, strict=True):
            text = cell[line] if line < len(cell) else ""
            blanks = " " * (width - cell_width(text))
            padded.append(blanks + text if strip.column.is_number else text + blanks)
        click.echo(GAP.join(padded).rstrip())
