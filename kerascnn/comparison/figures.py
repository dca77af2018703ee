"""The figures of a comparison, drawn from plain data.

Optimizers differ in color (Okabe and Ito's), line style and marker at once, so that
they are told apart in print and with any color vision.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import cycle
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, MaxNLocator

from kerascnn.comparison.records import NetworkResult, OptimizerResult, TrialResult
from kerascnn.drawing import (
    BLUE,
    GRAY,
    GREEN,
    ORANGE,
    PURPLE,
    SKY,
    VERMILION,
    Figure,
    Rows,
    label_epochs,
    percent,
    plain,
    plain_log_axis,
    zoom_accuracy,
)

# Color, line style and marker of each optimizer, in the order of the comparison; after
# the last they begin anew.
STYLES = (
    (BLUE, "-", "o"),
    (VERMILION, "--", "s"),
    (GREEN, "-.", "D"),
    (PURPLE, ":", "^"),
    (ORANGE, "-", "v"),
    (SKY, "--", "P"),
    (GRAY, "-.", "X"),
)
# More points than this of a training's steps cannot be seen.
MAX_POINTS = 40

# A run's `seed`, `status`, `history` (a row an epoch) and `points` (`thin_steps`).
Curves = Mapping[str, Any]
Floats = npt.NDArray[np.float64]
T = TypeVar("T")


def thin_steps(history: Rows, steps: Rows) -> list[dict[str, float]]:
    """Average the steps of a training in at most `MAX_POINTS` groups.

    Args:
        history: A row an epoch, with `seconds`.
        steps: A row a step, with `step`, `epoch`, `loss` and `accuracy`.

    Returns:
        A row a group: `step` and `epoch` at its end, `seconds` of training until then,
        and the means of `loss` and `accuracy`. Seconds of an epoch that has no row in
        the history, as where training diverged, are not a number.
    """
    if not steps:
        return []
    per_epoch = sum(row["epoch"] == 1 for row in steps)
    ends = np.concatenate([[0.0], np.cumsum([row["seconds"] for row in history])])
    points = []
    for group in np.array_split(np.arange(len(steps)), min(MAX_POINTS, len(steps))):
        rows = [steps[index] for index in group]
        whole, part = divmod(rows[-1]["step"], per_epoch)
        seconds = math.nan
        if whole + (part > 0) < len(ends):
            seconds = float(
                np.interp(rows[-1]["step"] / per_epoch, range(len(ends)), ends)
            )
        points.append(
            {
                "step": rows[-1]["step"],
                "epoch": rows[-1]["step"] / per_epoch,
                "seconds": seconds,
                **{
                    name: float(np.mean([row[name] for row in rows]))
                    for name in ("loss", "accuracy")
                },
            }
        )
    return points


def plot_cell(runs: Sequence[Curves], *, title: str) -> Figure:
    """Plot the loss and the accuracy of a network with one optimizer.

    Means over the seeds, with bands from the lowest to the highest; a run that
    diverged is drawn by itself, as far as it came.

    Args:
        runs: The final runs.
        title: What was trained.
    """
    figure = Figure(figsize=(10, 4.6), layout="constrained")
    figure.suptitle(title)
    for axes, quantity in zip(figure.subplots(1, 2), ("loss", "accuracy"), strict=True):
        finished = [run for run in runs if run["status"] == "finished"]
        _draw_band(axes, finished, quantity, BLUE, "-", "training, steps")
        _draw_epochs(
            axes, finished, quantity, BLUE, "-", "o", "training, mean of the epoch"
        )
        _draw_epochs(
            axes, finished, f"validation_{quantity}", VERMILION, "--", "s", "validation"
        )
        for run in runs:
            if run["status"] == "diverged" and run["points"]:
                _draw_diverged(axes, run["points"], quantity)
        label_epochs(axes, quantity)
        _zoom(axes, quantity, finished)
        _add_step_axis(axes, runs)
    _add_legend(figure)
    return figure


def plot_pair(
    curves: Mapping[str, Sequence[Curves]],
    test: Mapping[str, Mapping[int, float]],
    *,
    title: str,
) -> Figure:
    """Plot the optimizers of a network over each other, and their pairs.

    Args:
        curves: The final runs by optimizer.
        test: The test accuracies by optimizer and seed.
        title: The network.
    """
    figure = Figure(figsize=(12, 4.6), layout="constrained")
    figure.suptitle(title)
    loss, accuracy, pairs = figure.subplots(1, 3, width_ratios=(3, 3, 2))
    for axes, quantity in ((loss, "loss"), (accuracy, "accuracy")):
        for (name, runs), (color, line, marker) in _styled(curves.items()):
            finished = [run for run in runs if run["status"] == "finished"]
            _draw_band(axes, finished, quantity, color, line, f"{name}, training")
            _draw_epochs(
                axes,
                finished,
                f"validation_{quantity}",
                color,
                "",
                marker,
                f"{name}, validation",
            )
        label_epochs(axes, quantity)
        _zoom(axes, quantity, [run for runs in curves.values() for run in runs])
    _draw_pairs(pairs, test)
    _add_legend(figure)
    return figure


def plot_rates(networks: Sequence[NetworkResult]) -> Figure:
    """Plot how the validation error depends on the learning rate, a panel a network.

    Args:
        networks: As in the results of a comparison, tuned.
    """
    figure, panels = _panels(len(networks))
    figure.suptitle("Tuning: the error on the validation images by learning rate")
    for axes, network in zip(panels, networks, strict=True):
        axes.set(
            title=network.title,
            xlabel="Learning rate (highest of the schedule)",
            ylabel="Validation error (%)",
            xscale="log",
            yscale="log",
        )
        plain_log_axis(axes.yaxis, percent)
        axes.grid(alpha=0.3)
        for row, (color, line, marker) in _styled(network.optimizers):
            _draw_sensitivity(axes, network, row, color, line, marker)
        _widen(axes)
        rates = [
            trial.learning_rate for row in network.optimizers for trial in _trials(row)
        ]
        # Over more than that, three numbers a decade would run into each other.
        is_wide = max(rates) > 15 * min(rates)
        plain_log_axis(axes.xaxis, plain, subs=(1,) if is_wide else (1, 2, 5))
    extra = [
        Line2D([], [], color="black", marker="o", markersize=13, fillstyle="none",
               linestyle="", label="chosen"),
        Line2D([], [], color="black", marker="x", linestyle="", label="diverged"),
    ]  # fmt: skip
    trials = [
        trial
        for network in networks
        for row in network.optimizers
        for trial in _trials(row)
    ]
    is_any_diverged = any(trial.status == "diverged" for trial in trials)
    _add_legend(figure, extra if is_any_diverged else extra[:1])
    return figure


def plot_accuracy_over_seconds(
    networks: Sequence[NetworkResult],
    curves: Mapping[str, Mapping[str, Sequence[Curves]]],
) -> Figure:
    """Plot accuracy against the seconds of training, a panel a network.

    Args:
        networks: As in the results of a comparison.
        curves: The final runs by network and optimizer.
    """
    figure, panels = _panels(len(networks))
    figure.suptitle("Accuracy by seconds of training (validation takes none of them)")
    for axes, network in zip(panels, networks, strict=True):
        for (name, runs), (color, line, marker) in _styled(
            curves[network.model].items()
        ):
            finished = [run for run in runs if run["status"] == "finished"]
            points = _mean_points(finished)
            if points:
                axes.plot(
                    points["seconds"],
                    points["accuracy"],
                    color=color,
                    linestyle=line,
                    label=f"{name}, training",
                )
            for run in finished:
                axes.plot(
                    np.cumsum([row["seconds"] for row in run["history"]]),
                    [row["validation_accuracy"] for row in run["history"]],
                    color=color,
                    linestyle="",
                    marker=marker,
                    markersize=5,
                    alpha=0.7,
                    label=f"{name}, validation",
                )
        label_epochs(axes, "accuracy", "Seconds of training")
        axes.set_title(network.title)
        axes.set_xlim(left=0)
    _add_legend(figure)
    return figure


def _draw_band(
    axes: Axes, runs: Sequence[Curves], quantity: str, color: str, line: str, name: str
) -> None:
    """The steps of some runs: their mean, and a band from the lowest to the highest."""
    points = _mean_points(runs)
    if not points:
        return
    values = points[f"all_{quantity}"]
    x = points["epoch"]
    axes.fill_between(
        x, values.min(axis=0), values.max(axis=0), color=color, alpha=0.2, linewidth=0
    )
    axes.plot(x, values.mean(axis=0), color=color, linestyle=line, label=name)


def _mean_points(runs: Sequence[Curves]) -> dict[str, Floats]:
    """The points of runs of equal length: means, and `all_` of each, `(runs, points)`.

    Nothing where a run has no steps.
    """
    if not runs or not all(run["points"] for run in runs):
        return {}
    names = ("epoch", "seconds", "loss", "accuracy")
    stacked = {
        name: np.array([[point[name] for point in run["points"]] for run in runs])
        for name in names
    }
    return {name: values.mean(axis=0) for name, values in stacked.items()} | {
        f"all_{name}": values for name, values in stacked.items()
    }


def _draw_epochs(
    axes: Axes,
    runs: Sequence[Curves],
    quantity: str,
    color: str,
    line: str,
    marker: str,
    name: str,
) -> None:
    """The epochs of some runs: their mean, with bars from the lowest to the highest."""
    if not runs or quantity not in runs[0]["history"][0]:
        return
    values = np.array([[row[quantity] for row in run["history"]] for run in runs])
    mean = values.mean(axis=0)
    axes.errorbar(
        [row["epoch"] for row in runs[0]["history"]],
        mean,
        yerr=np.abs([values.min(axis=0) - mean, values.max(axis=0) - mean]),
        color=color,
        linestyle=line,
        marker=marker,
        capsize=4,
        markeredgecolor="white",
        zorder=3,
        label=name,
    )


def _draw_diverged(axes: Axes, points: Rows, quantity: str) -> None:
    finite = [point for point in points if math.isfinite(point[quantity])]
    axes.plot(
        [point["epoch"] for point in finite],
        [point[quantity] for point in finite],
        color=GRAY,
        linestyle=":",
        marker="x",
        markevery=[len(finite) - 1] if finite else [],
        label="diverged",
    )


def _draw_pairs(axes: Axes, test: Mapping[str, Mapping[int, float]]) -> None:
    """A line for each seed, from its accuracy with one optimizer to the next."""
    seeds = set.union(*(set(values) for values in test.values()))
    for seed in sorted(seeds):
        having = [index for index, row in enumerate(test.values()) if seed in row]
        axes.plot(
            having,
            [[*test.values()][index][seed] for index in having],
            color=GRAY,
            linewidth=0.8,
            zorder=1,
        )
    for index, (row, (color, _, marker)) in enumerate(_styled(test.values())):
        axes.plot(
            [index] * len(row),
            [*row.values()],
            color=color,
            marker=marker,
            linestyle="",
            alpha=0.8,
        )
        if row:
            mean = float(np.mean([*row.values()]))
            axes.plot([index - 0.2, index + 0.2], [mean, mean], color="black")
    axes.set(
        title="Seed by seed",
        ylabel="Test accuracy (%)",
        xlim=(-0.5, len(test) - 0.5),
    )
    axes.set_xticks(range(len(test)), list(test))
    axes.yaxis.set_major_formatter(FuncFormatter(percent))
    axes.grid(alpha=0.3, axis="y")


def _draw_sensitivity(
    axes: Axes,
    network: NetworkResult,
    row: OptimizerResult,
    color: str,
    line: str,
    marker: str,
) -> None:
    trials = _trials(row)
    # No mistake at all has no logarithm: half of one image stands for it.
    least = 0.5 / (network.validation_images or 1000)
    finished = [trial for trial in trials if trial.status == "finished"]
    error = [max(1 - (trial.validation_accuracy or 0.0), least) for trial in finished]
    rates = [trial.learning_rate for trial in finished]
    axes.plot(
        rates,
        error,
        color=color,
        linestyle=line,
        marker=marker,
        label=row.optimizer,
    )
    if row.learning_rate in rates:
        axes.plot(
            row.learning_rate,
            error[rates.index(row.learning_rate)],
            color=color,
            marker="o",
            markersize=13,
            fillstyle="none",
        )
    for trial in trials:
        if trial.status == "diverged":
            axes.plot(
                trial.learning_rate,
                0.97,
                color=color,
                marker="x",
                transform=axes.get_xaxis_transform(),
            )


def _styled(items: Iterable[T]) -> Iterator[tuple[T, tuple[str, str, str]]]:
    """Each of some optimizers with its style."""
    return zip(items, cycle(STYLES), strict=False)


def _trials(row: OptimizerResult) -> Sequence[TrialResult]:
    return row.tuning.trials if row.tuning else ()


def _panels(count: int) -> tuple[Figure, list[Axes]]:
    """A figure with so many panels, at most three in a row."""
    columns = min(count, 3)
    rows = math.ceil(count / columns)
    figure = Figure(
        figsize=(max(4.2 * columns, 7), 3.6 * rows + 0.9), layout="constrained"
    )
    panels = list(figure.subplots(rows, columns, squeeze=False).ravel())
    for axes in panels[count:]:
        axes.set_axis_off()
    return figure, panels[:count]


def _zoom(axes: Axes, quantity: str, runs: Sequence[Curves]) -> None:
    """Show the accuracies of runs of several epochs from the worst one upwards."""
    rows = [
        row for run in runs if run["status"] == "finished" for row in run["history"]
    ]
    if quantity == "accuracy" and any(row["epoch"] > 1 for row in rows):
        worst = min(min(row["accuracy"], row["validation_accuracy"]) for row in rows)
        zoom_accuracy(axes, worst)


def _widen(axes: Axes) -> None:
    """Room above and below errors that are nearly equal; a log axis leaves none."""
    drawn = [line for line in axes.lines if line.get_transform() == axes.transData]
    values = [float(value) for line in drawn for value in np.asarray(line.get_ydata())]
    if values and max(values) < 1.5 * min(values):
        axes.set_autoscaley_on(False)  # which would warn of limits that are equal
        axes.set_ylim(min(values) / 1.5, max(values) * 1.5)


def _add_step_axis(axes: Axes, runs: Sequence[Curves]) -> None:
    """Steps on the upper edge, where the epochs are below."""
    points: Rows = next((run["points"] for run in runs if run["points"]), [])
    if points:
        per_epoch = points[-1]["step"] / points[-1]["epoch"]
        upper = axes.secondary_xaxis(
            "top", functions=(lambda x: x * per_epoch, lambda x: x / per_epoch)
        )
        upper.set_xlabel("Step")
        upper.xaxis.set_major_locator(MaxNLocator(5, integer=True))


def _add_legend(figure: Figure, extra: Sequence[Line2D] = ()) -> None:
    """One legend below all panels, each name once."""
    named: dict[str, Any] = {}
    for axes in figure.axes:
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
            named.setdefault(label, handle)
    named |= {str(handle.get_label()): handle for handle in extra}
    if named:
        figure.legend(
            [*named.values()],
            [*named],
            loc="outside lower center",
            ncols=min(len(named), int(figure.get_figwidth() // 2.3)),
        )
