"""Write `RESULTS.md` from what the benchmarks measured.

python benchmarks/report.py
"""

from __future__ import annotations

import csv
import json
import statistics
from collections import defaultdict
from pathlib import Path
from typing import Any

from kerascnn import MODELS

HERE = Path(__file__).parent
RESULTS = HERE / "results"

PAGE = """\
# Benchmarks

Measured on {cores} cores of an {processor} processor ({memory} GiB) with Python
{python}, TensorFlow {tensorflow}, Keras {keras} and PyTorch {pytorch}. The times of
another machine differ; the ratios are what to compare. `make bench` repeats all of it.
The ratio to Keras is large where TensorFlow leaves oneDNN off, which depends on the
processor: [docs/speed.md](../docs/speed.md) has another one beside this.

## Training

Batches of 128 images of 32x32x1 pixels. "Keras" is the plain script: NumPy arrays into
`fit`, TensorFlow as it comes. "PyTorch" is the fastest of two layouts, compiled or not.
All three hold the images in memory, count what they tell right, and take turns,
{turns} of {seconds} s each for a network and an optimizer; the rates are medians, a
ratio is the median of the ratios of the turns, with the lowest and the highest.

{training}

The share is that of the machine's matrix products, {limit:.0f} GFLOP/s, which training
would reach if it did nothing else (`matrix_rate.py`). Six operations are counted for
each multiplication of the forward pass: it, the gradient of its input and that of its
weight, each with its addition. That is what a plain convolution does: Winograd's method
does a quarter of it, and products with padding are left out in places, so that a share
can flatter, and pass 100%.

| network | what holds the rest |
| --- | --- |
{holds}

The first step, from the end of the imports to the end of the first step, with loading
the data, building the network and tracing; and the peak of memory:

{starts}

PyTorch's choice here: {choice}.

{more}"""

HOLDS = {
    "lenet": "Convolutions of 1 and 6 channels fill a fraction of a vector register; "
    "convolved and pooled in one they fill it, but a third of their products are with "
    "zeros. A step has some 80 operations, of microseconds each.",
    "alexnet": "21.6 million weights for 24 million products: a step reads and writes "
    "each weight, its gradient and its state, and the wide dense layers multiply thin "
    "matrices of 128 rows.",
    "vgg16": "The convolution of 64 channels on 32x32 pixels, where Winograd's "
    "transforms cost what they save, and dense layers that read 21 million weights.",
    "resnet18": "Maps of 1 to 4 pixels a side give small products; normalization and "
    "additions are bound by memory.",
    "mobilenet": "Depthwise convolutions and normalization do a few operations for "
    "each number that they read.",
}


def main() -> None:
    """Read the tables, write the page."""
    machine = json.loads((RESULTS / "machine.json").read_text())
    with open(RESULTS / "throughput.csv") as file:
        cells = group(list(csv.DictReader(file)))
    limit = max(machine["matrix_rate"].values())
    turns = max(int(row["turn"]) for rows in cells.values() for row in rows) + 1
    (HERE / "RESULTS.md").write_text(
        PAGE.format(
            **machine,
            limit=limit,
            turns=turns,
            seconds=machine["turn_s"],
            training=training_table(cells, limit),
            starts=start_table(cells),
            holds="\n".join(f"| {name} | {text} |" for name, text in HOLDS.items()),
            choice=", ".join(
                f"{network}/{optimizer} `{pytorch_of(rows)}`"
                for (network, optimizer), rows in cells.items()
            ),
            more="\n".join(
                path.read_text() for path in sorted(RESULTS.glob("*.part.md"))
            ),
        )
    )


def group(rows: list[dict[str, str]]) -> dict[tuple[str, str], list[dict[str, str]]]:
    """The rows of each network and optimizer."""
    cells = defaultdict(list)
    for row in rows:
        cells[row["network"], row["optimizer"]].append(row)
    return dict(cells)


def pytorch_of(rows: list[dict[str, str]]) -> str:
    """The way of PyTorch that competed."""
    return next(r["contender"] for r in rows if r["contender"].startswith("pytorch"))


def rates(rows: list[dict[str, str]], contender: str) -> list[float]:
    """Images per second of each turn of a contender."""
    return [float(r["images_per_second"]) for r in rows if r["contender"] == contender]


def training_table(cells: dict[tuple[str, str], Any], limit: float) -> str:
    """The rates, ratios and shares."""
    lines = [
        "| network | optimizer | kerascnn, images/s | PyTorch | Keras "
        "| to PyTorch | to Keras | share |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for (network, optimizer), rows in cells.items():
        ours, pytorch, plain = (
            rates(rows, name) for name in ("kerascnn", pytorch_of(rows), "keras")
        )
        work = 6 * MODELS[network].small_cost.multiply_adds
        medians = [statistics.median(values) for values in (ours, pytorch, plain)]
        lines.append(
            f"| {network} | {optimizer} | "
            + " | ".join(f"{value:,.0f}" for value in medians)
            + f" | {ratio(ours, pytorch)} | {ratio(ours, plain)} "
            f"| {medians[0] * work / limit / 1e9:.0%} |"
        )
    return "\n".join(lines)


def ratio(ours: list[float], theirs: list[float]) -> str:
    """The median of the turns' ratios, and their range."""
    ratios = [a / b for a, b in zip(ours, theirs, strict=True)]
    return f"{statistics.median(ratios):.2f} ({min(ratios):.2f}-{max(ratios):.2f})"


def start_table(cells: dict[tuple[str, str], Any]) -> str:
    """First steps and memory, with SGD."""
    lines = [
        "| network | first step: kerascnn | PyTorch | Keras "
        "| memory: kerascnn | PyTorch | Keras |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for (network, optimizer), rows in cells.items():
        if optimizer != "sgd":
            continue
        once = [
            next(row for row in rows if row["contender"] == name)
            for name in ("kerascnn", pytorch_of(rows), "keras")
        ]
        lines.append(
            f"| {network} | "
            + " | ".join(f"{float(row['first_step_s']):.1f} s" for row in once)
            + " | "
            + " | ".join(f"{float(row['peak_mib']):,.0f} MiB" for row in once)
            + " |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
