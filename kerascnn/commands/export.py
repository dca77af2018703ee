"""`kerascnn export`."""

from __future__ import annotations

from pathlib import Path

import click

from kerascnn import api
from kerascnn.commands.completion import complete_runs
from kerascnn.commands.options import (
    echo_json,
    json_option,
    out_option,
    require_agreement,
)
from kerascnn.commands.params import Folder, Name, Number
from kerascnn.commands.table import Column, echo_table
from kerascnn.data import LIMIT
from kerascnn.machine.numbers import format_accuracy, format_megabytes
from kerascnn.model_files.formats import (
    DEFAULT_FORMATS,
    FORMATS,
    PAGE_MEGABYTES,
    QUANTIZATIONS,
)
from kerascnn.model_files.ranges import MEGABYTES, MEMORY, TOLERANCE

COLUMNS = (
    Column("file"),
    *(Column(title, is_number=True) for title in ("MB", "accuracy", "same class")),
    Column("drop", is_number=True, extra=2),
    Column("difference", is_number=True, extra=1),
    Column("images", is_number=True, extra=3),
)
_QUANTIZED = ", ".join(
    row.title for row in FORMATS.values() if len(row.quantizations) > 1
)
_TOLERANCES = ", ".join(
    f"{row.name} {row.max_difference or row.max_disagreement:g}"
    for row in QUANTIZATIONS.values()
)


@click.command()
@click.argument("runs", metavar="[RUN]...", nargs=-1, shell_complete=complete_runs)
@click.option(
    "--format",
    "formats",
    type=Name("format", FORMATS),
    multiple=True,
    default=DEFAULT_FORMATS,
    show_default=True,
    help="Repeat for several.",
)
@click.option(
    "--quantize",
    "quantizations",
    type=Name("quantization", QUANTIZATIONS),
    multiple=True,
    default=("none",),
    show_default=True,
    help=f"For {_QUANTIZED}; repeat for several.",
)
@click.option(
    "--to",
    type=Folder(),
    help="Folder of the files.  [default: export/ in the run]",
)
@out_option
@click.option(
    "--tolerance",
    type=Number(TOLERANCE),
    help="Largest difference of a probability; where activations or weights are of 8 "
    f"bits, largest share of images with another class.  [default: {_TOLERANCES}]",
)
@click.option(
    "--limit",
    type=Number(LIMIT),
    help="Check on so many test images.  [default: all; micro: those of 5 minutes]",
)
@click.option(
    "--arena-limit",
    type=Number(MEMORY),
    help="For micro: bytes of RAM that its tensors may take.",
)
@click.option(
    "--flash-limit",
    type=Number(MEMORY),
    help="For micro: bytes of flash that its model may take.",
)
@click.option(
    "--max-megabytes",
    type=Number(MEGABYTES),
    default=PAGE_MEGABYTES,
    show_default=True,
    help="Refuse a larger page.",
)
@json_option
def export(
    runs: tuple[str, ...],
    formats: tuple[str, ...],
    quantizations: tuple[str, ...],
    to: Path | None,
    out: Path,
    tolerance: float | None,
    limit: int | None,
    arena_limit: int | None,
    flash_limit: int | None,
    max_megabytes: float,
    as_json: bool,
) -> None:
    """Export a run to other formats, and check that each file agrees with the model.

    RUN is a folder, or its name in --out; without it, the newest run is taken. Two runs
    share a page of the format html, side by side; so does one in two quantizations.
    Every file is loaded by its own runtime in a new process and evaluated on the test
    images. One that disagrees with the model is kept as .rejected, and the exit code is
    1. No file may lose more than 0.3 points of accuracy.

    \b
    Example:
      kerascnn export
      kerascnn export lenet-sgd-1 --format tflite --quantize none --quantize int8
      kerascnn export lenet-sgd-1 --format onnx --to files --json
      kerascnn export lenet-sgd-1 --format micro --arena-limit 65536
      kerascnn export lenet-sgd-1 lenet-adagrad-1 --format html --to page
    """
    exports = api.export(
        runs or None,
        formats=formats,
        quantizations=quantizations,
        to=to,
        out=out,
        tolerance=tolerance,
        limit=limit,
        arena_limit=arena_limit,
        flash_limit=flash_limit,
        max_megabytes=max_megabytes,
    )
    if as_json:
        echo_json([export.to_dict() for export in exports])
    else:
        echo_table(
            COLUMNS,
            [
                (
                    FORMATS[export.format].model_title(
                        export.path, export.quantization
                    ),
                    format_megabytes(export.size_bytes),
                    format_accuracy(export.accuracy),
                    format_accuracy(export.agreement),
                    format_accuracy(export.accuracy_drop),
                    f"{export.largest_difference:.1e}",
                    export.images,
                )
                for export in exports
            ],
        )
    require_agreement(exports)
