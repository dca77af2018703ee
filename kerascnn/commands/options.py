"""Options that several commands share, and the one way to print JSON."""

from __future__ import annotations

import json
from typing import Any

import click

from kerascnn.commands.params import DatasetName, Folder, Number
from kerascnn.machine.ranges import whole
from kerascnn.model_files.formats import TIMEOUT_S
from kerascnn.runs.folder import DEFAULT_FOLDER

out_option = click.option(
    "--out",
    type=Folder(),
    default=DEFAULT_FOLDER,
    show_default=True,
    help="Folder of runs.",
)

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
