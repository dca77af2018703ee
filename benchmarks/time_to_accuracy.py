"""Time the way to 99% on MNIST: kerascnn's recipe, and the plain script.

    python benchmarks/time_to_accuracy.py lenet [--isa AVX2] [--seeds 3] [--epochs 12]
    python benchmarks/time_to_accuracy.py vgg16 --seeds 1 --counted --epochs 1

From the start of the process; kerascnn to the end of its recipe and of the process, the
plain script to the first epoch that ends with 99% of the validation images correct.
Both are confirmed once on the test images. The plain script is the same network with
NumPy arrays in `fit`, oneDNN turned on and a constant rate, the best of those given,
chosen with seed 0. `--isa AVX2` imitates an older processor for both.

With `--counted`, for networks whose script would need hours, its time is its epochs
times what one takes. The script trains some batches, and an epoch is as long as its
images take at their speed. The epochs are those after which `kerascnn train` reaches
99% with the same network, batches and constant rate, since its steps are equal; they
are one more than `--epochs` where it does not by then.
Each run is a row of `results/time_to_accuracy.csv`; what is there is not done again.
"""

from __future__ import annotations

import argparse
import csv
import json
import statistics
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import machine
from processes import timed
from rows import Row, group, read_rows, replace_rows
from tables import markdown
from turns import HERE, INSTRUCTION_SETS, environment, instruction_set_name

TARGET = 0.99
TABLE = "time_to_accuracy"
RUN = ("instruction_set", "network", "contender", "rate", "seed")
COLUMNS = (*RUN, "epochs", "seconds", "reached")
COLUMNS += ("validation_accuracy", "test_accuracy")
SECTION = """\
## Time to 99% on MNIST

Seconds from the start of the process: of `kerascnn train` with the network's recipe to
its end, with the test and all files; of the plain script, with the same network and the
best of some constant rates, to the end of the first epoch with 99% of the validation
images correct, with oneDNN turned on ("keras --onednn") or TensorFlow's defaults
("keras"). "At least" is counted: epochs of the length of the first, measured
with {some:,} images of it, one more than those after which `kerascnn train` with the
constant rates named was still below 99%. The ratio is the median of the seeds'.

{table}
"""
HEADS = ("instruction set", "network", "epochs", "seconds", "test", "script", "rate")
HEADS += ("epochs", "seconds", "test", "ratio")
PLAIN = "keras --onednn"
TRAINING_IMAGES = 54_000
SOME_IMAGES = 1_600
FIRST_EPOCH = "first epoch"  # instead of a rate
CONSTANT = "kerascnn, constant rate"  # what counts the plain script's epochs
RATES = (0.003, 0.01, 0.03, 0.1)


def run_kerascnn(isa: str, network: str, seed: int) -> dict[str, Any]:
    """Train by the recipe; the whole process counts, its run and figure with it."""
    with tempfile.TemporaryDirectory() as folder:
        command = ["-m", "kerascnn", "train", network, "--seed", str(seed), "--json"]
        command += ["--out", folder, "--name", "run"]
        seconds, output = timed(command, variables=environment(isa, "kerascnn"))
        answer = json.loads(output)
    return {
        "contender": "kerascnn",
        "epochs": answer["epochs"],
        "seconds": seconds,
        "reached": answer["validation_accuracy"] >= TARGET,
        "validation_accuracy": answer["validation_accuracy"],
        "test_accuracy": answer["test_accuracy"],
    }


def run_plain(
    isa: str, network: str, seed: int, rate: float, epochs: int
) -> dict[str, Any]:
    """Train with a constant rate until the target, at most so many epochs."""
    answer = plain_script(isa, network, str(rate), str(seed), str(epochs))
    return {"contender": PLAIN, **answer}


def plain_script(isa: str, *arguments: str) -> dict[str, Any]:
    """Run the plain script with oneDNN turned on; what it says."""
    variables = environment(isa, "keras") | {"TF_ENABLE_ONEDNN_OPTS": "1"}
    script = str(HERE / "plain_script.py")
    _, output = timed([script, *arguments], variables=variables)
    answer: dict[str, Any] = json.loads(output.splitlines()[-1])
    return answer


def run_constant(
    isa: str, network: str, seed: int, rate: float, epochs: int
) -> dict[str, Any]:
    """Train with the plain script's batches and rate, to count its epochs."""
    with tempfile.TemporaryDirectory() as folder:
        command = ["-m", "kerascnn", "train", network, "--seed", str(seed), "--no-test"]
        command += ["--schedule", "constant", "--learning-rate", str(rate)]
        command += ["--warmup-epochs", "0", "--batch-size", "64"]
        command += ["--epochs", str(epochs), "--out", folder, "--name", "run"]
        variables = environment(isa, "kerascnn")
        seconds, _ = timed(command, check=False, variables=variables)  # it may diverge
        with open(Path(folder, "run", "history.csv"), newline="") as file:
            history = list(csv.DictReader(file))
    accuracies = [float(row["validation_accuracy"]) for row in history]
    right = [accuracy >= TARGET for accuracy in accuracies]
    return {
        "contender": CONSTANT,
        "epochs": right.index(True) + 1 if any(right) else epochs,
        "seconds": seconds,
        "reached": any(right),
        "validation_accuracy": max(accuracies, default=0.0),
        "test_accuracy": "",
    }


def run_first_epoch(isa: str, network: str) -> dict[str, Any]:
    """Train some batches of the plain script, and count an epoch of them."""
    answer = plain_script(isa, network, "0.001", "0", "1", str(SOME_IMAGES))
    rate = answer["images_per_second"]
    return {
        "contender": PLAIN,
        "epochs": 1,
        "seconds": TRAINING_IMAGES / rate,
        "reached": False,
        "validation_accuracy": "",
        "test_accuracy": "",
    }


def main() -> None:
    """Do the runs that the table does not have yet; the contenders take turns."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("network")
    parser.add_argument("--isa", choices=INSTRUCTION_SETS, default="native")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=12, help="Of the plain script.")
    parser.add_argument("--counted", action="store_true")
    parser.add_argument("--rates", type=float, nargs="+", default=RATES)
    options = parser.parse_args()
    machine.begin()
    runs = Runs(options.isa, options.network, options.epochs)
    if options.counted:
        runs.first_epoch()
        for seed in range(options.seeds):
            runs.kerascnn(seed)
        for rate in options.rates if options.epochs else ():
            runs.constant(0, rate)
    else:
        tuned = {rate: runs.plain(0, rate) for rate in options.rates}
        best = min(tuned, key=lambda rate: place(tuned[rate]))
        for seed in range(options.seeds):
            runs.kerascnn(seed)
            runs.plain(seed, best)


class Runs:
    """The runs of a network, each done once and written down."""

    def __init__(self, isa: str, network: str, epochs: int) -> None:
        self.isa = isa
        self.network = network
        self.epochs = epochs

    def kerascnn(self, seed: int) -> dict[str, Any]:
        """The whole recipe."""
        return self._find("kerascnn", "recipe", seed) or self._add(
            "recipe", seed, run_kerascnn(self.isa, self.network, seed)
        )

    def first_epoch(self) -> dict[str, Any]:
        """The least that the plain script's first epoch takes."""
        return self._find(PLAIN, FIRST_EPOCH, 0) or self._add(
            FIRST_EPOCH, 0, run_first_epoch(self.isa, self.network)
        )

    def constant(self, seed: int, rate: float) -> dict[str, Any]:
        """The epochs of the plain script."""
        return self._find(CONSTANT, str(rate), seed) or self._add(
            str(rate),
            seed,
            run_constant(self.isa, self.network, seed, rate, self.epochs),
        )

    def plain(self, seed: int, rate: float) -> dict[str, Any]:
        """The plain script with a constant rate."""
        return self._find(PLAIN, str(rate), seed) or self._add(
            str(rate), seed, run_plain(self.isa, self.network, seed, rate, self.epochs)
        )

    def _find(self, contender: str, rate: str, seed: int) -> Row | None:
        wanted = self._identity(contender, rate, seed).items()
        return next((row for row in read_rows(TABLE) if wanted <= row.items()), None)

    def _add(self, rate: str, seed: int, run: dict[str, Any]) -> Row:
        row = run | self._identity(run["contender"], rate, seed)
        row["seconds"] = f"{row['seconds']:.2f}"
        replace_rows(TABLE, COLUMNS, [row], keys=len(RUN))
        print(row, flush=True)
        return {column: str(row[column]) for column in COLUMNS}

    def _identity(self, contender: str, rate: str, seed: int) -> Row:
        values = (instruction_set_name(self.isa), self.network, contender, rate)
        return dict(zip(RUN, (*values, str(seed)), strict=True))


def section(rows: list[Row]) -> str:
    """What `RESULTS.md` says of all rows."""
    return SECTION.format(some=SOME_IMAGES, table=markdown(HEADS, summaries(rows)))


def summaries(rows: list[Row]) -> Iterator[list[str]]:
    """A line of the table for each network and each plain script beside it."""
    for (instruction_set, network), own in group(
        rows, "instruction_set", "network"
    ).items():
        ours = [row for row in own if row["contender"] == "kerascnn"]
        for (script,), plain in group(own, "contender").items():
            if ours and script in ("keras", PLAIN):
                tried = [row for row in own if row["contender"] == CONSTANT]
                line = [instruction_set, network, *cells(ours), script]
                yield [*line, *beside(ours, plain, tried)]


def beside(ours: list[Row], plain: list[Row], tried: list[Row]) -> list[str]:
    """The plain script's rate, epochs, seconds and test accuracy, and the ratio."""
    if first := [row for row in plain if row["rate"] == FIRST_EPOCH]:
        rate, epochs, is_least = counted(tried)
        seconds = epochs * float(first[0]["seconds"])
        least, most = ("at least ", "at most ") if is_least else ("", "")
        script = [rate, f"{least}{epochs}", f"{least}{seconds:.0f}", ""]
        times = [seconds] * len(ours)
    else:
        rate, most = min(plain, key=place)["rate"], ""
        theirs = [row for row in plain if row["rate"] == rate]
        script = [rate, *cells(theirs)]
        times = [float(row["seconds"]) for row in theirs]
    pairs = zip(ours, times, strict=True)
    ratio = statistics.median(float(row["seconds"]) / time for row, time in pairs)
    return [*script, f"{most}{ratio:.2f}"]


def counted(rows: list[Row]) -> tuple[str, int, bool]:
    """The plain script's rate and epochs, and whether it may need more."""
    if there := [row for row in rows if row["reached"] == "True"]:
        best = min(there, key=lambda row: int(row["epochs"]))
        return best["rate"], int(best["epochs"]), False
    rates = ", ".join(sorted((row["rate"] for row in rows), key=float)) or "any"
    return rates, max((int(row["epochs"]) for row in rows), default=0) + 1, True


def cells(rows: list[Row]) -> list[str]:
    """Epochs, seconds and test accuracy of some runs."""
    return [
        spread(rows, "epochs", "{:.0f}"),
        spread(rows, "seconds", "{:.0f}") + missed(rows),
        spread(rows, "test_accuracy", "{:.2%}"),
    ]


def missed(rows: list[Row]) -> str:
    """How many runs ended below the target."""
    count = sum(row["reached"] != "True" for row in rows)
    return f" ({count} of {len(rows)} not there)" if count else ""


def spread(rows: list[Row], column: str, form: str) -> str:
    """The numbers of a column, from the smallest to the largest."""
    ends = [pick(float(row[column]) for row in rows) for pick in (min, max)]
    return " to ".join(dict.fromkeys(form.format(end) for end in ends))


def place(row: dict[str, Any]) -> tuple[bool, float]:
    """The order of runs: who reached the target soonest; of others the most exact."""
    reached = row["reached"] == "True"
    key = float(row["seconds"]) if reached else -float(row["validation_accuracy"])
    return not reached, key


if __name__ == "__main__":
    main()
