"""Ratios of the turns, and tables in Markdown."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence

from rows import Row, group


def pairs(
    rows: Iterable[Row], base: str, *columns: str
) -> dict[tuple[str, ...], list[float]]:
    """The rates of the turns to those that the base had in the same turns.

    Args:
        rows: Turns of contenders, the base among them, in each group.
        base: The contender that others are held against; it is not in the result.
        columns: What makes a group; the last one is `"contender"`.

    Returns:
        The ratios of each group's turns, by the columns' values.
    """
    rates = {
        key: {row["turn"]: float(row["images_per_second"]) for row in own}
        for key, own in group(rows, *columns).items()
    }
    return {
        key: [rate / rates[*key[:-1], base][turn] for turn, rate in turns.items()]
        for key, turns in rates.items()
        if key[-1] != base and (*key[:-1], base) in rates
    }


def spread(ratios: Iterable[float]) -> str:
    """The median of ratios with the lowest and the highest; nothing of none."""
    ratios = list(ratios)
    if not ratios:
        return ""
    return f"{statistics.median(ratios):.2f} ({min(ratios):.2f}-{max(ratios):.2f})"


def median_rate(rows: Iterable[Row], contender: str) -> float | None:
    """A contender's images per second; `None` where it has no turns."""
    rates = [
        float(row["images_per_second"]) for row in rows if row["contender"] == contender
    ]
    return statistics.median(rates) if rates else None


def markdown(heads: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """A table."""
    rows = [heads, ["---"] * len(heads), *lines]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in rows)


def filled(value: float | None, form: str) -> str:
    """A number as a format has it; nothing where there is none."""
    return "" if value is None else form.format(value)
