"""The report of comparisons: figures, one HTML file, its Markdown twin, and JSON."""

from __future__ import annotations

import base64
import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

from kerascnn.comparison.claims import describe_budget
from kerascnn.comparison.config import RULES
from kerascnn.comparison.curves import Course, follow, steps_per_epoch
from kerascnn.comparison.figures import (
    plot_accuracy_over_seconds,
    plot_cell,
    plot_forest,
    plot_pair,
    plot_rates,
)
from kerascnn.comparison.folder import ComparisonFolder
from kerascnn.comparison.plan import FINAL, PlannedRun
from kerascnn.comparison.records import (
    NetworkResult,
    OptimizerResult,
    Results,
    RunResult,
)
from kerascnn.comparison.results import derive_results, preview_results
from kerascnn.data.sources import short_name
from kerascnn.drawing import Figure, Rows, save_figure
from kerascnn.errors import RunError
from kerascnn.machine.numbers import format_counted, format_points, format_rate
from kerascnn.machine.text import printable
from kerascnn.runs.folder import Run

TEMPLATES = ("report.html", "report.md")
# The accuracy that the lab report says its networks pass; figures tell whether they do.
PASSING = 0.9


def write_report(
    target: ComparisonFolder, parts: Sequence[ComparisonFolder]
) -> Results:
    """Write the figures and the report of comparisons; `results.json` comes last.

    Args:
        target: Where to.
        parts: The comparisons: those that `target` gathers, whose labels have been
            joined; or `target` alone, of which less is told before that. Curves over
            steps are left out where a run has no `steps.csv`.

    Returns:
        The results, as `derive_results` or `preview_results` gives them.

    Raises:
        ConfigError: Comparisons that do not belong together.
        RunError: Files that do not fit together, or cannot be written.
    """
    if parts[0].has("test.json"):
        results = derive_results(parts)
    else:
        results = preview_results(parts[0])
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
        loader=ChoiceLoader(
            [PackageLoader("kerascnn.comparison"), PackageLoader("kerascnn.machine")]
        ),
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
        "rate": _rate,
        "budget": describe_budget,
    }
    environment.globals["interval"] = _interval
    return environment.get_template(template).render(context)


def _save_figures(
    folder: ComparisonFolder, parts: Sequence[ComparisonFolder], results: Results
) -> dict[str, dict[str, str]]:
    """Draw the figures; returns each one's caption and PNG in base64, by name."""
    figures: dict[str, dict[str, str]] = {}
    located = {run.name: part.run(run) for part, run in _planned(parts)}

    def save(figure: Figure, name: str, caption: str) -> None:
        for suffix in ("png", "svg"):
            save_figure(figure, folder.figures_path / f"{name}.{suffix}")
        png = (folder.figures_path / f"{name}.png").read_bytes()
        data = base64.b64encode(png).decode()
        figures[name] = {"caption": caption, "data": data}

    if results.claims:
        save(
            plot_forest(
                results.claims, results.networks, margin=results.protocol["margin"]
            ),
            "forest",
            "The answer: differences in test accuracy with their intervals of 95%.",
        )
    courses = {
        network.model: _courses(network, located) for network in results.networks
    }
    for network in results.networks:
        model, title = network.model, network.title
        save(
            plot_pair(
                courses[model],
                _test_accuracies(network),
                {row.optimizer: row.by_epoch for row in network.comparisons},
                title=f"{title}: {describe_budget(network)}",
            ),
            f"{model}-pair",
            f"{title}: {' and '.join(courses[model])} over each other."
            + (_PAIR_CAPTION if network.comparisons else ""),
        )
        beside = [run for runs in courses[model].values() for run in runs]
        for row in network.optimizers:
            passing = _passing(row)
            save(
                plot_cell(
                    courses[model][row.optimizer],
                    beside,
                    title=f"{title} with {row.optimizer}\n{passing}",
                ),
                f"{model}-{row.optimizer}",
                f"{title} with {row.optimizer}: loss and accuracy over epochs and "
                f"steps. {passing}",
            )
    if results.networks and results.protocol["tune"]:
        save(
            plot_rates(results.networks),
            "rates",
            "Learning rates tried, with the validation error of each. A flat curve is "
            "an optimizer that is easy to tune.",
        )
    if results.networks:
        save(
            plot_accuracy_over_seconds(results.networks, courses),
            "accuracy-seconds",
            "Accuracy against seconds of training, if all epochs were as quick as the "
            "quickest.",
        )
    return figures


_PAIR_CAPTION = (
    " Below, the difference in validation accuracy after each epoch, pair by pair, and "
    "the test accuracy of each seed."
)


def _passing(row: OptimizerResult) -> str:
    """Say whether all final runs pass what the lab report says its networks do."""
    where, known = "test", [run.test_accuracy for run in row.runs]
    if all(accuracy is None for accuracy in known):
        where, known = "validation", [run.validation_accuracy for run in row.runs]
    reached = [accuracy for accuracy in known if accuracy is not None]
    passed = sum(accuracy > PASSING for accuracy in reached)
    if not reached:
        return "No run finished."
    runs = format_counted(len(row.runs), "run", "runs")
    lowest = f"the lowest has {_percent(min(reached))} of the {where} images."
    if passed == len(row.runs):
        return f"{runs}, all above {PASSING:.0%}: {lowest}"
    return f"{passed} of {runs} above {PASSING:.0%}: {lowest}"


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


def _courses(
    network: NetworkResult, located: Mapping[str, Run]
) -> dict[str, list[Course]]:
    """The final runs of a network as they are drawn, by optimizer."""

    def rows(result: RunResult, name: str, file: str) -> Rows:
        run = located[result.name]
        is_there = result.status != "failed" and run.has(file)
        return getattr(run, name) if is_there else []

    steps = {
        run.name: rows(run, "steps", "steps.csv")
        for row in network.optimizers
        for run in row.runs
    }
    per_epoch = steps_per_epoch([*steps.values()])
    return {
        row.optimizer: [
            follow(
                run.seed,
                run.status,
                rows(run, "epochs", "history.csv"),
                steps[run.name],
                per_epoch,
            )
            for run in row.runs
        ]
        for row in network.optimizers
    }


def _context(
    parts: Sequence[ComparisonFolder],
    results: Results,
    figures: Mapping[str, Mapping[str, str]],
) -> dict[str, Any]:
    """All that the templates say."""
    outcomes = {name: row for part in parts for name, row in part.outcomes().items()}
    tested = {
        run.name: run.test_accuracy
        for network in results.networks
        for row in network.optimizers
        for run in row.runs
    }
    rows = [row for network in results.networks for row in network.optimizers]
    pairs = [pair for network in results.networks for pair in network.comparisons]
    return {
        **vars(results),
        "any_diverged": any(row.diverged for row in rows),
        "any_failed": any(row.failed for row in rows),
        "any_dropped": any(pair.dropped_pairs for pair in pairs),
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
            if run.name in outcomes
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
    return "–" if value is None else format_points(value)


def _interval(low: float | None, high: float | None, unit: str) -> str:
    """An interval in `"percent"` or in `"points"`, nothing where there is none."""
    if low is None:
        return ""
    show = {"percent": _percent, "points": _points}[unit]
    return f"({show(low)} to {show(high)})"


def _number(value: float | None, form: str = ",") -> str:
    return "–" if value is None else format(value, form)


def _rate(value: float | None) -> str:
    return "–" if value is None else format_rate(value)
