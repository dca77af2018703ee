"""What several commands share: options, the one way to print JSON, rejected files."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click

from kerascnn.commands.params import DatasetName, Folder, Name, Number
from kerascnn.data.sources import RESIZES
from kerascnn.errors import ExportError
from kerascnn.machine.ranges import whole
from kerascnn.model_files.formats import TIMEOUT_S
from kerascnn.runs.folder import DEFAULT_FOLDER

if TYPE_CHECKING:
    from kerascnn.exporting.report import Export

Command = TypeVar("Command", bound=Callable[..., Any])

out_option = click.option(
    "--out",
    type=Folder(),
    default=DEFAULT_FOLDER,
    show_default=True,
    help="Folder of runs.",
)

training_data_option = click.option(
    "--dataset",
    "--data",
    type=DatasetName(),
    help="A name of `kerascnn datasets`, tfds:NAME, or a folder with a folder of "
    "pictures for each class.  [default: mnist]",
)

_READING = (
    click.option(
        "--resize",
        type=Name("resize", RESIZES),
        help="How pictures of one's own become squares.  [default: pad]",
    ),
    click.option(
        "--group-by",
        metavar="PATTERN",
        help="Regular expression for what pictures of one thing share in their names, "
        "such as '^[^_]+'; they are kept together.",
    ),
    click.option(
        "--test-fraction",
        type=float,
        help="Part of the pictures held out for the test, where there is no test "
        "part.  [default: 0.2]",
    ),
)


def reading_options(command: Command) -> Command:
    """Add the options that say how pictures are read, and what is held out of them."""
    for option in reversed(_READING):
        command = option(command)
    return command


dataset_option = click.option(
    "--dataset",
    "--data",
    type=DatasetName(),
    help="What a model file is for, or other data of the same classes: a name, "
    "tfds:NAME or a folder.  [default: what it was trained on]",
)

trust_option = click.option(
    "--trust",
    is_flag=True,
    help="Run a SavedModel whatever operations it has: it may do what you may.",
)

timeout_option = click.option(
    "--timeout",
    "timeout_s",
    type=Number(whole(1, 10**6)),
    default=int(TIMEOUT_S),
    show_default=True,
    help="Seconds without progress after which a runtime is ended.",
)

json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print JSON, for programs."
)


def echo_json(value: Any) -> None:
    """Print a value as one JSON document on standard output.

    Raises:
        ValueError: A number that is not finite, which JSON does not have.
    """
    click.echo(json.dumps(value, indent=2, allow_nan=False))


def require_agreement(exports: Sequence[Export]) -> None:
    """Fail where a file was rejected.

    Raises:
        ExportError: With what is wrong with each.
    """
    rejected = [export for export in exports if export.problem]
    if rejected:
        raise ExportError(
            "; ".join(f"{export.path}: {export.problem}" for export in rejected)
            + ". The files are kept for a look; do not ship them."
        )
