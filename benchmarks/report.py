"""Write `RESULTS.md` from what the benchmarks measured.

    python benchmarks/report.py

The raw rows are in `results/*.csv`; a section is left out where there are none.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import ablation
import accuracy_of_layers
import accuracy_of_training
import roofline
import scaling
import time_to_accuracy
from rows import RESULTS, Row, group, read_rows
from tables import filled, markdown, median_rate, pairs, spread

HERE = Path(__file__).parent

PAGE = """\
# Benchmarks

{machines}

The times of another machine differ; the ratios are what to compare. `make bench`
repeats all of it. The ratio to Keras is large where TensorFlow leaves oneDNN off, which
depends on the instruction set. An imitated one is that of an older processor: oneDNN,
ATen, MKL and XLA are held to it; Eigen's products do not follow.

{sections}"""

TRAINING = """\
## Training

Batches of 128 images of 32x32x1 pixels. "Keras" is the plain script: NumPy arrays into
`fit`, TensorFlow with its defaults; beside it the same with `TF_ENABLE_ONEDNN_OPTS=1`.
"PyTorch" is in the fastest of its ways here: two layouts, eager or compiled in two
modes, three ways of the optimizer. All hold the images in memory, count the correct
predictions, compute in float32 and take turns, each a process of its own; the rates are
medians, a ratio is the median of the ratios of the turns, with the lowest and the
highest.

{tables}
"""
RECIPES = """\
## Training at the recipes' sizes

Image sizes, first layers and batches of kerascnn's recipes.

{tables}
"""
MIXED = """\
## Mixed precision

bfloat16 where the framework takes it, weights in float32: `--mixed-precision` of
kerascnn, autocast of PyTorch in its fastest way, the policy `mixed_bfloat16` in `fit`
with oneDNN on. Images a second, and ratios of kerascnn's: to the others in mixed
precision, and to itself in float32.

{tables}
"""
STARTS = """\
## First step and memory

The first step, from the end of the imports to the end of the first step, with loading
the data, building the network and tracing or compiling; and the peak of memory of the
process and its children, as the system tells it (SGD, batches of 128, float32). Where
PyTorch is compiled, it finds code in its cache that its trials left there.

{tables}
"""
CHOICES = """\
## PyTorch's ways

Those that competed, of `results/pytorch.csv`.

{tables}
"""
# In the order of columns: what is shown, and the contender's name or its beginning.
PLAIN = {"PyTorch": "pytorch", "Keras": "keras", "Keras with oneDNN": "keras --onednn"}
MIXED_PEERS = {
    "PyTorch": "pytorch --bfloat16",
    "Keras": "keras --onednn --bfloat16",
    "kerascnn in float32": "kerascnn",
}


def main() -> None:
    """Read the rows, write the page."""
    machines = json.loads((RESULTS / "machines.json").read_text())
    page = PAGE.format(
        machines="\n".join(describe(name, it) for name, it in machines.items()),
        sections="\n".join(sections()),
    )
    (HERE / "RESULTS.md").write_text(page)


def describe(name: str, it: dict[str, dict[str, object]]) -> str:
    """A machine, in an item of a list."""
    versions = ", ".join(
        f"{package} {what}" for package, what in it["versions"].items()
    )
    machine = "{cores} cores of an {processor} processor, {memory} GiB".format(
        **it["machine"]
    )
    return f"- {name}: {machine}; {versions}."


def sections() -> Iterable[str]:
    """The sections for which there are rows."""
    turns = read_rows("throughput")
    common, recipe, mixed = (
        [row for row in turns if (row["sizes"], row["precision"]) == kind]
        for kind in (
            ("common", "float32"),
            ("recipe", "float32"),
            ("common", "bfloat16"),
        )
    )
    if common:
        yield TRAINING.format(tables=rate_table(common, "kerascnn", PLAIN))
    if recipe:
        yield RECIPES.format(tables=rate_table(recipe, "kerascnn", PLAIN))
    if mixed:
        yield MIXED.format(tables=rate_table(mixed, "kerascnn --bfloat16", MIXED_PEERS))
    if common:
        yield STARTS.format(tables=start_table(common))
        yield CHOICES.format(tables=choice_table(turns))
    if rates := read_rows("rates"):
        yield roofline.section(rates, turns)
    if rows := read_rows("ablation"):
        yield ablation.section(rows)
    if rows := read_rows("accuracy_of_layers"):
        yield accuracy_of_layers.section(rows)
    if rows := read_rows("accuracy_of_training"):
        yield accuracy_of_training.section(rows)
    if rows := read_rows("time_to_accuracy"):
        yield time_to_accuracy.section(rows)
    if model := scaling.read_model(read_rows("rates"), turns):
        yield scaling.section(model, read_rows("scaling"))
    yield from (path.read_text() for path in sorted(RESULTS.glob("*.part.md")))


def named(rows: Iterable[Row], name: str) -> str:
    """The contender of that name or, of PyTorch, the one whose way begins with it."""
    names = dict.fromkeys(row["contender"] for row in rows)
    if not name.startswith("pytorch"):
        return name
    return next((found for found in names if found.startswith(name)), name)


def rate_table(rows: list[Row], ours: str, peers: dict[str, str]) -> str:
    """Rates, and ratios of ours to those of others."""
    columns = ("instruction_set", "network", "optimizer")
    lines = []
    for key, own in group(rows, *columns).items():
        others = [named(own, name) for name in peers.values()]
        ratios = [
            [1 / ratio for ratio in pairs(own, ours, "contender").get((other,), ())]
            for other in others
        ]
        rates = [median_rate(own, name) for name in (ours, *others)]
        lines.append(
            [*key, *(filled(rate, "{:,.0f}") for rate in rates), *map(spread, ratios)]
        )
    heads = ["instruction set", "network", "optimizer", "kerascnn, images/s", *peers]
    return markdown([*heads, *(f"to {name}" for name in peers)], lines)


def start_table(rows: list[Row]) -> str:
    """First steps and memory."""
    names = ("kerascnn", *PLAIN.values())
    sgd = [row for row in rows if row["optimizer"] == "sgd"]
    lines = []
    for key, own in group(sgd, "instruction_set", "network").items():
        once = [
            next((row for row in own if row["contender"] == named(own, name)), {})
            for name in names
        ]
        lines.append(
            [
                *key,
                *(cell(row, "first_step_s", "{:.1f} s") for row in once),
                *(cell(row, "peak_mib", "{:,.0f} MiB") for row in once),
            ]
        )
    shown = ["kerascnn", *PLAIN]
    heads = [f"first step: {shown[0]}", *shown[1:], f"memory: {shown[0]}", *shown[1:]]
    return markdown(["instruction set", "network", *heads], lines)


def cell(row: Row, column: str, form: str) -> str:
    """A number of a row; nothing where it has none."""
    return filled(float(row[column]) if row.get(column) else None, form)


def choice_table(rows: list[Row]) -> str:
    """The ways of PyTorch that competed."""
    columns = ("instruction_set", "sizes", "precision", "network", "optimizer")
    lines = [
        [*key, f"`{named(own, 'pytorch')}`"]
        for key, own in group(rows, *columns).items()
    ]
    return markdown([*(name.replace("_", " ") for name in columns), "way"], lines)


if __name__ == "__main__":
    main()
