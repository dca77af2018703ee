"""The raw rows of the benchmarks: a CSV file each in `results/`."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

RESULTS = Path(__file__).parent / "results"

Row = dict[str, str]


def read_rows(name: str) -> list[Row]:
    """The rows of a file; none where it does not exist."""
    path = RESULTS / f"{name}.csv"
    if not path.exists():
        return []
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def replace_rows(
    name: str, columns: Sequence[str], rows: Iterable[Mapping[str, object]], keys: int
) -> None:
    """Write new rows in the place of those that they supersede.

    Args:
        name: Of the file, without its suffix.
        columns: In their order.
        rows: The new ones.
        keys: An old row is superseded by a new one that is equal in the first so many
            columns.
    """
    new = [{column: str(row[column]) for column in columns} for row in rows]
    superseded = {_key(row, columns[:keys]) for row in new}
    old = read_rows(name)
    kept = [row for row in old if _key(row, columns[:keys]) not in superseded]
    RESULTS.mkdir(exist_ok=True)
    with open(RESULTS / f"{name}.csv", "w", newline="") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows([*kept, *new])


def group(rows: Iterable[Row], *columns: str) -> dict[tuple[str, ...], list[Row]]:
    """The rows that are equal in some columns, in the order in which they came."""
    groups: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault(_key(row, columns), []).append(row)
    return groups


def _key(row: Row, columns: Sequence[str]) -> tuple[str, ...]:
    return tuple(row[column] for column in columns)
