"""The report of a comparison: figures, one HTML file, its Markdown twin, and JSON."""

from __future__ import annotations

import base64
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from matplotlib.figure import Figure

from kerascnn.comparison.figures import (
    Curves,
    plot_accuracy_over_seconds,
    plot_cell,
    plot_pair,
    plot_rates,
    thin_steps,
)
from kerascnn.comparison.folder import ComparisonFolder
from kerascnn.comparison.plan import (
    MAX_EXTENSIONS,
    RATES_PER_DECADE,
    TUNING_SEED,
    PlannedRun,
)
from kerascnn.comparison.results import derive_results
from kerascnn.errors import RunError
from kerascnn.figures import save_figure
from kerascnn.runs import Run

TEMPLATES = ("report.html", "report.md")


def write_report(folder: ComparisonFolder) -> dict[str, Any]:
    """Write the figures and the report of a comparison; `results.json` comes last.

    Args:
        folder: A comparison whose test images have been read. Curves over steps are
            left out where a run has no `steps.csv` any more.

    Returns:
        The results, as `derive_results` gives them.

    Raises:
        RunError: Files that do not fit together, or cannot be written.
    """
    results = derive_results(folder)
    figures = _save_figures(folder, results)
    context = _context(folder, results, figures)
    for template in TEMPLATES:
        folder.write_text(template, render(template, context))
    folder.write_json("results.json", results)
    return results


def render(template: str, context: Mapping[str, Any]) -> str:
    """Fill in a template of the report.

    Args:
        template: One of `TEMPLATES`.
        context: Plain values by name. In HTML they are escaped.
    """
    environment = Environment(
        loader=PackageLoader("kerascnn.comparison"),
        autoescape=template.endswith(".html"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "percent": _percent,
        "points": _points,
        "number": _number,
        "interval": _interval,
    }
    return environment.get_template(template).render(context)


def _save_figures(
    folder: ComparisonFolder, results: Mapping[str, Any]
) -> list[dict[str, str]]:
    """Draw the figures; returns each one's name, caption and PNG in base64."""
    figures: list[dict[str, str]] = []

    def save(figure: Figure, name: str, caption: str) -> None:
        for suffix in ("png", "svg"):
            save_figure(figure, folder.figures_path / f"{name}.{suffix}")
        png = (folder.figures_path / f"{name}.png").read_bytes()
        figures.append(
            {
                "name": name,
                "caption": caption,
                "data": base64.b64encode(png).decode(),
            }
        )

    networks = results["networks"]
    curves = {
        network["model"]: {
            row["optimizer"]: [_curves(folder, run) for run in row["runs"]]
            for row in network["optimizers"]
        }
        for network in networks
    }
    for network in networks:
        model, title = network["model"], network["title"]
        for optimizer, runs in curves[model].items():
            save(
                plot_cell(runs, title=f"{title} with {optimizer}"),
                f"{model}-{optimizer}",
                f"{title} with {optimizer}: loss and accuracy over epochs and steps, "
                "mean over seeds, from the lowest to the highest.",
            )
        test = {
            row["optimizer"]: {
                run["seed"]: run["test_accuracy"]
                for run in row["runs"]
                if run["test_accuracy"] is not None
            }
            for row in network["optimizers"]
        }
        save(
            plot_pair(curves[model], test, title=title),
            f"{model}-pair",
            f"{title}: {' and '.join(curves[model])} over each other; on the right, "
            "the test accuracy of each seed.",
        )
    if results["protocol"]["tune"]:
        save(
            plot_rates(networks),
            "rates",
            "Learning rates tried, with the validation error of each. A flat curve is "
            "an optimizer that is easy to tune.",
        )
    save(
        plot_accuracy_over_seconds(networks, curves),
        "accuracy-seconds",
        "Accuracy against seconds of training on this machine.",
    )
    return figures


def _curves(folder: ComparisonFolder, row: Mapping[str, Any]) -> Curves:
    run = Run(folder.runs_path / row["name"])
    history = _rows(run, "history.csv") if row["status"] != "failed" else []
    steps = _rows(run, "steps.csv") if row["status"] != "failed" else []
    return {
        "seed": row["seed"],
        "status": row["status"],
        "history": history,
        "points": thin_steps(history, steps),
    }


def _rows(run: Run, name: str) -> list[dict[str, float]]:
    if not (run.path / name).exists():
        return []
    return run.history if name == "history.csv" else run.steps


def _context(
    folder: ComparisonFolder,
    results: Mapping[str, Any],
    figures: list[dict[str, str]],
) -> dict[str, Any]:
    """All that the templates say."""
    protocol = folder.protocol
    planned = folder.planned()
    outcomes = folder.outcomes()
    tested = {
        run["name"]: run["test_accuracy"]
        for network in results["networks"]
        for row in network["optimizers"]
        for run in row["runs"]
    }
    # The place on this machine is of no use to readers.
    runs_path = Path(folder.path.absolute().name) / folder.runs_path.name
    return {
        **results,
        "command": shlex.join(protocol.command),
        "figures": figures,
        "factor": f"{10 ** (1 / RATES_PER_DECADE):.3g}",
        "max_extensions": MAX_EXTENSIONS,
        "tuning_seed": TUNING_SEED,
        "runs": [
            {
                "name": run.name,
                "stage": run.stage,
                "status": outcomes[run.name].status,
                "validation_accuracy": outcomes[run.name].validation_accuracy,
                "test_accuracy": tested.get(run.name),
                "command": shlex.join(run.command(runs_path)),
            }
            for run in planned
        ],
        "settings": _settings(folder, planned),
        "environment": _environment(folder, planned),
        "failed": folder.failed(),
    }


def _settings(
    folder: ComparisonFolder, planned: list[PlannedRun]
) -> dict[str, dict[str, Any]]:
    """The settings that all final runs of a network share, by network."""
    own = ("model", "optimizer", "learning_rate", "momentum", "seed")
    settings: dict[str, dict[str, Any]] = {}
    for run in planned:
        if run.stage == "final" and (folder.run(run).path / "config.json").exists():
            known = folder.run(run).settings.to_dict()
            shared = {name: value for name, value in known.items() if name not in own}
            settings.setdefault(run.config.model, shared)
    return settings


def _environment(
    folder: ComparisonFolder, planned: list[PlannedRun]
) -> list[dict[str, Any]]:
    """The machines and versions that the runs had, each once, with their number."""
    own = ("command", "started_at")
    found: list[dict[str, Any]] = []
    for run in planned:
        try:
            environment = folder.run(run).environment
        except RunError:  # not kept
            continue
        shared = {name: value for name, value in environment.items() if name not in own}
        for row in found:
            if row["shared"] == shared:
                row["runs"] += 1
                break
        else:
            found.append({"shared": shared, "runs": 1})
    return found


def _percent(value: float | None, digits: int = 2) -> str:
    return "–" if value is None else f"{100 * value:.{digits}f} %"


def _points(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:+.2f}"


def _interval(summary: Mapping[str, Any], unit: str) -> str:
    """The interval of a summary, in `"percent"` or in `"points"`."""
    if summary["low"] is None:
        return "–"
    show = {"percent": _percent, "points": _points}[unit]
    return f"{show(summary['low'])} to {show(summary['high'])}"


def _number(value: float | None, form: str = ",") -> str:
    return "–" if value is None else format(value, form)
