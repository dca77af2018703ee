"""Train with kerascnn's layers, with Keras's, and in 16 bits: is the accuracy the same?

    python benchmarks/accuracy_of_training.py [--network NAME] [--seeds 3]

Each seed is trained in all ways, by the network's recipe on some of MNIST, and measured
on the whole test set. Nothing is timed: other work may go on beside it.
Writes `results/accuracy_of_training.csv`, which `report.py` reads; what is there is not
trained again.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence

from rows import Row, group, read_rows, replace_rows
from scipy.stats import t as student
from tables import markdown

from kerascnn.machine.environment import instruction_set

# Epochs, and training images: what takes a minute, or a few.
LENGTHS = {
    "lenet": (3, 54_000),
    "alexnet": (1, 20_000),
    "vgg16": (1, 6_000),
    "resnet18": (2, 20_000),
    "mobilenet": (1, 10_000),
}
WAYS = {
    "kerascnn": [],
    "keras": ["--no-fast-layers"],
    "16 bits": ["--mixed-precision"],
}
COLUMNS = ("instruction_set", "network", "seed", "way", "test_accuracy", "test_loss")
SECTION = """\
## Accuracy of trainings

The network's recipe on some of MNIST, each seed in all ways, measured on the 10,000
test images: the mean accuracy of the seeds, and the mean of the paired differences to
Keras's own layers in percentage points, with its interval of 95% by Student's
distribution.

{table}
"""


def train(network: str, seed: int, options: Sequence[str]) -> dict[str, float]:
    """Train in a process of its own; the measures of the test set."""
    epochs, limit = LENGTHS[network]
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [
                *(sys.executable, "-m", "kerascnn", "train", network, "--json"),
                *("--epochs", str(epochs), "--limit", str(limit)),
                *("--seed", str(seed), "--out", folder, *options),
            ],
            check=True,
            capture_output=True,
        )
    found = json.loads(done.stdout)
    return {name: found[name] for name in ("test_accuracy", "test_loss")}


def difference(pairs: Iterable[tuple[float, float]]) -> tuple[float, float]:
    """The mean of the differences of pairs, and half of its interval of 95%."""
    differences = [first - second for first, second in pairs]
    mean = statistics.mean(differences)
    number = len(differences)
    if number < 2:
        return mean, math.nan
    error = statistics.stdev(differences) / math.sqrt(number)
    return mean, float(student.ppf(0.975, number - 1)) * error


def section(rows: list[Row]) -> str:
    """What `RESULTS.md` says of all rows; a network of one seed is left out."""
    lines = []
    for (name, network), own in group(rows, "instruction_set", "network").items():
        accuracies = {
            way: {row["seed"]: 100 * float(row["test_accuracy"]) for row in found}
            for (way,), found in group(own, "way").items()
        }
        if len(accuracies.get("keras", {})) < 2:
            continue
        epochs, limit = LENGTHS[network]
        cells = [name, network, f"{epochs} x {limit:,}", str(len(accuracies["keras"]))]
        for way in WAYS:
            found = accuracies.get(way, {})
            cells.append(f"{statistics.mean(found.values()):.2f}%" if found else "")
        for way in ("kerascnn", "16 bits"):
            seeds = accuracies.get(way, {}).keys() & accuracies["keras"].keys()
            mean, half = difference(
                (accuracies[way][seed], accuracies["keras"][seed]) for seed in seeds
            )
            cells.append(f"{mean:+.2f} ± {half:.2f}")
        lines.append(cells)
    heads = ("instruction set", "network", "images", "seeds", *WAYS)
    return SECTION.format(
        table=markdown([*heads, "kerascnn - keras", "16 bits - keras"], lines)
    )


def main() -> None:
    """Train what is not there yet."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--network", choices=LENGTHS, action="append")
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    here = instruction_set()
    for network in options.network or LENGTHS:
        for seed in range(1, options.seeds + 1):
            for way, words in WAYS.items():
                place = {
                    "instruction_set": here,
                    "network": network,
                    "seed": str(seed),
                    "way": way,
                }
                if any(
                    place.items() <= row.items()
                    for row in read_rows("accuracy_of_training")
                ):
                    continue
                row = place | train(network, seed, words)
                replace_rows("accuracy_of_training", COLUMNS, [row], keys=4)
                print(row, flush=True)


if __name__ == "__main__":
    main()
