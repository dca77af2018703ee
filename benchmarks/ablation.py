"""Time what each way of kerascnn's layers brings, one by one and together.

    python benchmarks/ablation.py [--isa AVX2] [--network NAME] [--optimizer NAME]
        [--quick]

The base is kerascnn's training step and data path with Keras's layers. Beside it: each
way of the network's default plan, the fused update of the optimizer ("optimizer") and
the computing of batches in parts ("parts"), alone; all of them; the plain Keras script
as it comes, with oneDNN and on JAX; and PyTorch in its fastest way. At most `AT_ONCE`
processes are alive; each group of them has the base, and ratios are to it.
A turn is a row of `results/ablation.csv`, which `report.py` reads. SGD alone where no
optimizer is named.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Iterable, Iterator

import machine
from pytorch_choice import fastest_pytorch
from rows import Row, group, replace_rows
from tables import markdown, pairs, spread
from throughput import add_options
from turns import (
    NETWORKS,
    PLACE,
    QUICK_TURN_S,
    SETTING,
    TURN_S,
    Setting,
    installed,
    instruction_set_name,
    take_turns,
)

from kerascnn import MODELS

BASE = "kerascnn --ways none"
OTHERS = ("keras", "keras --onednn", "keras --backend jax")
AT_ONCE = 8
COLUMNS = (*SETTING, "group", *PLACE[len(SETTING) :], "images_per_second")
SMALL_GAIN = 1.03
SECTION = """\
## What each way brings

Images a second to those of kerascnn's training step and data path with Keras's layers
(`--ways none`): the median of the ratios of the turns, with the lowest and the highest.
"kerascnn" has all ways of the network's default plan of layers, the optimizer's update
in one operation and, LeNet-5, the batch in a part for each core; the others of its
lines have one of them alone. Where there is nothing, the network has no layer for it.

{tables}"""


def contenders(setting: Setting, *, quick: bool) -> list[str]:
    """Who is measured against the base."""
    alone = [f"kerascnn --ways {way}" for way in ways(setting)]
    pytorch = fastest_pytorch(setting, quick=quick)
    return installed(["kerascnn", *alone, *OTHERS, *pytorch])


def ways(setting: Setting) -> list[str]:
    """What makes kerascnn fast at a setting, each by its name for `--ways`."""
    model = setting.build()
    from kerascnn.fast.plan import default_plan

    plan = default_plan(model, instruction_set_name(setting.isa))
    parts = ["parts"] if MODELS[setting.network].splits_batches else []
    return [*dict.fromkeys(plan.values()), "optimizer", *parts]


def groups(names: list[str]) -> Iterator[list[str]]:
    """The contenders in groups that are alive at once, the base in each."""
    size = AT_ONCE - 1
    for start in range(0, len(names), size):
        yield [BASE, *names[start : start + size]]


def gains(rows: Iterable[Row]) -> dict[tuple[str, str], list[float]]:
    """Ratios to the base by network and contender, a turn's rate to the same turn's."""
    found: dict[tuple[str, str], list[float]] = {}
    for (network, _, contender), ratios in pairs(
        rows, BASE, "network", "group", "contender"
    ).items():
        name = "PyTorch" if contender.startswith("pytorch") else contender
        found[network, name] = ratios
    return found


def small_gains(found: dict[tuple[str, str], list[float]]) -> list[str]:
    """The ways of kerascnn that bring a network less than 3%."""
    return [
        f"`{contender}` on {network} {statistics.median(ratios):.3f}"
        for (network, contender), ratios in found.items()
        if contender.startswith("kerascnn") and statistics.median(ratios) < SMALL_GAIN
    ]


def section(rows: list[Row]) -> str:
    """What `RESULTS.md` says of all rows."""
    tables = []
    for (instruction_set, optimizer), own in group(
        rows, "instruction_set", "optimizer"
    ).items():
        found = gains(own)
        networks = list(dict.fromkeys(network for network, _ in found))
        names = sorted(
            dict.fromkeys(name for _, name in found),
            key=lambda name: name[:5] != "keras",
        )
        lines = [
            [name, *(spread(found.get((network, name), ())) for network in networks)]
            for name in names
        ]
        small = ", ".join(small_gains(found)) or "none"
        tables.append(
            f"{instruction_set}, {optimizer}:\n\n"
            f"{markdown(['contender', *networks], lines)}\n\n"
            f"Gains under 3%: {small}.\n"
        )
    return SECTION.format(tables="\n".join(tables))


def main() -> None:
    """Run what the command line asks for, and write it down after every network."""
    parser = argparse.ArgumentParser(description=__doc__)
    add_options(parser)
    options = parser.parse_args()
    machine.begin()
    turns, seconds = (3, QUICK_TURN_S) if options.quick else (5, TURN_S)
    for network in options.network or NETWORKS:
        for optimizer in options.optimizer or ("sgd",):
            setting = Setting(isa=options.isa, network=network, optimizer=optimizer)
            names = contenders(setting, quick=options.quick)
            rows = [
                row | {"group": number}
                for number, part in enumerate(groups(names))
                for row in take_turns(part, setting, turns=turns, seconds=seconds)
            ]
            replace_rows("ablation", COLUMNS, rows, keys=len(SETTING))
            print(network, optimizer, "done", flush=True)


if __name__ == "__main__":
    main()
