"""How training grows over several machines: modeled, and measured with two processes.

    python benchmarks/scaling.py [--measure] [--quick] [--network NAME]

With `--measure`, one process and two train by turns (`scaling_measure.py`); a turn is a
row of `results/scaling.csv`, which `report.py` reads.
Always, `docs/scaling.md` and its figure get what follows from the files: the model
(`scaling_model.py`) of `throughput.csv` and `rates.csv`, and the comparison's runs in
`results/claim/` on many workers (`scaling_grid.py`).
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import dataclass, replace

import machine
from rows import Row, group, read_rows, replace_rows
from scaling_figure import plot_scaling
from scaling_grid import Grid, critical_path, makespan, read_grid, total
from scaling_measure import CONTENDERS, IMAGES, measure
from scaling_model import (
    LINKS,
    Work,
    efficiency,
    fastest,
    last_gaining,
    network_work,
    ring_seconds,
    share_seconds,
    speed_up,
)
from tables import markdown, median_rate, pairs, spread
from turns import HERE, NETWORKS, Setting

from kerascnn import MODELS
from kerascnn.comparison.folder import ComparisonFolder
from kerascnn.drawing import save_figure
from kerascnn.machine.numbers import format_megabytes, format_seconds

COLUMNS = ("instruction_set", "network", "contender", "turn", "images_per_second")
COLUMNS += ("steps", "training_loss", "validation_accuracy")
TURNS, QUICK_TURNS = 5, 3
CLAIM = ComparisonFolder(HERE.parent / "results" / "claim")
DOCS = HERE.parent / "docs"
SHOWN_LINK = "10 Gbit/s"
WORKERS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1000)
MANY = (10, 100, 1000)
SECTION = """\
## Several machines

[docs/scaling.md](../docs/scaling.md) says what is assumed. {instruction_set}, batches
of 128 images of 32x32x1 pixels. Where the batches are divided: the machines of which
one more adds less than 1% and, after the semicolon, those with which a step is
fastest; in brackets, how many times as fast they are.

{strong}

Where each machine has a batch of 128 of its own: the part of its speed that it keeps
among 10, 100 and 1,000 machines.

{weak}

Hours of the comparison in `results/claim` on many workers, and the least that its work
and its critical path allow:

{grid}

Two processes on one machine beside one process, a core each:

{measured}
"""


@dataclass(frozen=True, kw_only=True)
class Model:
    """What the files tell: the machine, the networks' work, the comparison's runs."""

    instruction_set: str
    works: Mapping[str, Work]
    grid: Grid


def main() -> None:
    """Measure where that is asked for, then write the page and its figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--measure", action="store_true")
    parser.add_argument("--quick", action="store_true", help="Fewer turns.")
    parser.add_argument("--network", choices=IMAGES, action="append")
    options = parser.parse_args()
    if options.measure:
        machine.begin()
        for network in options.network or IMAGES:
            rows = measure(network, QUICK_TURNS if options.quick else TURNS)
            replace_rows("scaling", COLUMNS, rows, keys=2)
            print(network, [row["images_per_second"] for row in rows], flush=True)
    model = read_model(read_rows("rates"), read_rows("throughput"))
    if model is None:
        parser.error("First run throughput.py and roofline.py, for all networks.")
    blocks = {
        "networks": f"{model.instruction_set}:\n\n{strong_table(model.works)}",
        "comparison": grid_text(model.grid),
        "measured": measured_text(read_rows("scaling"), model.works),
    }
    page = DOCS / "scaling.md"
    page.write_text(fill(page.read_text("utf-8"), blocks), "utf-8")
    figure = plot_scaling(model.works, model.grid, SHOWN_LINK, WORKERS)
    save_figure(figure, DOCS / "images" / "scaling.png")


def read_model(rates: list[Row], turns: list[Row]) -> Model | None:
    """The model of the first machine with rates and all networks; `None` of none.

    The updates of both optimizers move as many bytes, so that turns of both count.
    """
    wanted = {"sizes": "common", "precision": "float32"}
    own = [row for row in turns if wanted.items() <= row.items()]
    by_machine = group(own, "instruction_set", "network")
    for row in rates:
        name, memory = row["instruction_set"], float(row["rate"])
        speeds = {
            network: speed
            for network in NETWORKS
            if (speed := median_rate(by_machine.get((name, network), ()), "kerascnn"))
        }
        if row["what"] == "memory" and len(speeds) == len(NETWORKS):
            works = {
                network: network_work(Setting(network=network), speed, memory)
                for network, speed in speeds.items()
            }
            grid = read_grid(CLAIM, speeds)
            return Model(instruction_set=name, works=works, grid=grid)
    return None


def section(model: Model, rows: list[Row]) -> str:
    """What `RESULTS.md` says of the model, and of the rows of `scaling.csv`."""
    return SECTION.format(
        instruction_set=model.instruction_set,
        strong=strong_table(model.works),
        weak=weak_table(model.works),
        grid=f"{grid_table(model.grid)}\n\n{grid_text(model.grid)}",
        measured=measured_text(rows, model.works),
    )


def strong_table(works: Mapping[str, Work]) -> str:
    """Each network's step, and where it stops gaining by link."""
    lines = []
    for network, work in works.items():
        line = [MODELS[network].title]
        line += [f"{1000 * time:.1f} ms" for time in (work.seconds, work.fixed_seconds)]
        line += [f"{format_megabytes(work.gradient_bytes, 1)} MB", f"{work.reductions}"]
        for link in LINKS.values():
            counts = dict.fromkeys((last_gaining(work, link), fastest(work, link)))
            line += ["; ".join(f"{n} ({speed_up(work, n, link):.2f})" for n in counts)]
        lines.append(line)
    heads = ["network", "step", "of it fixed", "gradients", "all-reduces", *LINKS]
    return markdown(heads, lines)


def weak_table(works: Mapping[str, Work]) -> str:
    """What each of many machines keeps of its speed, by link."""
    lines = []
    for network, work in works.items():
        kept = [[efficiency(work, n, link) for n in MANY] for link in LINKS.values()]
        cells = [" / ".join(f"{share:.0%}" for share in shares) for shares in kept]
        lines.append([MODELS[network].title, *cells])
    return markdown(["network", *LINKS], lines)


def grid_table(grid: Grid) -> str:
    """Hours of the comparison by number of workers."""
    lines = []
    for workers in WORKERS:
        line = [f"{workers:,}"]
        for networks in (grid.measured, grid.at_best):
            least = max(total(networks) / workers, critical_path(networks))
            for seconds in (makespan(networks, workers), least):
                line.append(f"{seconds / 3600:.2f}")
        lines.append(line)
    heads = ["workers", "as measured", "at least", "at best speeds", "at least"]
    return markdown(heads, lines)


def grid_text(grid: Grid) -> str:
    """How many workers come to the critical path, and which runs are estimated."""
    lines = []
    for what, networks in (
        ("As measured", grid.measured),
        ("At the speed of each network's fastest run", grid.at_best),
    ):
        path = critical_path(networks)
        enough = next(n for n in WORKERS if makespan(networks, n) < 1.01 * path)
        name = max(networks, key=lambda name: critical_path({name: networks[name]}))
        lines.append(
            f"- {what}: {format_seconds(total(networks))} on one worker, "
            f"{format_seconds(makespan(networks, 8))} on 8; {enough} come to the "
            f"critical path, {format_seconds(path)} of {MODELS[name].title}."
        )
    estimated = ", ".join(
        f"{count} of {runs} runs of {MODELS[name].title}"
        for name, (count, runs) in grid.estimated.items()
        if count
    )
    if estimated:
        lines.append(f"- Not measured yet, and estimated: {estimated}.")
    return "\n".join(lines)


def measured_text(rows: list[Row], works: Mapping[str, Work]) -> str:
    """What two processes gain, and what their step takes beside computing."""
    one, two = CONTENDERS
    lines = []
    for (name, network, _), ratios in pairs(
        rows, one, "instruction_set", "network", "contender"
    ).items():
        own = group(rows, "instruction_set", "network")[name, network]
        alone, both = (median_rate(own, contender) for contender in CONTENDERS)
        work = replace(works[network], seconds=works[network].batch_size / alone)
        beside = work.batch_size / both - share_seconds(work, 2)
        modeled = ring_seconds(work, 2, LINKS[SHOWN_LINK])
        lines.append(
            f"- {MODELS[network].title}, {name}: {alone:,.0f} images/s by {one}, "
            f"{both:,.0f} by {two}, {spread(ratios)} times as many. A step of both "
            f"takes {1000 * beside:.1f} ms beside its share of the computing; the "
            f"model has {1000 * modeled:.1f} ms for {SHOWN_LINK}."
        )
    return "\n".join(lines) or "Not measured yet."


def fill(page: str, blocks: Mapping[str, str]) -> str:
    """A page with new texts in the blocks of these names."""
    for name, text in blocks.items():
        start, end = f"<!-- scaling.py: {name} -->\n", "\n<!-- end -->"
        before, _, rest = page.partition(start)
        page = f"{before}{start}{text}{end}{rest.partition(end)[2]}"
    return page


if __name__ == "__main__":
    main()
