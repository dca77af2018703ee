"""What there is to say about runs: one line each, and several side by side."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from kerascnn.errors import KerasCNNError
from kerascnn.runs.folder import Run

SETTINGS = ("model", "optimizer", "dataset", "learning_rate", "seed", "image_size")
# What is told of a run; `kerascnn runs` sorts by any of them.
COLUMNS = ("name", "status", *SETTINGS, "epochs", "test_accuracy", "when")


def summarize(run: Run) -> dict[str, Any]:
    """Tell of a run in plain values.

    Returns:
        `COLUMNS` by name, and its `path` and `planned_epochs`. `when` is the time, in
        ISO 8601, when it ended, or was last written. Of a run that cannot be read the
        `status` is `"broken"`, and `problem` says why.
    """
    row: dict[str, Any] = {"name": run.name, "path": str(run.path), "status": "broken"}
    row |= dict.fromkeys((*COLUMNS[2:], "planned_epochs"))
    try:
        settings, metrics = run.settings, run.metrics
        when = datetime.fromisoformat(
            metrics.finished_at if metrics else _changed_at(run)
        )
        return row | {
            **{name: getattr(settings, name) for name in SETTINGS},
            "status": metrics.status if metrics else "unfinished",
            "epochs": metrics.epochs if metrics else len(_epochs(run)),
            "planned_epochs": settings.epochs,
            "test_accuracy": metrics.test_accuracy if metrics else None,
            "when": when.astimezone(UTC).isoformat(timespec="seconds"),
        }
    except (KerasCNNError, OSError) as error:
        return row | {"problem": str(error)}


def sort_summaries(
    rows: Sequence[dict[str, Any]], column: str = "when"
) -> list[dict[str, Any]]:
    """Sort what `summarize` gave, upwards; rows without a value come first.

    Those of the same value are in the order of time.
    """
    by_time = sorted(rows, key=lambda row: row["when"] or "")
    return sorted(by_time, key=lambda row: (row[column] is not None, row[column]))


def differing_settings(runs: Sequence[Run]) -> dict[str, list[Any]]:
    """The settings that are not the same in all runs, a value for each run.

    Raises:
        RunError: A run that cannot be read.
    """
    settings = [run.settings.to_dict() for run in runs]
    return {
        name: [values[name] for values in settings]
        for name in settings[0]
        if any(values[name] != settings[0][name] for values in settings)
    }


def results_of(run: Run) -> dict[str, Any]:
    """What a run came to: of one that has not finished, its last epoch.

    Returns:
        The same names for every run; what there is not is `None`.

    Raises:
        RunError: The run cannot be read.
    """
    metrics = run.metrics
    if metrics is None:
        epochs = _epochs(run)
        last = epochs[-1] if epochs else {}
        found: dict[str, Any] = {
            **last,
            "status": "unfinished",
            "training_loss": last.get("loss"),
            "training_accuracy": last.get("accuracy"),
            "epochs": len(epochs),
            "seconds": sum(row.get("seconds", 0.0) for row in epochs),
        }
    else:
        found = vars(metrics)
    return {name: found.get(name) for name in RESULTS}


RESULTS = (
    "status",
    "test_accuracy",
    "validation_accuracy",
    "training_accuracy",
    "test_loss",
    "validation_loss",
    "training_loss",
    "epochs",
    "best_epoch",
    "seconds",
    "images_per_second",
    "parameters",
)


def _epochs(run: Run) -> list[dict[str, float]]:
    """The epochs that a run has behind it; before the first there is no file."""
    return run.epochs if run.has("history.csv") else []


def _changed_at(run: Run) -> str:
    """When a file of the run was last written, for one that has not finished."""
    return datetime.fromtimestamp(run.path.stat().st_mtime, UTC).isoformat()
