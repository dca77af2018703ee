"""Time how fast the command line is up: help, a mistake, and the first step.

    python benchmarks/startup.py [--quick]

Interleaved runs of new processes; writes `results/startup.csv` and a part of
`RESULTS.md`.
"""

from __future__ import annotations

import argparse
import csv
import statistics
import tempfile

import machine
from processes import timed
from rows import RESULTS

from kerascnn.machine.environment import instruction_set

BARE = """
import click

@click.group()
def main():
    "A program that does nothing."

@main.command()
def train():
    "Train."

main()
"""
IMPORT = "from kerascnn.machine.tensorflow import load_tensorflow; load_tensorflow()"
KERASCNN = ("-m", "kerascnn")
COMMANDS = {
    "bare Click `--help`": ("-c", BARE, "--help"),
    "`kerascnn --help`": (*KERASCNN, "--help"),
    "`kerascnn models`": (*KERASCNN, "models"),
    "`kerascnn train lent` (a mistake)": (*KERASCNN, "train", "lent"),
    "importing TensorFlow and Keras": ("-c", IMPORT),
}
FIRST_STEP = (
    *KERASCNN,
    *("train", "lenet", "--epochs", "1", "--limit", "64", "--validation-fraction", "0"),
    *("--no-test", "--name"),
)
PART = """\
## Start-up

On the machine with {instruction_set}. New processes in turns, {turns} of each; median
seconds, with the shortest and the longest:

| command | seconds |
| --- | --- |
{rows}

Training LeNet for one step, from the start of the process to its end, takes
{beyond:.2f} s beyond the import of TensorFlow; that includes loading the data, tracing,
and writing the run with its model and figure.
"""


def seconds(*arguments: str) -> float:
    """Seconds that a new Python takes; one of the commands is a mistake."""
    return timed([*arguments], check=False)[0]


def main() -> None:
    """Time every command in turns, and write it down."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    machine.begin()
    turns = 5 if parser.parse_args().quick else 11
    times: dict[str, list[float]] = {name: [] for name in COMMANDS}
    training = "`kerascnn train lenet`, one step"
    times[training] = []
    with tempfile.TemporaryDirectory() as folder:
        for turn in range(turns):
            for name, arguments in COMMANDS.items():
                times[name].append(seconds(*arguments))
            times[training].append(seconds(*FIRST_STEP, f"run{turn}", "--out", folder))
    with open(RESULTS / "startup.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("command", "turn", "seconds"))
        for name, values in times.items():
            writer.writerows((name, n, round(v, 4)) for n, v in enumerate(values))
    importing = times["importing TensorFlow and Keras"]
    beyond = [a - b for a, b in zip(times[training], importing, strict=True)]
    rows = "\n".join(
        f"| {name} | {statistics.median(v):.2f} ({min(v):.2f}-{max(v):.2f}) |"
        for name, v in times.items()
    )
    part = PART.format(
        instruction_set=instruction_set(),
        turns=turns,
        rows=rows,
        beyond=statistics.median(beyond),
    )
    (RESULTS / "startup.part.md").write_text(part)
    print(part)


if __name__ == "__main__":
    main()
