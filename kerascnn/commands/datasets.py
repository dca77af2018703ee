"""`kerascnn datasets`."""

from __future__ import annotations

import click

from kerascnn.commands.options import echo_json, json_option
from kerascnn.commands.table import Column, echo_table
from kerascnn.data import DATASETS

COLUMNS = (
    Column("dataset"),
    Column("images"),
    Column("classes", is_number=True, extra=2),
    Column("train", is_number=True, extra=3),
    Column("test", is_number=True, extra=4),
    Column("from", extra=1),
    Column("summary"),
)


@click.command()
@json_option
def datasets(as_json: bool) -> None:
    """List the data sets.

    What is not packaged is downloaded once, by tensorflow-datasets.

    \b
    Example:
      kerascnn datasets
      kerascnn datasets --json
    """
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
