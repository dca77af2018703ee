"""Which of PyTorch's ways trains a network fastest: by trying, as its user would.

First the layouts, each eager and compiled, then, with the fastest of them, the ways of
the optimizer. Those of a stage take turns: a machine that slows down would choose among
them else. Each network, optimizer and precision has a choice of its own. The turns are
rows of `results/pytorch.csv`, and a choice that is there is not made again.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable

from rows import Row, read_rows, replace_rows
from turns import PLACE, SETTING, Setting, installed, take_turns

LAYOUTS = ("", " --channels-last")
COMPILERS = ("", " --compile default", " --compile max-autotune-no-cudagraphs")
UPDATES = ("", " --update foreach", " --update fused")
COLUMNS = (*SETTING, "stage", *PLACE[len(SETTING) :], "images_per_second")
TURNS, SECONDS = 5, 1.0


def fastest_pytorch(setting: Setting, *, quick: bool = False) -> list[str]:
    """The fastest way of PyTorch, as the name of a contender.

    Args:
        setting: What is trained.
        quick: Try the layouts alone, and do not keep the choice.

    Returns:
        One name, or none where PyTorch is not installed.
    """
    if not installed(["pytorch"]):
        return []
    is_ours = setting.columns().items()
    before = [row for row in read_rows("pytorch") if is_ours <= row.items()]
    if before:
        return [choice(before)]
    kind = "pytorch --bfloat16" if setting.precision == "bfloat16" else "pytorch"
    ways = [
        kind + layout + compiler
        for compiler in (COMPILERS[:1] if quick else COMPILERS)
        for layout in LAYOUTS
    ]
    rows = try_ways(ways, setting, stage=1)
    if quick:
        return [choice(rows)]
    rows += try_ways([choice(rows) + update for update in UPDATES], setting, stage=2)
    replace_rows("pytorch", COLUMNS, rows, keys=len(SETTING))
    return [choice(rows)]


def try_ways(ways: list[str], setting: Setting, *, stage: int) -> list[Row]:
    """Let ways take turns; a row for each turn."""
    rows = take_turns(ways, setting, turns=TURNS, seconds=SECONDS)
    return [
        {column: str((row | {"stage": stage})[column]) for column in COLUMNS}
        for row in rows
    ]


def choice(rows: Iterable[Row]) -> str:
    """The way with the highest median rate in the last stage of some rows."""
    rows = list(rows)
    last = max(row["stage"] for row in rows)
    rates: dict[str, list[float]] = {}
    for row in rows:
        if row["stage"] == last:
            rate = float(row["images_per_second"])
            rates.setdefault(row["contender"], []).append(rate)
    return max(rates, key=lambda way: statistics.median(rates[way]))
