"""The report of comparisons: figures, one HTML file, its Markdown twin, and JSON."""

from __future__ import annotations

import base64
import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from kerascnn.comparison.config import RULES
from kerascnn.comparison.figures import (
    Curves,
    plot_accuracy_over_seconds,
    plot_cell,
    plot_pair,
    plot_rates,
    thin_steps,
)
from kerascnn.comparison.folder import ComparisonFolder
from kerascnn.comparison.plan import FINAL, PlannedRun
from kerascnn.comparison.records import NetworkResult, Results, RunResult
from kerascnn.comparison.results import derive_results
from kerascnn.data.sources import short_name
from kerascnn.drawing import Figure, save_figure
from kerascnn.errors import RunError
from kerascnn.machine.text import printable
from kerascnn.runs.folder import Run

TEMPLATES = ("report.html", "report.md")


def write_report(
    target: ComparisonFolder, parts: Sequence[ComparisonFolder]
) -> Results:
    """Write the figures and the report of comparisons; `results.json` comes last.

    Args:
        target: Where to.
        parts: The comparisons, whose labels have been joined: `target` alone, or those
            that it gathers. Curves over steps are left out where a run has no
            `steps.csv`.

    Returns:
        The results, as `derive_results` gives them.

    Raises:
        ConfigError: Comparisons that do not belong together.
        RunError: Files that do not fit together, or cannot be written.
    """
    results = derive_results(parts)
    figures = _save_figures(target, parts, results)
    context = _context(parts, results, figures)
    for template in TEMPLATES:
        target.write_text(template, render(template, context))
    target.write_json("results.json", results.to_dict())
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
    }
    environment.globals["interval"] = _interval
    return environment.get_template(template).render(context)


def _save_figures(
    folder: ComparisonFolder, parts: Sequence[ComparisonFolder], results: Results
) -> list[dict[str, str]]:
    """Draw the figures; returns each one's name, caption and PNG in base64."""
    figures: list[dict[str, str]] = []
    located = {run.name: part.run(run) for part, run in _planned(parts)}

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

    curves = {
        network.model: {
            row.optimizer: [_curves(located[run.name], run) for run in row.runs]
            for row in network.optimizers
        }
        for network in results.networks
    }
    for network in results.networks:
        model, title = network.model, network.title
        for optimizer, runs in curves[model].items():
            save(
                plot_cell(runs, title=f"{title} with {optimizer}"),
                f"{model}-{optimizer}",
                f"{title} with {optimizer}: loss and accuracy over epochs and steps, "
                "mean over seeds, from the lowest to the highest.",
            )
        save(
            plot_pair(curves[model], _test_accuracies(network), title=title),
            f"{model}-pair",
            f"{title}: {' and '.join(curves[model])} over each other; on the right, "
            "the test accuracy of each seed.",
        )
    if results.protocol["tune"]:
        save(
            plot_rates(results.networks),
            "rates",
            "Learning rates tried, with the validation error of each. A flat curve is "
            "an optimizer that is easy to tune.",
        )
    save(
        plot_accuracy_over_seconds(results.networks, curves),
        "accuracy-seconds",
        "Accuracy against seconds of training on this machine.",
    )
    return figures


def _planned(
    parts: Sequence[ComparisonFolder],
) -> Iterator[tuple[ComparisonFolder, PlannedRun]]:
    """Every run of some comparisons, with the one that it belongs to."""
    for part in parts:
        for run in part.planned():
            yield part, run


def _test_accuracies(network: NetworkResult) -> dict[str, dict[int, float]]:
    """By optimizer and seed, of the runs that finished."""
    return {
        row.optimizer: {
            run.seed: run.test_accuracy
            for run in row.runs
            if run.test_accuracy is not None
        }
        for row in network.optimizers
    }


def _curves(run: Run, result: RunResult) -> Curves:
    is_there = result.status != "failed"
    history = run.epochs if is_there and run.has("history.csv") else []
    steps = run.steps if is_there and run.has("steps.csv") else []
    return {
        "seed": result.seed,
        "status": result.status,
        "history": history,
        "points": thin_steps(history, steps),
    }


def _context(
    parts: Sequence[ComparisonFolder],
    results: Results,
    figures: list[dict[str, str]],
) -> dict[str, Any]:
    """All that the templates say."""
    outcomes = {name: row for part in parts for name, row in part.outcomes().items()}
    tested = {
        run.name: run.test_accuracy
        for network in results.networks
        for row in network.optimizers
        for run in row.runs
    }
    return {
        **vars(results),
        "dataset": printable(short_name(results.protocol["dataset"])),
        "rules": RULES,
        "factor": f"{10 ** (1 / RULES.rates_per_decade):.3g}",
        "commands": [shlex.join(part.protocol.command) for part in parts],
        "figures": figures,
        "runs": [
            {
                "name": run.name,
                "stage": run.stage,
                "status": outcomes[run.name].status,
                "validation_accuracy": outcomes[run.name].validation_accuracy,
                "test_accuracy": tested.get(run.name),
                # The place on this machine is of no use to readers.
                "command": shlex.join(
                    run.command(Path(part.path.absolute().name) / part.runs_path.name)
                ),
            }
            for part, run in _planned(parts)
        ],
        "settings": _settings(parts),
        "environment": _environment(parts),
        "failed": {k: v for part in parts for k, v in part.failed().items()},
    }


def _settings(parts: Sequence[ComparisonFolder]) -> dict[str, dict[str, Any]]:
    """The settings that all final runs of a network share, by network."""
    own = {"model", "optimizer", "learning_rate", "momentum", "optimizer_options"}
    settings: dict[str, dict[str, Any]] = {}
    for part, planned in _planned(parts):
        run = part.run(planned)
        if planned.stage == FINAL and run.has("config.json"):
            shared = {
                name: value
                for name, value in run.settings.to_dict().items()
                if name not in own | {"seed"}
            }
            settings.setdefault(planned.config.model, shared)
    return settings


def _environment(parts: Sequence[ComparisonFolder]) -> list[dict[str, Any]]:
    """The machines and versions that the runs had, each once, with their number."""
    own = ("command", "started_at", "computation")
    found: list[dict[str, Any]] = []
    for part, planned in _planned(parts):
        try:
            environment = part.run(planned).environment
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
    return "–" if value is None else f"{value:.{digits}%}"


def _points(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:+.2f}"


def _interval(low: float | None, high: float | None, unit: str) -> str:
    """An interval in `"percent"` or in `"points"`."""
    if low is None:
        return "–"
    show = {"percent": _percent, "points": _points}[unit]
    return f"{show(low)} to {show(high)}"


def _number(value: float | None, form: str = ",") -> str:
    return "–" if value is None else format(value, form)
