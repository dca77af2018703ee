"""`kerascnn runs`."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from kerascnn.commands.options import echo_json, json_option, out_option
from kerascnn.commands.table import echo_table
from kerascnn.errors import KerasCNNError
from kerascnn.runs.folder import Run, list_runs

COLUMNS = ("model", "optimizer", "dataset", "epochs", "test_accuracy")


@click.command()
@out_option
@json_option
def runs(out: Path, as_json: bool) -> None:
    """List the runs, the newest last.

    \b
    Example:
      kerascnn runs
      kerascnn runs --out elsewhere --json
    """
    rows = [_summary(run) for run in list_runs(out)]
    if as_json:
        echo_json(rows)
        return
    if not rows:
        message = f"There are no runs in {out}. Make one with: kerascnn train lenet"
        click.echo(message, err=True)
        return
    echo_table(
        ("run", "status", *(name.replace("_", " ") for name in COLUMNS), "when"),
        [
            (
                row["name"],
                row["status"],
                *(row[c] for c in COLUMNS),
                _local(row["when"]),
            )
            for row in rows
        ],
    )
    for row in rows:
        if "problem" in row:
            click.echo(f"\n{row['name']}: {row['problem']}")


def _summary(run: Run) -> dict[str, Any]:
    """What there is to say about a run; of a broken one, why it is."""
    row: dict[str, Any] = {"name": run.name, "path": str(run.path), "status": "broken"}
    row |= dict.fromkeys((*COLUMNS, "when"))
    try:
        settings, metrics = run.settings, run.metrics
        when = datetime.fromisoformat(
            metrics.finished_at if metrics else _changed_at(run)
        )
        return row | {
            "status": metrics.status if metrics else "unfinished",
            "model": settings.model,
            "optimizer": settings.optimizer,
            "dataset": settings.dataset,
            "epochs": metrics.epochs if metrics else _epochs_done(run),
            "test_accuracy": metrics.test_accuracy if metrics else None,
            "when": when.isoformat(timespec="seconds"),
        }
    except (KerasCNNError, OSError) as error:
        return row | {"problem": str(error)}


def _epochs_done(run: Run) -> int:
    """Epochs that a run has behind it; before the first there is no history."""
    return len(run.epochs) if (run.path / "history.csv").exists() else 0


def _changed_at(run: Run) -> str:
    """When a file of the run was last written, for one that has not finished."""
    return datetime.fromtimestamp(run.path.stat().st_mtime, UTC).isoformat()


def _local(when: str | None) -> str | None:
    return when and f"{datetime.fromisoformat(when).astimezone():%Y-%m-%d %H:%M}"
