"""Time the way to 99 % on MNIST: kerascnn's recipe, and the plain script.

    python benchmarks/time_to_accuracy.py lenet [--seeds 3] [--only kerascnn]

From the start of the process; kerascnn to the end of its recipe and of the process, the
plain script to the first epoch that ends with 99 % of the validation images told right.
Both are confirmed once on the test images. The plain script is the same network with
NumPy arrays in `fit` and a constant rate, the best of those given, chosen with seed 0.
Adds a row a run to `results/time_to_accuracy.csv`.
"""

from __future__ import annotations

import argparse
import csv
import json
import tempfile
from pathlib import Path
from typing import Any

from processes import timed

HERE = Path(__file__).parent
RESULTS = HERE / "results"
TARGET = 0.99
COLUMNS = ("network", "contender", "rate", "seed", "epochs", "seconds", "reached")
COLUMNS += ("validation_accuracy", "test_accuracy")
RATES = (0.003, 0.01, 0.03, 0.1)


def run_kerascnn(network: str, seed: int) -> dict[str, Any]:
    """Train by the recipe; the whole process counts, its run and figure with it."""
    with tempfile.TemporaryDirectory() as folder:
        command = ["-m", "kerascnn", "train", network, "--seed", str(seed), "--json"]
        seconds, output = timed([*command, "--out", folder, "--name", "run"])
        answer = json.loads(output)
    return {
        "contender": "kerascnn",
        "rate": "recipe",
        "epochs": answer["epochs"],
        "seconds": seconds,
        "reached": answer["validation_accuracy"] >= TARGET,
        "validation_accuracy": answer["validation_accuracy"],
        "test_accuracy": answer["test_accuracy"],
    }


def run_plain(network: str, seed: int, rate: float, epochs: int) -> dict[str, Any]:
    """Train with a constant rate until the target, at most so many epochs."""
    script = str(HERE / "plain_script.py")
    _, output = timed([script, network, str(rate), str(seed), str(epochs)])
    answer: dict[str, Any] = json.loads(output.splitlines()[-1])
    return {"contender": "keras", "rate": rate, **answer}


def main() -> None:
    """Run what the command line asks for; add each run to the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("network")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=12, help="Of the plain script.")
    parser.add_argument("--only", choices=("kerascnn", "keras"))
    options = parser.parse_args()
    network = options.network
    if options.only != "keras":
        for seed in range(options.seeds):
            add(network, seed, run_kerascnn(network, seed))
    if options.only != "kerascnn":
        tuned = {rate: run_plain(network, 0, rate, options.epochs) for rate in RATES}
        for run in tuned.values():
            add(network, 0, run)
        best = min(tuned, key=lambda rate: place(tuned[rate]))
        for seed in range(1, options.seeds):
            add(network, seed, run_plain(network, seed, best, options.epochs))


def place(run: dict[str, Any]) -> tuple[bool, float]:
    """The order of runs: who reached the target soonest; of others the most exact."""
    key = run["seconds"] if run["reached"] else -run["validation_accuracy"]
    return not run["reached"], key


def add(network: str, seed: int, run: dict[str, Any]) -> None:
    """Add a run to the table, and show it."""
    path = RESULTS / "time_to_accuracy.csv"
    RESULTS.mkdir(exist_ok=True)
    is_new = not path.exists()
    row = {"network": network, "seed": seed, **run}
    row["seconds"] = round(row["seconds"], 2)
    with open(path, "a", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        if is_new:
            writer.writeheader()
        writer.writerow(row)
    print(row, flush=True)


if __name__ == "__main__":
    main()
