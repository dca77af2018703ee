"""`kerascnn predict`."""

from __future__ import annotations

from pathlib import Path

import click

from kerascnn.commands.completion import complete_files, complete_sources
from kerascnn.commands.options import (
    dataset_option,
    echo_json,
    json_option,
    out_option,
    timeout_option,
    trust_option,
)
from kerascnn.commands.params import FigureFile, Number
from kerascnn.errors import PictureError
from kerascnn.machine.memory import told_memory_errors
from kerascnn.machine.ranges import whole
from kerascnn.machine.text import printable
from kerascnn.model_files.find import find_artifact


@click.command()
@click.argument(
    "images",
    metavar="IMAGE...",
    nargs=-1,
    required=True,
    shell_complete=complete_files,
)
@click.option(
    "--model",
    "reference",
    metavar="RUN|FILE",
    shell_complete=complete_sources,
    help="A run, or a model's file or folder.  [default: the newest run]",
)
@out_option
@dataset_option
@click.option(
    "--top",
    type=Number(whole(1, 1000)),
    default=3,
    show_default=True,
    help="Likeliest classes to show.",
)
@click.option(
    "--invert/--no-invert",
    default=None,
    help="Exchange light and dark, or do not.  [default: detected automatically]",
)
@click.option(
    "--figure",
    type=FigureFile(),
    help="PNG, SVG or PDF file for a sheet of the pictures and what the network saw.",
)
@trust_option
@timeout_option
@json_option
def predict(
    images: tuple[str, ...],
    reference: str | None,
    out: Path,
    dataset: str | None,
    top: int,
    invert: bool | None,
    figure: Path | None,
    trust: bool,
    timeout_s: int,
    as_json: bool,
) -> None:
    """Classify pictures of any size and kind.

    IMAGE is a PNG, JPEG, WebP, GIF, BMP, TIFF or PPM file of at most 256 MB and 100
    million pixels, a folder of them, or - for one on standard input. Light and dark are
    exchanged where the data set is the other way round, and that is said. A file that
    cannot be read gets a line, and the exit code is 1; the others are classified.

    \b
    Example:
      kerascnn predict digit.png
      kerascnn predict scans photo.jpg --model lenet-sgd-1 --figure sheet.png
      kerascnn predict - --model model.tflite --json < digit.png
    """
    artifact = find_artifact(reference, out, dataset)
    if reference is None:
        name = printable(str(artifact.source))
        click.echo(f"Model: {name}, the newest run", err=True)

    from kerascnn.data.pictures import (
        STANDARD_INPUT,
        find_pictures,
        read_standard_input,
    )
    from kerascnn.evaluation.predict import Prediction, classify_pictures

    files = list(find_pictures(images))
    content = read_standard_input() if STANDARD_INPUT in files else b""
    with told_memory_errors("number of pictures"):
        results = classify_pictures(
            files,
            artifact,
            invert=invert,
            standard_input=content,
            trust=trust,
            timeout_s=timeout_s,
        )
    if as_json:
        echo_json(
            [
                result.to_dict(top)
                if isinstance(result, Prediction)
                else {"file": file, "error": str(result)}
                for file, result in zip(files, results, strict=True)
            ]
        )
    for result in results:
        if not isinstance(result, Prediction):
            click.echo(printable(str(result)), err=True)
        elif not as_json:
            answers = ", ".join(
                f"{name} {share:.1%}" for name, share in result.top(top)
            )
            note = "  (dark on light, inverted)" if result.seen.inverted else ""
            click.echo(printable(f"{result.file}: {answers}{note}"))
    predictions = [result for result in results if isinstance(result, Prediction)]
    if figure and predictions:
        from kerascnn.evaluation.picture_sheet import save_predictions

        save_predictions(predictions, figure)
    if len(predictions) < len(results):
        raise PictureError(
            f"{len(results) - len(predictions)} of {len(results)} files could not be "
            "read."
        )
