"""`kerascnn runs`, with `show` and `rm`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from kerascnn.commands.completion import complete_runs
from kerascnn.commands.options import echo_json, json_option, out_option
from kerascnn.commands.params import FigureFile, Name
from kerascnn.commands.table import Column, echo_table, fits
from kerascnn.data.sources import short_name
from kerascnn.machine.numbers import (
    format_accuracy,
    format_count,
    format_loss,
    format_megabytes,
    format_rate,
    format_seconds,
)
from kerascnn.machine.text import printable
from kerascnn.runs.folder import Run, list_runs, open_run
from kerascnn.runs.removal import check_removable, remove_run, size_of
from kerascnn.runs.summary import (
    COLUMNS,
    RESULTS,
    differing_settings,
    results_of,
    sort_summaries,
    summarize,
)

RESULT_TITLES = {name: name.replace("_", " ") for name in RESULTS} | {
    "epochs": "epochs done",
    "seconds": "training time",
    "images_per_second": "images/s",
}
LISTED = (
    Column("run"),
    Column("model", extra=4),
    Column("optimizer", extra=5),
    Column("dataset", extra=6),
    Column("rate", is_number=True, extra=1),
    Column("seed", is_number=True, extra=7),
    Column("image size", is_number=True, extra=8),
    Column("epochs", is_number=True, extra=2),
    Column("test accuracy", is_number=True),
    Column("when", extra=3),
)
EPOCHS = (
    Column("epoch", is_number=True),
    Column("loss", is_number=True, extra=3),
    Column("accuracy", is_number=True, extra=2),
    Column("validation loss", is_number=True, extra=1),
    Column("validation accuracy", is_number=True),
    Column("rate", is_number=True, extra=4),
    Column("time", is_number=True, extra=5),
)


@click.group(invoke_without_command=True)
@click.option(
    "--sort",
    type=Name("column", [name.replace("_", "-") for name in COLUMNS]),
    metavar="COLUMN",
    default="when",
    help=f"Sort by {', '.join(name.replace('_', '-') for name in COLUMNS[:-1])} or "
    "when.  [default: when it ended, or was last written]",
)
@out_option
@json_option
@click.pass_context
def runs(context: click.Context, sort: str, out: Path, as_json: bool) -> None:
    """List the runs, show some side by side, or remove them.

    Listed are all in --out, the newest last, with what each came to: its test accuracy,
    or that it diverged, or is unfinished and after how many of its epochs.

    \b
    Example:
      kerascnn runs
      kerascnn runs --sort test-accuracy --json
      kerascnn runs show lenet-sgd-1 lenet-adagrad-1 --figure curves.png
      kerascnn runs rm lenet-sgd-1
    """
    if context.invoked_subcommand:
        for name in ("sort", "out", "as_json"):
            if context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
                raise click.UsageError(
                    f"Put the options of {context.invoked_subcommand} behind it: "
                    f"kerascnn runs {context.invoked_subcommand} RUN --out FOLDER."
                )
        return
    rows = sort_summaries(
        [summarize(run) for run in list_runs(out)], sort.replace("-", "_")
    )
    if as_json:
        echo_json(rows)
        return
    if not rows:
        message = f"There are no runs in {out}. Make one with: kerascnn train lenet"
        click.echo(message, err=True)
        return
    echo_table(LISTED, [_listed(row) for row in rows])
    for row in rows:
        if "problem" in row:
            click.echo(printable(f"{row['name']}: {row['problem']}"), err=True)


def _listed(row: dict[str, Any]) -> tuple[object, ...]:
    """The values of a run in the list."""
    rate, epochs, when = row["learning_rate"], row["epochs"], row["when"]
    if row["status"] == "unfinished":
        epochs = f"{epochs}/{row['planned_epochs']}"
    is_finished = row["status"] == "finished"
    return (
        printable(row["name"]),
        row["model"],
        row["optimizer"],
        row["dataset"] and printable(short_name(row["dataset"])),
        rate and format_rate(rate),
        *(None if row[n] is None else str(row[n]) for n in ("seed", "image_size")),
        epochs,
        format_accuracy(row["test_accuracy"]) if is_finished else row["status"],
        when and f"{datetime.fromisoformat(when).astimezone():%Y-%m-%d %H:%M}",
    )


@runs.command()
@click.argument("names", metavar="[RUN]...", nargs=-1, shell_complete=complete_runs)
@click.option(
    "--figure",
    type=FigureFile(),
    help="PNG, SVG or PDF file for the curves of the runs, over each other.",
)
@out_option
@json_option
def show(names: tuple[str, ...], figure: Path | None, out: Path, as_json: bool) -> None:
    """Show runs side by side: settings that differ, then results.

    RUN is a folder, or its name in --out; without any, the newest run is taken. One run
    is shown with all its settings and epochs.

    \b
    Example:
      kerascnn runs show
      kerascnn runs show lenet-sgd-1 lenet-adagrad-1 --figure curves.png
    """
    chosen = [open_run(name, out) for name in names or [None]]
    settings = [run.settings.to_dict() for run in chosen]
    differing = differing_settings(chosen)
    results = [results_of(run) for run in chosen]
    epochs = [run.epochs if run.has("history.csv") else [] for run in chosen]
    if figure:
        from kerascnn.drawing import save_figure
        from kerascnn.training.runs_figure import plot_runs

        titles = _titles(chosen)
        save_figure(plot_runs(dict(zip(titles, epochs, strict=True))), figure)
    if as_json:
        documents = [
            {
                "name": run.name,
                "path": str(run.path),
                "results": found,
                "settings": values,
                "epochs": history,
            }
            for run, found, values, history in zip(
                chosen, results, settings, epochs, strict=True
            )
        ]
        echo_json({"differing_settings": list(differing), "runs": documents})
        return
    if len(chosen) == 1:
        differing = {name: [value] for name, value in settings[0].items()}
    rows = [
        *((name.replace("_", " "), *values) for name, values in differing.items()),
        *([[""] * (len(chosen) + 1)] if differing else []),
        *(
            (title, *(_result(name, row[name]) for row in results))
            for name, title in RESULT_TITLES.items()
            if any(row[name] is not None for row in results)
        ),
    ]
    _echo_side_by_side(_titles(chosen), rows)
    if len(chosen) == 1 and epochs[0]:
        click.echo()
        echo_table(EPOCHS, [_epoch(row) for row in epochs[0]])


def _titles(chosen: Sequence[Run]) -> list[str]:
    """The names of runs, or their paths where two of them have one name."""
    names = [run.name for run in chosen]
    if len(set(names)) < len(names):
        names = [str(run.path) for run in chosen]
    return [printable(name) for name in names]


def _echo_side_by_side(titles: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print a column a run; those that do not fit, in another table below."""
    texts = [[_setting(value) for value in row] for row in rows]
    for count in range(len(titles), 0, -1):
        columns = [Column(""), *(Column(t, is_number=True) for t in titles[:count])]
        shown = [row[: count + 1] for row in texts]
        if count == 1 or fits(columns, shown):
            break
    echo_table(columns, shown)
    if count < len(titles):
        click.echo()
        _echo_side_by_side(titles[count:], [[r[0], *r[count + 1 :]] for r in texts])


def _setting(value: object) -> str:
    """A setting, or what is a text already."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None or value == {}:
        return "-"
    if isinstance(value, dict):
        return ", ".join(f"{name}={part:g}" for name, part in value.items())
    return format_rate(value) if isinstance(value, float) else printable(str(value))


def _result(name: str, value: Any) -> object:
    if value is None or name == "status":
        return value
    if name.endswith("accuracy"):
        return format_accuracy(value)
    if name.endswith("loss"):
        return format_loss(value)
    return format_seconds(value) if name == "seconds" else format_count(value)


def _epoch(row: dict[str, float]) -> tuple[object, ...]:
    """The values of an epoch in the table of one run."""
    losses = (row.get("loss"), row.get("validation_loss"))
    loss, validation_loss = (v if v is None else format_loss(v) for v in losses)
    rate, seconds = row.get("learning_rate"), row.get("seconds")
    return (
        int(row["epoch"]),
        loss,
        format_accuracy(row.get("accuracy")),
        validation_loss,
        format_accuracy(row.get("validation_accuracy")),
        None if rate is None else format_rate(rate),
        None if seconds is None else format_seconds(seconds),
    )


@runs.command()
@click.argument(
    "names", metavar="RUN...", nargs=-1, required=True, shell_complete=complete_runs
)
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@out_option
@json_option
def rm(names: tuple[str, ...], yes: bool, out: Path, as_json: bool) -> None:
    """Remove runs, with all that is in their folders.

    RUN is a folder, or its name in --out. It asks first. Nothing is removed where one
    of them is no run, a link, or being trained. Links in a run are removed, and not
    what they lead to.

    \b
    Example:
      kerascnn runs rm lenet-sgd-1
      kerascnn runs rm lenet-sgd-1 lenet-sgd-2 --yes
    """
    opened = [open_run(name, out) for name in names]
    chosen = list({run.path.absolute(): run for run in opened}.values())
    for run in chosen:
        check_removable(run)
    if not yes:
        total = format_megabytes(sum(size_of(run.path) for run in chosen))
        listed = ", ".join(printable(str(run.path)) for run in chosen)
        click.confirm(f"Remove {listed} ({total} MB)?", abort=True, err=True)
    sizes = {run: remove_run(run) for run in chosen}
    if as_json:
        echo_json(
            [
                {"name": run.name, "path": str(run.path), "size_bytes": size}
                for run, size in sizes.items()
            ]
        )
        return
    for run, size in sizes.items():
        click.echo(printable(f"Removed {run.path} ({format_megabytes(size)} MB)"))
