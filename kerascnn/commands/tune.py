"""`kerascnn tune`."""

from __future__ import annotations

import dataclasses
from typing import Any

import click

from kerascnn.commands.options import echo_json, json_option
from kerascnn.commands.params import Name
from kerascnn.commands.table import Column, echo_table
from kerascnn.machine.reporter import LineReporter
from kerascnn.machine.tensorflow import load_tensorflow
from kerascnn.models import MODELS
from kerascnn.settings.config import TrainConfig
from kerascnn.settings.tuned_ways import forget_tuning

COLUMNS = (
    Column("layer"),
    Column("default"),
    Column("here"),
    Column("times as fast", is_number=True),
)


@click.command()
@click.argument("model", type=Name("model", MODELS), required=False)
@click.option("--batch-size", type=int, help="Images a step.  [default: recipe]")
@click.option("--image-size", type=int, help="Pixels a side.  [default: recipe]")
@click.option("--stem", help="The network's first layers.  [default: recipe]")
@click.option("--mixed-precision", is_flag=True, help="Let layers compute in 16 bits.")
@click.option("--clear", is_flag=True, help="Forget all that was measured.")
@json_option
def tune(model: str | None, clear: bool, as_json: bool, **settings: Any) -> None:
    """Time the layers of MODEL on this processor, for trainings to come.

    kerascnn computes each layer in the way that was fastest on the processors that it
    was measured on. Another way is taken here where it is 1.1 times as fast as that.
    What is found is kept for this processor, these versions and this number of threads;
    each run stores the ways that it took. Nothing else should compute meanwhile.

    \b
    Example:
      kerascnn tune resnet18
      kerascnn tune --clear
    """
    given = {key: value for key, value in settings.items() if value}
    if clear:
        if model or given:
            raise click.UsageError("--clear forgets all: leave the rest out.")
        _clear(as_json)
        return
    if model is None:
        raise click.UsageError(f"Name a MODEL: {', '.join(MODELS)}.")
    config = TrainConfig(model=model, device="cpu", **given).resolve()
    reporter = LineReporter()
    reporter.stage("loading TensorFlow")
    load_tensorflow()
    from kerascnn.machine.devices import get_strategy
    from kerascnn.training.setup import share_cores
    from kerascnn.training.tuning import tune_network

    strategy = get_strategy(config.device)
    parallelism = share_cores(config, strategy, message=reporter.message)
    layers = []
    reporter.stage("timing the layers")
    try:
        for layer in tune_network(config, parallelism):
            layers.append(layer)
            reporter.stage(f"timed {layer.name}")
    finally:
        reporter.close()
    if as_json:
        echo_json([dataclasses.asdict(layer) for layer in layers])
        return
    faster = [layer for layer in layers if layer.way != layer.default]
    if faster:
        rows = [(it.name, it.default, it.way, f"{it.gain:.2f}") for it in faster]
        echo_table(COLUMNS, rows)
    click.echo(
        f"{len(faster)} of {len(layers)} kinds of layers are faster in another way."
    )


def _clear(as_json: bool) -> None:
    count = forget_tuning()
    if as_json:
        echo_json({"removed": count})
    else:
        click.echo("Forgot what was measured." if count else "Nothing was measured.")
