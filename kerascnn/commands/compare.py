"""`kerascnn compare`."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kerascnn import api
from kerascnn.commands.completion import complete_models
from kerascnn.commands.options import (
    echo_json,
    json_option,
    reading_options,
    training_data_option,
)
from kerascnn.commands.params import Folder, Name, Number
from kerascnn.commands.table import Column, echo_table
from kerascnn.comparison import DEFAULT_FOLDER, PRESETS
from kerascnn.comparison.config import RECIPE
from kerascnn.comparison.folder import ComparisonFolder, open_comparison
from kerascnn.comparison.reach import describe_reach
from kerascnn.machine.numbers import format_accuracy, format_rate
from kerascnn.machine.ranges import whole
from kerascnn.machine.reporter import LineReporter
from kerascnn.machine.text import command_line
from kerascnn.models import MODELS
from kerascnn.settings.optimizers import OPTIMIZERS
from kerascnn.settings.schedules import SCHEDULES

if TYPE_CHECKING:
    from kerascnn.comparison.records import Difference, NetworkResult, Results, Summary


COLUMNS = (
    Column("model"),
    Column("optimizer"),
    *(
        Column(title, is_number=True)
        for title in ("rate", "test accuracy", "95% interval", "runs")
    ),
    Column("diverged", is_number=True, extra=1),
    Column("seconds an epoch", is_number=True, extra=2),
)


def _presets() -> str:
    """The presets with their summaries, for the help."""
    return ", or ".join(f"{name}, {row.summary}" for name, row in PRESETS.items())


# The options that are settings have no defaults here: with none of them, the comparison
# in --out goes on as it is.
@click.command()
@click.argument(
    "names",
    metavar="[MODEL]...",
    nargs=-1,
    required=False,
    shell_complete=complete_models,
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
@training_data_option
@reading_options
@click.option(
    "--preset",
    type=Name("preset", PRESETS),
    help=f"What each network may spend: {_presets()}.  [default: full]",
)
@click.option(
    "--schedule",
    type=Name("schedule", [*SCHEDULES, RECIPE]),
    metavar="NAME",
    help="Course of the learning rate, or recipe for each network's own. With a "
    "constant one, the accuracy after k epochs is that of a training of k epochs.  "
    "[default: constant]",
)
@click.option("--epochs", type=int, help="Of final runs.  [default: preset]")
@click.option(
    "--limit", type=int, help="Training images of final runs.  [default: preset]"
)
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
@click.option("--tuning-epochs", type=int, help="Of tuning runs.  [default: preset]")
@click.option(
    "--tuning-limit",
    type=int,
    help="Training images of tuning runs.  [default: preset]",
)
@click.option(
    "--tune/--no-tune",
    default=None,
    help="Choose learning rates, or take the recipes'.  [default: tune]",
)
@click.option(
    "--margin",
    type=float,
    help="Percentage points within which two optimizers are equal.  [default: 0.1]",
)
@click.option(
    "--target",
    type=float,
    help="Validation accuracy whose epochs and seconds are told.  [default: 0.97]",
)
@click.option(
    "--jobs",
    type=Number(whole(1, 1024)),
    help="Trainings side by side, sharing cores and GPUs.  [default: one a GPU; or "
    "one a core, at most 4; with --scheduler one a thread of the workers]",
)
@click.option(
    "--scheduler",
    metavar="ADDRESS",
    help="Train on the workers of a Dask scheduler: tcp://HOST:PORT, tls://HOST:PORT, "
    "or local:N for N workers on this machine.  [default: processes of this machine]",
)
@click.option(
    "--without-failed",
    is_flag=True,
    help="Finish without the runs that fail; they are left out for good.",
)
@click.option(
    "--leave-out",
    type=(Name("model", MODELS), str),
    metavar="MODEL REASON",
    multiple=True,
    help="Give a network up for good, with the reason; the report says so first. "
    "Repeatable.",
)
@click.option("--plan", is_flag=True, help="Print the commands that are left to run.")
@click.option(
    "--report",
    is_flag=True,
    help="Train nothing: work the answer out anew from the files of the runs, and "
    "write the report; before all runs have ended, a report of what is missing.",
)
@click.option(
    "--gather",
    is_flag=True,
    help="Instead of MODELs, name folders of comparisons that were run network by "
    "network: their runs are reported together.",
)
@click.option(
    "--out",
    type=Folder(),
    default=DEFAULT_FOLDER,
    show_default=True,
    help="Folder of the comparison.",
)
@json_option
@click.pass_context
def compare(
    context: click.Context,
    /,
    names: tuple[str, ...],
    jobs: int | None,
    scheduler: str | None,
    without_failed: bool,
    leave_out: tuple[tuple[str, str], ...],
    plan: bool,
    report: bool,
    gather: bool,
    out: Path,
    as_json: bool,
    **settings: Any,
) -> None:
    """Compare optimizers on one MODEL or several, all five by default.

    Every optimizer gets the same number of learning rates, chosen on validation images;
    then runs with fresh seeds, in pairs. Each stores what it predicts of the test
    images; at the end, once, the labels are joined. Stopped at any moment and started
    again, it resumes. Afterwards it prints its table at once; the report is
    OUT/report.html.

    \b
    Example:
      kerascnn compare lenet --preset quick
      kerascnn compare --optimizer sgd --optimizer adam --seeds 8 --out adam
      kerascnn compare lenet --plan
      kerascnn compare --report --out results/claim
      kerascnn compare --scheduler tcp://10.0.0.1:8786 --out /shared/comparison
      kerascnn compare --gather lenet-only vgg16-only --out both
    """
    given = {name: value for name, value in settings.items() if value not in (None, ())}
    own = (given, plan, jobs, scheduler, without_failed, leave_out)
    if gather:
        if any(own) or report or not names:
            raise click.UsageError(
                "--gather takes folders of comparisons and --out, and no other options."
            )

        from kerascnn.comparison.run import gather_comparisons

        folders = [Path(name) for name in names]
        results = gather_comparisons(folders, out, reporter=LineReporter())
        _echo_all(results, out, as_json)
        return
    if report:
        if any(own) or names:
            raise click.UsageError("--report takes --out, and no other options.")

        from kerascnn.comparison.run import report_comparison

        results = report_comparison(ComparisonFolder(out), reporter=LineReporter())
        _echo_all(results, out, as_json)
        return
    kind, parameter = Name("model", MODELS), context.command.params[0]
    if names:
        given["models"] = tuple(
            kind.convert(name, parameter, context) for name in names
        )
    if plan:
        if scheduler:
            raise click.UsageError(
                "--plan prints what is left to run on any machine, and takes no "
                "--scheduler."
            )
        if leave_out:
            raise click.UsageError("--plan leaves nothing out: say so without it.")
        _echo_plan(open_comparison(out, given), as_json)
        return
    results = api.compare(
        out=out,
        jobs=jobs,
        scheduler=scheduler,
        without_failed=without_failed,
        leave_out=dict(leave_out),
        **given,
    )
    _echo_all(results, out, as_json)


def _echo_plan(folder: ComparisonFolder, as_json: bool) -> None:
    """Print what can be run now, in the order of dependency, and what gathers it."""
    if not folder.has("test.json"):
        for line in describe_reach(folder.protocol):
            click.echo(line, err=True)
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
            f"have run: {command_line('compare', '--plan', '--out', folder.path)}, or "
            "the last line, which does all that is left.",
            err=True,
        )


def _echo_all(results: Results, out: Path, as_json: bool) -> None:
    if as_json:
        echo_json(results.to_dict())
        return
    _echo_results(results)
    click.echo(f"\nReport: {out / 'report.html'}")


def _echo_results(results: Results) -> None:
    for title, reason in results.left_out.items():
        click.echo(f"{title} was planned and is left out: {reason}")
    for title, words in results.waiting.items():
        click.echo(f"{title} is not finished: {words} have ended.")
    if results.joined_at is None:  # no test accuracy is known
        return
    echo_table(
        COLUMNS,
        [row for network in results.networks for row in _rows(network)],
    )
    click.echo()
    for network in results.networks:
        for row in network.comparisons:
            pairs = f"{len(row.seeds)} pairs"
            click.echo(
                f"{network.title}: {row.optimizer} {_verdict(row.difference)} {pairs}"
            )
    click.echo()
    for claim in results.claims:
        click.echo(claim.sentence)


def _rows(network: NetworkResult) -> Iterable[tuple[object, ...]]:
    for row in network.optimizers:
        test = row.test_accuracy
        yield (
            network.model,
            row.optimizer,
            None if row.learning_rate is None else format_rate(row.learning_rate),
            format_accuracy(test.mean),
            _interval(test),
            test.count,
            row.diverged,
            None if row.quickest_epoch is None else f"{row.quickest_epoch:.1f}",
        )


def _interval(found: Summary) -> str | None:
    if found.low is None or found.high is None:
        return None
    return f"{format_accuracy(found.low)} to {format_accuracy(found.high)}"


def _verdict(found: Difference) -> str:
    """The verdict, the difference and its p-value."""
    words = [str(found.verdict)]
    if found.mean is not None:
        words.append(f"{100 * found.mean:+.2f} points")
    if found.low is not None and found.high is not None:
        words[-1] += f" ({100 * found.low:+.2f} to {100 * found.high:+.2f})"
    return f"{', '.join(words)}, p = {found.p_corrected:.3g} of"
