"""`kerascnn optimizers`."""

from __future__ import annotations

import json

import click

from kerascnn.commands.options import echo_json, json_option
from kerascnn.commands.table import Column, echo_table
from kerascnn.machine.numbers import format_rate
from kerascnn.settings.optimizers import COMMON_OPTIONS, OPTIMIZERS, OptimizerEntry


@click.command()
@json_option
def optimizers(as_json: bool) -> None:
    """List the optimizers.

    The rate is the one where no recipe has its own. Options are set with
    --optimizer-option NAME=VALUE, and momentum with --momentum.

    \b
    Example:
      kerascnn optimizers
      kerascnn optimizers --json
    """
    if as_json:
        echo_json(
            [
                {
                    "name": row.name,
                    "summary": row.summary,
                    "learning_rate": row.learning_rate,
                    "options": {**COMMON_OPTIONS, **row.options},
                }
                for row in OPTIMIZERS.values()
            ]
        )
        return
    echo_table(
        (Column("optimizer"), Column("rate", is_number=True), Column("options")),
        [
            (row.name, format_rate(row.learning_rate), _options(row))
            for row in OPTIMIZERS.values()
        ],
    )
    click.echo(f"\nEach also takes: {', '.join(COMMON_OPTIONS)}.")


def _options(row: OptimizerEntry) -> str:
    """The options as --optimizer-option takes them."""
    return ", ".join(
        f"{name}={json.dumps(value)}" for name, value in row.options.items()
    )
