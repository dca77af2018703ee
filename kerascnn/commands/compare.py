"""`kerascnn compare`."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import click

from kerascnn.commands.options import echo_json, json_option
from kerascnn.commands.params import Name
from kerascnn.commands.table import echo_table
from kerascnn.comparison import DEFAULT_FOLDER, PRESETS
from kerascnn.comparison.folder import ComparisonFolder, open_comparison
from kerascnn.data import DATASETS
from kerascnn.models import MODELS
from kerascnn.optimizers import OPTIMIZERS
from kerascnn.progress import LineReporter


# The options that are settings have no defaults here: with none of them, the comparison
# in --out goes on as it is.
@click.command()
@click.argument(
    "models", metavar="[MODEL]...", type=Name("model", MODELS), nargs=-1, required=False
)
@click.option(
    "--optimizer",
    "optimizers",
    type=Name("optimizer", OPTIMIZERS),
    metavar="NAME",
    multiple=True,
    help="Repeatable; the first is what others are compared with.  "
    "[default: sgd, adagrad]",
)
@click.option("--dataset", type=Name("dataset", DATASETS), help="[default: mnist]")
@click.option(
    "--preset",
    type=Name("preset", PRESETS),
    help="What each network may spend: minutes or an hour for all.  [default: full]",
)
@click.option("--epochs", type=int, help="Passes over the images.  [default: preset]")
@click.option("--limit", type=int, help="Training images.  [default: preset]")
@click.option(
    "--seeds",
    type=int,
    help="Final runs of each network with each optimizer.  [default: preset]",
)
@click.option(
    "--trials",
    type=int,
    help="Learning rates of each optimizer to begin with.  [default: preset]",
)
@click.option(
    "--tune/--no-tune",
    default=None,
    help="Choose learning rates, or take the recipes'.  [default: tune]",
)
@click.option(
    "--target",
    type=float,
    help="Validation accuracy whose epochs and seconds are told.  [default: 0.97]",
)
@click.option(
    "--jobs",
    type=click.IntRange(min=1),
    help="Trainings side by side, sharing the cores.  [default: one a core, at most 4]",
)
@click.option(
    "--without-failed",
    is_flag=True,
    help="Finish without the runs that fail; they are left out for good.",
)
@click.option("--plan", is_flag=True, help="Print the commands that are left to run.")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=DEFAULT_FOLDER,
    show_default=True,
    help="Folder of the comparison.",
)
@json_option
def compare(
    jobs: int | None,
    without_failed: bool,
    plan: bool,
    out: Path,
    as_json: bool,
    **settings: Any,
) -> None:
    """Compare optimizers on one MODEL or several, all five by default.

    Every optimizer gets the same number of learning rates, chosen on validation images;
    then runs with fresh seeds, in pairs; at the end the test images are read, once.
    Stopped at any moment and started again, it does what is left. Afterwards it prints
    its table at once; the report is OUT/report.html.

    \b
    Example:
      kerascnn compare lenet --preset quick
      kerascnn compare --optimizer sgd --optimizer adam --seeds 8 --out adam
      kerascnn compare lenet --plan
    """
    given = {name: value for name, value in settings.items() if value not in (None, ())}
    folder = open_comparison(out, given)
    if plan:
        _echo_plan(folder, as_json)
        return

    from kerascnn.comparison.runner import run_comparison

    results = run_comparison(
        folder, jobs=jobs, without_failed=without_failed, reporter=LineReporter()
    )
    if as_json:
        echo_json(results)
        return
    _echo_results(results)
    click.echo(f"\nReport: {folder.path / 'report.html'}")


def _echo_plan(folder: ComparisonFolder, as_json: bool) -> None:
    """Print what can be run now, in the order of dependency, and what gathers it."""
    runs = folder.left()
    gather = ["kerascnn", "compare", "--out", str(folder.path)]
    commands: list[dict[str, Any]] = [
        {"stage": run.stage, "name": run.name, "command": run.command(folder.runs_path)}
        for run in runs
    ]
    commands.append({"stage": "gather", "name": None, "command": gather})
    if as_json:
        echo_json(commands)
        return
    for row in commands:
        click.echo(shlex.join(row["command"]))
    if any(run.stage == "tuning" for run in runs):
        click.echo(
            "The learning rates of the final runs follow from the tuning. When these "
            f"have run: kerascnn compare --plan --out {folder.path}, or the last line, "
            "which does all that is left.",
            err=True,
        )


def _echo_results(results: Mapping[str, Any]) -> None:
    echo_table(
        (
            *("model", "optimizer", "rate", "test accuracy", "95 % interval", "runs"),
            *("diverged", "seconds"),
        ),
        [row for network in results["networks"] for row in _rows(network)],
    )
    click.echo()
    for network in results["networks"]:
        for row in network["comparisons"]:
            click.echo(_verdict(network["title"], row))
    click.echo()
    for claim in results["claims"]:
        click.echo(claim["sentence"])


def _rows(network: Mapping[str, Any]) -> Iterable[tuple[object, ...]]:
    for row in network["optimizers"]:
        test = row["test_accuracy"]
        yield (
            network["model"],
            row["optimizer"],
            "-" if row["learning_rate"] is None else f"{row['learning_rate']:g}",
            test["mean"],
            "-" if test["low"] is None else f"{test['low']:.4f} to {test['high']:.4f}",
            test["count"],
            row["diverged"],
            round(row["seconds"]["mean"]) if test["count"] else None,
        )


def _verdict(title: str, row: Mapping[str, Any]) -> str:
    """One line: the difference, its p-value, and the verdict."""
    found = row["difference"]
    words = [f"{title}: {row['optimizer']} is {row['verdict']}"]
    if row["verdict"] == "not decided":
        words = [f"{title}: {row['optimizer']} against {row['baseline']} not decided"]
    else:
        words[0] += f" than {row['baseline']}"
    if found["mean"] is not None:
        words.append(f"{100 * found['mean']:+.2f} points")
    if found["low"] is not None:
        words.append(f"({100 * found['low']:+.2f} to {100 * found['high']:+.2f})")
    words.append(f"p = {row['p_corrected']:.3g} of {found['count']} pairs")
    return ", ".join(words).replace(", (", " (")
