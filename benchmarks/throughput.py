"""Time the training of kerascnn, PyTorch and a plain Keras script, turn by turn.

    python benchmarks/throughput.py [--isa AVX2] [--recipe] [--bfloat16] [--quick]
        [--network NAME] [--optimizer NAME]

Every contender is a process of its own that waits between its turns. PyTorch competes
in the fastest of its ways (`pytorch_choice.py`), Keras with oneDNN as TensorFlow has it
on the processor, and turned on. `--isa AVX2` imitates an older processor. `--recipe`
has the image size, first layers and batches of the network's recipe in place of batches
of 128 images of 32x32 pixels. `--bfloat16` is a class of its own: mixed precision of
all three, beside kerascnn in float32.
A turn is a row of `results/throughput.csv`, which `report.py` reads; what was measured
before and is not asked for stays there.
"""

from __future__ import annotations

import argparse
from typing import Any

import machine
from pytorch_choice import fastest_pytorch
from rows import replace_rows
from turns import (
    INSTRUCTION_SETS,
    NETWORKS,
    OPTIMIZERS,
    PLACE,
    QUICK_TURN_S,
    SETTING,
    TURN_S,
    Setting,
    installed,
    take_turns,
)

from kerascnn.machine.environment import computes_bfloat16

COLUMNS = (*PLACE, "images_per_second", "import_s", "first_step_s", "peak_mib")


def contenders(setting: Setting, *, quick: bool) -> list[str]:
    """Who competes."""
    pytorch = fastest_pytorch(setting, quick=quick)
    if setting.precision == "bfloat16":
        mixed = ["kerascnn --bfloat16", *pytorch, "keras --onednn --bfloat16"]
        return ["kerascnn", *mixed]
    return ["kerascnn", *pytorch, "keras", "keras --onednn"]


def compete(names: list[str], setting: Setting, *, quick: bool) -> list[dict[str, Any]]:
    """Let contenders take turns; a row for each turn."""
    turns, seconds = (3, QUICK_TURN_S) if quick else (5, TURN_S)
    return take_turns(installed(names), setting, turns=turns, seconds=seconds)


def parse() -> argparse.Namespace:
    """Read the command line; `ablation.py` has the same options, but for two."""
    parser = argparse.ArgumentParser(description=__doc__)
    add_options(parser)
    parser.add_argument("--recipe", action="store_true")
    parser.add_argument("--bfloat16", action="store_true")
    return parser.parse_args()


def add_options(parser: argparse.ArgumentParser) -> None:
    """Options that choose the processor and what is trained."""
    parser.add_argument("--isa", choices=INSTRUCTION_SETS, default="native")
    parser.add_argument("--quick", action="store_true", help="Minutes, not an hour.")
    parser.add_argument("--network", choices=NETWORKS, action="append")
    parser.add_argument("--optimizer", choices=OPTIMIZERS, action="append")


def main() -> None:
    """Run what the command line asks for, and write it down after every network.

    Where oneDNN is held to AVX2, TensorFlow crashes in bfloat16.
    """
    options = parse()
    if options.bfloat16 and (options.isa != "native" or computes_bfloat16() is False):
        print("bfloat16 is left out: the processor does not multiply in it.")
        return
    machine.begin()
    for network in options.network or NETWORKS:
        for optimizer in options.optimizer or OPTIMIZERS:
            setting = Setting(
                isa=options.isa,
                network=network,
                optimizer=optimizer,
                sizes="recipe" if options.recipe else "common",
                precision="bfloat16" if options.bfloat16 else "float32",
            )
            names = contenders(setting, quick=options.quick)
            rows = compete(names, setting, quick=options.quick)
            replace_rows("throughput", COLUMNS, rows, keys=len(SETTING))
            last = {row["contender"]: row["images_per_second"] for row in rows}
            print(network, optimizer, last, flush=True)


if __name__ == "__main__":
    main()
