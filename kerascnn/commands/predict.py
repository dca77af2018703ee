"""`kerascnn predict`."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

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
from kerascnn.commands.params import (
    STANDARD_OUTPUT,
    FigureFile,
    Number,
    OutputFile,
)
from kerascnn.errors import PictureError
from kerascnn.machine.files import beside, place, translated_os_errors
from kerascnn.machine.memory import told_memory_errors
from kerascnn.machine.ranges import Range, whole
from kerascnn.machine.text import printable
from kerascnn.model_files.find import find_artifact

if TYPE_CHECKING:
    from kerascnn.evaluation.predict import Prediction

# Of the table that --csv writes; what a picture that cannot be read lacks is empty.
COLUMNS = (
    *("file", "label", "probability", "calibrated_probability", "rejected"),
    "error",
)


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
@click.option(
    "--csv",
    "table",
    type=OutputFile(allow_dash=True),
    metavar="FILE",
    help="CSV file with a row for each picture, or - for standard output.",
)
@click.option(
    "--reject-below",
    type=Number(Range(0, 1)),
    help='Say "not sure" where the calibrated probability is less.',
)
@click.option(
    "--explain",
    is_flag=True,
    help="Show what speaks for the class (Grad-CAM) on the sheet and in JSON.",
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
    table: Path | None,
    reject_below: float | None,
    explain: bool,
    trust: bool,
    timeout_s: int,
    as_json: bool,
) -> None:
    """Classify pictures of any size and kind.

    IMAGE is a PNG, JPEG, WebP, GIF, BMP, TIFF or PPM file of at most 256 MB and 100
    million pixels, a folder of them, or - for one on standard input. Light and dark are
    exchanged where the data set is the other way round, and that is said. A file that
    cannot be read gets a line, and the exit code is 1; the others are classified.

    A run that held images out has a temperature, fitted on them, which calibrates its
    probabilities: of pictures like those, about nine in ten that are given 90% are
    right. It is no test for pictures of anything else.

    \b
    Example:
      kerascnn predict digit.png
      kerascnn predict scans photo.jpg --model lenet-sgd-1 --figure sheet.png --explain
      kerascnn predict scans --reject-below 0.9 --csv digits.csv
      kerascnn predict - --model model.tflite --json < digit.png
    """
    if explain and not (figure or as_json):
        raise click.UsageError(
            "--explain shows on the sheet and in JSON. Give --figure FILE or --json."
        )
    if as_json and table == Path(STANDARD_OUTPUT):
        raise click.UsageError("Give --json or --csv -: both write standard output.")
    artifact = find_artifact(reference, out, dataset)
    name = printable(str(artifact.source))
    if reference is None:
        click.echo(f"Model: {name}, the newest run", err=True)
    if reject_below is not None and artifact.temperature is None:
        click.echo(
            f"No temperature of {name} is known: --reject-below takes raw "
            "probabilities.",
            err=True,
        )

    from kerascnn.data.pictures import (
        STANDARD_INPUT,
        find_pictures,
        read_standard_input,
    )
    from kerascnn.evaluation.predict import (
        SHEET_PICTURES,
        Prediction,
        classify_pictures,
    )

    files = list(find_pictures(images))
    for option, path in (("--figure", figure), ("--csv", table)):
        _require_no_input(option, path, files)
    content = read_standard_input() if STANDARD_INPUT in files else b""
    shown: list[Prediction] = []
    documents = []
    unread = 0
    with told_memory_errors("picture or model"), _open_table(table) as write_row:
        results = classify_pictures(
            files,
            artifact,
            invert=invert,
            standard_input=content,
            explain=explain,
            trust=trust,
            timeout_s=timeout_s,
        )
        for file, result in zip(files, results, strict=True):
            if isinstance(result, Prediction):
                document = result.to_dict(top, reject_below)
                if figure and len(shown) < SHEET_PICTURES:
                    shown.append(result)
                if not as_json and table != Path(STANDARD_OUTPUT):
                    click.echo(printable(_line(result, top, reject_below)))
            else:
                unread += 1
                document = {"file": file, "error": str(result)}
                click.echo(printable(str(result)), err=True)
            write_row(document)
            if as_json:
                documents.append(document)
    if as_json:
        echo_json(documents)
    if figure and shown:
        from kerascnn.evaluation.picture_sheet import save_predictions

        save_predictions(shown, figure, total=len(files) - unread)
    if unread:
        raise PictureError(f"{unread} of {len(files)} files could not be read.")


def _require_no_input(option: str, path: Path | None, files: Iterable[str]) -> None:
    """Refuse to write over a picture that is to be read.

    Raises:
        click.UsageError: The path leads to one of the files.
    """
    if path is None or not path.exists():
        return
    for file in files:
        if os.path.exists(file) and path.samefile(file):
            raise click.UsageError(
                f"{option} {printable(str(path))} would be written over a picture to "
                f"classify, {printable(file)}. Give it another name."
            )


def _line(result: Prediction, top: int, reject_below: float | None) -> str:
    """What people read of a picture."""
    answers = ", ".join(f"{name} {share:.1%}" for name, share in result.top(top))
    if result.rejected(reject_below):
        answers = f"not sure: {answers}"
    notes = ["dark on light, inverted"] if result.seen.inverted else []
    calibrated = result.calibrated_probability
    if reject_below is not None and calibrated is not None:
        notes.append(f"calibrated {calibrated:.1%}")
    note = f"  ({'; '.join(notes)})" if notes else ""
    return f"{result.file}: {answers}{note}"


@contextmanager
def _open_table(path: Path | None) -> Iterator[Callable[[Mapping[str, Any]], None]]:
    """Give what writes a row of `COLUMNS`; a file is there once all rows are.

    Raises:
        RunError: The file cannot be written.
    """
    if path is None:
        yield lambda row: None
    elif path == Path(STANDARD_OUTPUT):
        yield _row_writer(lambda content: click.echo(content, nl=False))
    else:
        with beside(path) as part:
            with translated_os_errors(path):
                file = open(part, "wb")  # noqa: SIM115
            with file:

                def write(content: bytes) -> None:
                    with translated_os_errors(path):
                        file.write(content)
                        file.flush()

                yield _row_writer(write)
            place(part, path)


def _row_writer(write: Callable[[bytes], None]) -> Callable[[Mapping[str, Any]], None]:
    """Write the names of the columns, and give what writes a row below them."""

    def write_line(values: Iterable[object]) -> None:
        text = io.StringIO()
        # With another end of lines it would not quote a name that has \r.
        csv.writer(text).writerow(
            str(value).lower() if isinstance(value, bool) else value for value in values
        )
        line = text.getvalue().removesuffix("\r\n") + "\n"
        # Bytes of a name that are not UTF-8 would make the whole file unreadable.
        write(line.encode("utf-8", "backslashreplace"))

    write_line(COLUMNS)
    return lambda row: write_line(row.get(column) for column in COLUMNS)
