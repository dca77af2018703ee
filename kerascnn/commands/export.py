"""`kerascnn export`."""

from __future__ import annotations

from pathlib import Path

import click

from kerascnn.commands.options import echo_json, json_option
from kerascnn.commands.params import Name
from kerascnn.commands.table import echo_table
from kerascnn.errors import ExportError
from kerascnn.machine.reporter import LineReporter
from kerascnn.model_files.formats import FORMATS, QUANTIZATIONS
from kerascnn.runs.folder import DEFAULT_FOLDER, find_run


@click.command()
@click.argument("run", required=False)
@click.option(
    "--format",
    "formats",
    type=Name("format", FORMATS),
    multiple=True,
    default=("saved-model", "tflite"),
    show_default=True,
    help="Repeat for several: saved-model, tflite, onnx, keras.",
)
@click.option(
    "--quantize",
    "quantizations",
    type=Name("quantization", QUANTIZATIONS),
    multiple=True,
    default=("none",),
    show_default=True,
    help="For TFLite; repeat for several: none, float16, dynamic, int8.",
)
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of the files.  [default: export/ in the run]",
)
@click.option(
    "--tolerance",
    type=click.FloatRange(0, 1),
    help="Largest difference of a probability; of dynamic and int8, largest share of "
    "images with another answer.  [default: 0.0001; float16, dynamic, int8 0.02]",
)
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    help="Check on so many test images.  [default: all]",
)
@json_option
def export(
    run: str | None,
    formats: tuple[str, ...],
    quantizations: tuple[str, ...],
    out: Path | None,
    tolerance: float | None,
    limit: int | None,
    as_json: bool,
) -> None:
    """Export a run to other formats, and prove each file equal to the model.

    RUN is a folder, or its name in saved_models; without it, the newest run is taken.
    Every file is loaded by its own runtime in a new process and asked about the test
    images. One that answers otherwise than the model is kept as .rejected, and the exit
    code is 1. No file may lose more than 0.3 points of accuracy.

    \b
    Example:
      kerascnn export
      kerascnn export lenet-sgd-1 --format tflite --quantize none --quantize int8
      kerascnn export lenet-sgd-1 --format onnx --out files --json
    """
    found = find_run(run, DEFAULT_FOLDER)
    found.require_model()

    from kerascnn.exporting.export import export_run

    exports = export_run(
        found,
        out,
        formats=formats,
        quantizations=quantizations,
        tolerance=tolerance,
        limit=limit,
        message=LineReporter().message,
    )
    if as_json:
        echo_json([export.to_dict() for export in exports])
    else:
        echo_table(
            ("file", "MB", "images", "accuracy", "drop", "difference", "same answer"),
            [
                (
                    str(export.path),
                    f"{export.size_bytes / 1e6:.2f}",
                    export.images,
                    export.accuracy,
                    export.accuracy_drop,
                    f"{export.largest_difference:.1e}",
                    export.agreement,
                )
                for export in exports
            ],
        )
    rejected = [export for export in exports if export.problem]
    if rejected:
        raise ExportError(
            "; ".join(f"{export.path}: {export.problem}" for export in rejected)
            + ". The files are kept for a look; do not ship them."
        )
