"""`kerascnn datasets`, with `check` and `clear`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from kerascnn.commands.completion import complete_files
from kerascnn.commands.options import echo_json, json_option
from kerascnn.commands.params import OutputFile
from kerascnn.commands.table import Column, echo_table
from kerascnn.data import DATASETS
from kerascnn.machine.numbers import format_count, format_megabytes
from kerascnn.machine.text import printable

if TYPE_CHECKING:
    from kerascnn.data.checkup import Checkup, Spread

COLUMNS = (
    Column("dataset"),
    Column("images"),
    Column("classes", is_number=True, extra=2),
    Column("train", is_number=True, extra=3),
    Column("test", is_number=True, extra=4),
    Column("from", extra=1),
    Column("summary"),
)
CLASSES = (
    Column("class"),
    Column("train", is_number=True),
    Column("validation", is_number=True),
    Column("test", is_number=True),
)
# A terminal is not a page.
MAX_CLASSES = 20


@click.group(invoke_without_command=True)
@json_option
@click.pass_context
def datasets(context: click.Context, as_json: bool) -> None:
    """List the data sets, check a folder of pictures, or clear what was kept.

    What is not packaged is downloaded once, by tensorflow-datasets.

    \b
    Example:
      kerascnn datasets
      kerascnn datasets --json
      kerascnn datasets check photos
      kerascnn datasets clear
    """
    if context.invoked_subcommand:
        if context.get_parameter_source("as_json") is ParameterSource.COMMANDLINE:
            raise click.UsageError(
                f"Put the options of {context.invoked_subcommand} behind it: "
                f"kerascnn datasets {context.invoked_subcommand} ... --json."
            )
        return
    if as_json:
        names = (
            "name",
            "summary",
            "image_shape",
            "num_classes",
            "class_names",
            "num_train",
            "num_test",
            "packaged",
            "tfds_name",
            "license",
            "reference",
        )
        rows = DATASETS.values()
        echo_json([{name: getattr(row, name) for name in names} for row in rows])
        return
    echo_table(
        COLUMNS,
        [
            (
                row.name,
                "x".join(map(str, row.image_shape)),
                row.num_classes,
                row.num_train,
                row.num_test,
                "packaged" if row.packaged else "download",
                row.summary,
            )
            for row in DATASETS.values()
        ],
    )


@datasets.command()
@click.argument("folder", shell_complete=complete_files)
@click.option(
    "--out",
    "report",
    type=OutputFile((".html", ".htm")),
    help="HTML file for the report, with thumbnails.  [default: FOLDER-check.html]",
)
@click.option("--no-report", is_flag=True, help="Write no report.")
@json_option
def check(folder: str, report: Path | None, no_report: bool, as_json: bool) -> None:
    """Check a folder of pictures, before any training.

    FOLDER has a folder for each class, or train, validation and test with such in them.
    Found are pictures that are there several times, in several parts or classes above
    all, with the same pixels or nearly the same; files that cannot be read; classes
    that are missing or small; sizes and kinds. The exit code is 0 whatever is found.

    \b
    Example:
      kerascnn datasets check photos
      kerascnn datasets check photos --out report.html
      kerascnn datasets check photos --no-report --json
    """
    if report and no_report:
        raise click.UsageError("Give either --out or --no-report.")
    if not report and not no_report:
        name = os.path.basename(os.path.abspath(folder)) or "pictures"
        report = Path(f"{printable(name)}-check.html")

    from kerascnn.api import check_dataset

    checkup = check_dataset(folder, report=report)
    if as_json:
        echo_json(checkup.to_dict())
    else:
        _echo_checkup(checkup)
    if report:
        click.echo(printable(f"Report: {report}"), err=as_json)


def _echo_checkup(checkup: Checkup) -> None:
    facts = checkup.facts
    click.echo(
        printable(
            f"{checkup.path}: {format_count(facts.pictures)} pictures of "
            f"{format_count(len(facts.classes))} classes"
        )
    )
    click.echo()
    if not checkup.findings:
        click.echo("Nothing was found that would spoil a training.")
    for finding in checkup.findings:
        click.echo(printable(finding.text))
        for example in finding.examples:
            click.echo(printable(f"  {example}"))
        rest = finding.number - len(finding.examples)
        if finding.examples and rest > 0:
            click.echo(f"  and {format_count(rest)} more")
    click.echo()
    echo_table(
        CLASSES if facts.has_parts else CLASSES[:2],
        [
            (printable(row.name), row.train, row.validation, row.test)
            if facts.has_parts
            else (printable(row.name), row.train)
            for row in facts.classes[:MAX_CLASSES]
        ],
    )
    if len(facts.classes) > MAX_CLASSES:
        click.echo(f"and {format_count(len(facts.classes) - MAX_CLASSES)} more")
    if checkup.widths and checkup.heights and checkup.aspect_ratios:
        click.echo()
        click.echo(
            f"Width {_pixels(checkup.widths)}, height {_pixels(checkup.heights)} "
            f"(median, smallest to largest); width to height "
            f"{checkup.aspect_ratios.least:.2f} to {checkup.aspect_ratios.most:.2f}"
        )
        kinds = [f"{format_count(n)} {mode}" for mode, n in checkup.modes.items()]
        click.echo(
            f"{', '.join(kinds)}; {format_count(checkup.transparent)} with "
            f"transparency, {format_count(checkup.turned)} turned by their EXIF data"
        )


def _pixels(spread: Spread) -> str:
    return (
        f"{format_count(spread.median)} ({format_count(spread.least)} to "
        f"{format_count(spread.most)})"
    )


@datasets.command()
@json_option
def clear(as_json: bool) -> None:
    """Remove the pictures that kerascnn has kept; your own are left alone.

    Pictures of a folder, or of tensorflow-datasets, are read once and kept as raw
    pixels, so that the next training begins at once. They are read again when needed.

    \b
    Example:
      kerascnn datasets clear
    """
    from kerascnn.data.cache import cache_folder, cache_size, clear_cache

    count, size_bytes = cache_size()
    clear_cache()
    folder = str(cache_folder())
    if as_json:
        echo_json({"folder": folder, "removed": count, "size_bytes": size_bytes})
        return
    noun = "set" if count == 1 else "sets"
    click.echo(
        printable(
            f"Removed {count} {noun} of pictures, {format_megabytes(size_bytes)} MB, "
            f"from {folder}"
        )
    )
