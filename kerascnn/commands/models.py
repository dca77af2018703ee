"""`kerascnn models`."""

from __future__ import annotations

import dataclasses
from typing import Any

import click

from kerascnn.commands.options import echo_json, json_option
from kerascnn.commands.table import Column, echo_table
from kerascnn.models import MODELS, Cost, ModelEntry


@click.command()
@json_option
def models(as_json: bool) -> None:
    """List the networks.

    Input, parameters and multiply-adds of one image are the paper's; the last two
    columns are for gray images of 32x32 pixels and 10 classes.

    \b
    Example:
      kerascnn models
      kerascnn models --json
    """
    if as_json:
        echo_json([_document(row) for row in MODELS.values()])
        return
    work = ("multiply-adds", "parameters at 32x32", "multiply-adds at 32x32")
    echo_table(
        (
            Column("model"),
            Column("input"),
            Column("parameters", is_number=True),
            *(Column(title, True, extra) for extra, title in enumerate(work, 1)),
        ),
        [
            (row.name, _shape(row), *_work(row.paper_cost), *_work(row.small_cost))
            for row in MODELS.values()
        ],
    )


def _document(row: ModelEntry) -> dict[str, Any]:
    return {
        "name": row.name,
        "title": row.title,
        "summary": row.summary,
        "reference": row.reference,
        "min_size": row.min_size,
        "stems": row.stems,
        "options": {name: option.default for name, option in row.options.items()},
        "paper": _cost(row.paper_cost),
        "small": _cost(row.small_cost),
    }


def _cost(cost: Cost) -> dict[str, Any]:
    values = dataclasses.asdict(cost)
    values["trainable_parameters"] = values.pop("trainable")
    return values


def _shape(row: ModelEntry) -> str:
    return "x".join(map(str, row.input_shape))


def _work(cost: Cost) -> tuple[int, int]:
    return cost.parameters, cost.multiply_adds
