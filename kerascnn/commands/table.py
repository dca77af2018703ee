"""The one way to print a table."""

from __future__ import annotations

from collections.abc import Sequence

import click


def echo_table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print rows in columns on standard output, numbers to the right.

    Args:
        head: The names of the columns.
        rows: Their values; a float has four decimals, `None` is a dash.
    """
    cells = [[_text(value) for value in row] for row in rows]
    columns = list(zip(head, *cells, strict=True))
    widths = [max(map(len, column)) for column in columns]
    is_number = [
        any(isinstance(row[index], int | float) for row in rows)
        for index in range(len(head))
    ]
    for line in (head, *cells):
        padded = (
            text.rjust(width) if right else text.ljust(width)
            for text, width, right in zip(line, widths, is_number, strict=True)
        )
        click.echo("  ".join(padded).rstrip())


def _text(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.4f}"
    return f"{value:,}" if isinstance(value, int) else str(value)
