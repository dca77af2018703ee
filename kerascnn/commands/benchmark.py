"""`kerascnn benchmark`."""

from __future__ import annotations

from pathlib import Path

import click

from kerascnn import api
from kerascnn.commands.completion import complete_sources
from kerascnn.commands.options import (
    dataset_option,
    echo_json,
    json_option,
    out_option,
    timeout_option,
    trust_option,
)
from kerascnn.commands.params import FigureFile, Number
from kerascnn.commands.table import Column, echo_table
from kerascnn.data import LIMIT
from kerascnn.machine.numbers import format_accuracy, format_megabytes
from kerascnn.model_files.ranges import BATCH_SIZE, SECONDS, THREADS


@click.command()
@click.argument(
    "sources", metavar="[RUN|FILE]...", nargs=-1, shell_complete=complete_sources
)
@out_option
@dataset_option
@click.option(
    "--batch-size",
    "batch_sizes",
    type=Number(BATCH_SIZE),
    multiple=True,
    default=(8, 32, 128),
    show_default=True,
    help="Images a call for the throughput; repeat for several.",
)
@click.option(
    "--threads",
    type=Number(THREADS),
    help="Threads that a runtime may use.  [default: its own choice]",
)
@click.option(
    "--seconds",
    type=Number(SECONDS),
    default=2.0,
    show_default=True,
    help="How long each model is timed at each batch size.",
)
@click.option(
    "--limit",
    type=Number(LIMIT),
    help="Test images for the accuracy.  [default: all]",
)
@click.option(
    "--figure",
    type=FigureFile(),
    help="PNG, SVG or PDF file for accuracy against latency and size.",
)
@trust_option
@timeout_option
@json_option
def benchmark(
    sources: tuple[str, ...],
    out: Path,
    dataset: str | None,
    batch_sizes: tuple[int, ...],
    threads: int | None,
    seconds: float,
    limit: int | None,
    figure: Path | None,
    trust: bool,
    timeout_s: int,
    as_json: bool,
) -> None:
    """Time models in their own runtimes, and recommend which one to ship.

    A run is taken with all that was exported from it; without a source, the newest.
    Each model is loaded in a process of its own, and they take turns. Recommended, of
    two or more, is the smallest of the fastest (within 5%) of those at most 0.3 points
    below the best accuracy.

    \b
    Example:
      kerascnn benchmark
      kerascnn benchmark lenet-sgd-1 model.tflite --threads 1 --json
      kerascnn benchmark --figure benchmark.png --limit 1000
    """
    measured = api.benchmark(
        *sources,
        dataset=dataset,
        batch_sizes=batch_sizes,
        threads=threads,
        seconds=seconds,
        limit=limit,
        out=out,
        trust=trust,
        timeout_s=timeout_s,
    )
    if figure:
        from kerascnn.evaluation.benchmark_figure import save_benchmark

        save_benchmark(measured.models, measured.recommended, figure)
    if as_json:
        echo_json(measured.to_dict())
        return
    echo_table(
        (
            Column("file"),
            Column("runtime"),
            *(Column(title, is_number=True) for title in ("MB", "ms", "accuracy")),
            Column("p95 ms", is_number=True, extra=2),
            *(Column(f"images/s by {n}", is_number=True, extra=1) for n in batch_sizes),
            Column("memory MB", is_number=True, extra=3),
            Column("load s", is_number=True, extra=4),
        ),
        [
            (
                row.file,
                row.runtime,
                format_megabytes(row.size_bytes),
                f"{row.latency_ms:.2f}",
                format_accuracy(row.accuracy),
                f"{row.latency_p95_ms:.2f}",
                *(round(rate) for rate in row.images_per_second.values()),
                format_megabytes(row.peak_bytes, decimals=0),
                f"{row.load_s:.2f}",
            )
            for row in measured.models
        ],
    )
    if measured.recommended:
        click.echo(f"\nRecommended: {measured.recommended.file}")
