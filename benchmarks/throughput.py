"""Time the training of kerascnn, PyTorch and a plain Keras script, turn by turn.

    python benchmarks/throughput.py [--quick] [--network NAME] [--optimizer NAME]

Every contender is a process of its own that waits between its turns. PyTorch is tried
in all its ways first (two layouts, compiled or not), and the fastest one competes.
Writes one row a turn to `results/throughput.csv`, which `report.py` reads; what was
measured before and is not asked for stays there.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

from kerascnn.machine.environment import describe_environment, package_version

HERE = Path(__file__).parent
RESULTS = HERE / "results"
NETWORKS = ("lenet", "alexnet", "vgg16", "resnet18", "mobilenet")
OPTIMIZERS = ("sgd", "adagrad")
PYTORCH = (
    "pytorch",
    "pytorch --channels-last",
    "pytorch --compile",
    "pytorch --channels-last --compile",
)
COLUMNS = (
    *("network", "optimizer", "contender", "turn", "images_per_second"),
    *("import_s", "first_step_s", "peak_mib"),
)
BATCH_SIZE = 128
TURN_S, QUICK_TURN_S = 2.0, 1.0
# The environment that a plain script has; kerascnn's own settings are its own affair.
PLAIN = {
    name: value
    for name, value in os.environ.items()
    if not name.startswith(("TF_", "KERAS_", "OMP_", "ONEDNN_"))
} | {"TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONPATH": str(HERE.parent)}


class Contender:
    """A process that trains on demand; `name` is a script's and its options."""

    def __init__(self, name: str, network: str, optimizer: str) -> None:
        self.name = name
        kind, *options = name.split()
        self.process = subprocess.Popen(
            [
                *(sys.executable, HERE / f"contender_{kind}.py"),
                *(network, optimizer, *options),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=PLAIN,
        )
        self.start = self._read()
        self.steps = 2

    def turn(self, seconds: float) -> float:
        """Train for about so long; images per second."""
        print(self.steps, file=self.process.stdin, flush=True)
        answer = self._read()
        rate = answer["steps"] / answer["seconds"]
        self.steps = max(2, round(rate * seconds))
        return float(rate * BATCH_SIZE)

    def stop(self) -> float:
        """End it; its peak of memory, in MiB."""
        output, _ = self.process.communicate()  # closes its input
        return float(json.loads(output)["peak_mib"])

    def _read(self) -> dict[str, Any]:
        line = self.process.stdout.readline() if self.process.stdout else ""
        if not line:
            raise SystemExit(f"{self.name} ended early; run its script to see why.")
        answer: dict[str, Any] = json.loads(line)
        return answer


def fastest_pytorch(network: str, quick: bool) -> str:
    """The way of PyTorch that trains this network fastest here, tried with SGD.

    The ways take turns too: a machine that slows down would choose among them else.
    """
    names = PYTORCH[:2] if quick else PYTORCH
    contenders = [Contender(name, network, "sgd") for name in names]
    for contender in contenders:
        contender.turn(1)
    rates: dict[str, list[float]] = {name: [] for name in names}
    for _ in range(3):
        for contender in contenders:
            rates[contender.name].append(contender.turn(1))
    for contender in contenders:
        contender.stop()
    medians = {name: statistics.median(values) for name, values in rates.items()}
    print(network, {name: round(rate, 1) for name, rate in medians.items()}, flush=True)
    return max(medians, key=lambda name: medians[name])


def compete(
    names: list[str], network: str, optimizer: str, quick: bool
) -> list[dict[str, Any]]:
    """Let all contenders take turns; a row for each turn."""
    contenders = [Contender(name, network, optimizer) for name in names]
    for contender in contenders:
        contender.turn(1)  # warm, and it knows its pace
    rows = [
        {
            "network": network,
            "optimizer": optimizer,
            "contender": contender.name,
            "turn": turn,
            "images_per_second": round(
                contender.turn(QUICK_TURN_S if quick else TURN_S), 2
            ),
        }
        for turn in range(3 if quick else 5)
        for contender in contenders
    ]
    for contender in contenders:
        once = {
            "import_s": round(contender.start["import_s"], 3),
            "first_step_s": round(contender.start["first_step_s"], 3),
            "peak_mib": round(contender.stop()),
        }
        for row in rows:
            if row["contender"] == contender.name:
                row |= once
    return rows


def measured_before(networks: list[str], optimizers: list[str]) -> list[dict[str, Any]]:
    """The rows of a former run that this one does not measure again."""
    path = RESULTS / "throughput.csv"
    if not path.exists():
        return []
    with open(path, newline="") as file:
        return [
            row
            for row in csv.DictReader(file)
            if row["network"] not in networks or row["optimizer"] not in optimizers
        ]


def write_machine(turn_s: float) -> None:
    """Write down what this machine is, and how fast it multiplies matrices."""
    here = describe_environment()
    rate = subprocess.run(
        [sys.executable, HERE / "matrix_rate.py"],
        env=PLAIN,
        check=True,
        capture_output=True,
    )
    machine = {
        **{name: here[name] for name in ("processor", "cores", "python")},
        **{name: here["packages"][name] for name in ("tensorflow", "keras")},
        "memory": round(here["memory_bytes"] / 2**30, 1),
        "pytorch": package_version("torch"),
        "matrix_rate": json.loads(rate.stdout),
        "turn_s": turn_s,
    }
    (RESULTS / "machine.json").write_text(json.dumps(machine, indent=2) + "\n")


def main() -> None:
    """Run what the command line asks for, and write it down after every network."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="Minutes, not an hour.")
    parser.add_argument("--network", choices=NETWORKS, action="append")
    parser.add_argument("--optimizer", choices=OPTIMIZERS, action="append")
    options = parser.parse_args()
    RESULTS.mkdir(exist_ok=True)
    write_machine(QUICK_TURN_S if options.quick else TURN_S)
    rows = measured_before(options.network or NETWORKS, options.optimizer or OPTIMIZERS)
    for network in options.network or NETWORKS:
        names = ["kerascnn", fastest_pytorch(network, options.quick), "keras"]
        for optimizer in options.optimizer or OPTIMIZERS:
            rows += compete(names, network, optimizer, options.quick)
            with open(RESULTS / "throughput.csv", "w", newline="") as file:
                writer = csv.DictWriter(file, COLUMNS)
                writer.writeheader()
                writer.writerows(rows)
            last = {row["contender"]: row["images_per_second"] for row in rows[-3:]}
            print(network, optimizer, last, flush=True)


if __name__ == "__main__":
    main()
