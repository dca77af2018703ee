"""The figures of a comparison, drawn from plain data.

Optimizers differ in color (Okabe and Ito's), line style and marker at once, so that
they are told apart in print and with any color vision.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import cycle
from typing import Any, TypeVar

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, MaxNLocator

from kerascnn.comparison.curves import QUANTITIES, Course, Floats
from kerascnn.comparison.records import (
    Claim,
    Difference,
    NetworkResult,
    OptimizerResult,
    Summary,
    TrialResult,
)
from kerascnn.drawing import (
    BLUE,
    GRAY,
    GREEN,
    ORANGE,
    PURPLE,
    SKY,
    VERMILION,
    Figure,
    label_epochs,
    percent,
    plain,
    plain_log_axis,
    zoom_accuracy,
)
from kerascnn.machine.numbers import format_counted, format_points

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
T = TypeVar("T")


def plot_cell(
    runs: Sequence[Course], beside: Sequence[Course], *, title: str
) -> Figure:
    """Plot the loss and the accuracy of a network with one optimizer.

    A moving mean over steps, with a band from the lowest to the highest seed, and the
    steps of the first run faint behind; an epoch's mean at its middle, validation at
    its end. A run that diverged is drawn by itself, as far as it came.

    Args:
        runs: The final runs.
        beside: The final runs of the network with any optimizer, which share the axes.
        title: What was trained.
    """
    figure = Figure(figsize=(10, 4.8), layout="constrained")
    figure.suptitle(title)
    for axes, quantity in zip(figure.subplots(1, 2), QUANTITIES, strict=True):
        finished = [run for run in runs if run.is_finished]
        _draw_steps(axes, finished, quantity, BLUE, "-", "training, moving mean")
        if finished:
            axes.plot(
                finished[0].raw["epoch"],
                finished[0].raw[quantity],
                color=BLUE,
                alpha=0.2,
                linewidth=0.4,
                zorder=0,
                rasterized=True,
                label=f"training, steps of seed {finished[0].seed}",
            )
        _draw_epochs(axes, finished, quantity, BLUE, "o", "training, mean of the epoch")
        _draw_epochs(
            axes, finished, f"validation_{quantity}", VERMILION, "s", "validation"
        )
        for run in runs:
            if run.status == "diverged" and len(run.smooth["epoch"]):
                _draw_diverged(axes, run, quantity)
        label_epochs(axes, quantity)
        _share_axis(axes, quantity, beside)
        _add_step_axis(axes, runs)
    _add_legend(figure)
    return figure


def plot_pair(
    courses: Mapping[str, Sequence[Course]],
    test: Mapping[str, Mapping[int, float]],
    by_epoch: Mapping[str, Sequence[Summary]],
    *,
    title: str,
) -> Figure:
    """Plot the optimizers of a network over each other, and how they differ.

    Args:
        courses: The final runs by optimizer.
        test: The test accuracies by optimizer and seed; nothing before they are known.
        by_epoch: The paired difference in validation accuracy after each epoch, by
            optimizer; likewise.
        title: The network.
    """
    is_known = bool(by_epoch)
    figure = Figure(figsize=(7.5, 6.2 if is_known else 3.6), layout="constrained")
    figure.suptitle(title)
    panels = figure.subplots(2 if is_known else 1, 2, squeeze=False).ravel()
    everyone = [run for runs in courses.values() for run in runs]
    for axes, quantity in zip(panels, QUANTITIES, strict=False):
        for (name, runs), (color, line, marker) in _styled(courses.items()):
            finished = [run for run in runs if run.is_finished]
            _draw_steps(axes, finished, quantity, color, line, f"{name}, training")
            _draw_epochs(
                axes,
                finished,
                f"validation_{quantity}",
                color,
                marker,
                f"{name}, validation",
            )
        label_epochs(axes, quantity)
        _share_axis(axes, quantity, everyone)
    if is_known:
        _draw_difference(panels[2], by_epoch)
        _draw_pairs(panels[3], test)
    _add_legend(figure)
    return figure


def plot_forest(
    claims: Sequence[Claim], networks: Sequence[NetworkResult], *, margin: float
) -> Figure:
    """Plot the answer: differences in test accuracy with their intervals of 95%.

    Args:
        claims: Over all networks, of each optimizer after the first.
        networks: Those that were compared.
        margin: Percentage points within which a difference counts as none.
    """
    several = len(claims) > 1
    rows: list[tuple[str, Difference, int]] = []
    # One network alone is its own mean.
    if len(networks) > 1:
        for index, claim in enumerate(claims):
            whose = f", {claim.optimizer}" if several else ""
            rows.append((f"All, mean{whose}", claim.difference, index))
    for network in networks:
        for index, pair in enumerate(network.comparisons):
            whose = f", {pair.optimizer}" if several else ""
            epochs = format_counted(network.epochs, "epoch", "epochs")
            name = f"{network.title}{whose}\n{epochs}"
            rows.append((name, pair.difference, index))
    figure = Figure(figsize=(6.4, 0.46 * len(rows) + 1.2), layout="constrained")
    axes = figure.subplots()
    axes.axvspan(-margin, margin, color=GRAY, alpha=0.15, linewidth=0)
    axes.axvline(0, color=GRAY, linewidth=0.8)
    baseline = claims[0].baseline
    for place, (_, found, index) in enumerate(rows):
        color, _, marker = STYLES[(index + 1) % len(STYLES)]
        is_overall = len(networks) > 1 and place < len(claims)
        if found.mean is not None:
            ends = [
                found.mean if end is None else end for end in (found.low, found.high)
            ]
            axes.plot([100 * end for end in ends], [place, place], color=color)
            axes.plot(
                100 * found.mean,
                place,
                color=color,
                marker="D" if is_overall else marker,
                markersize=9 if is_overall else 6,
            )
        axes.text(
            1.02,
            place,
            _in_words(found),
            transform=axes.get_yaxis_transform(),
            verticalalignment="center",
            fontsize=9,
            fontweight="bold" if is_overall else "normal",
        )
    if len(networks) > 1:
        axes.axhline(len(claims) - 0.5, color=GRAY, linewidth=0.5)
    axes.set_yticks(range(len(rows)), [name for name, _, _ in rows])
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_xlabel(
        f"Test accuracy minus that of {baseline} (percentage points), interval of 95%\n"
        f"shaded: differences within {margin:g} points count as none"
    )
    axes.xaxis.set_major_formatter(FuncFormatter(_signed))
    axes.grid(alpha=0.3, axis="x")
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
    courses: Mapping[str, Mapping[str, Sequence[Course]]],
) -> Figure:
    """Plot accuracy against the seconds of training, a panel a network.

    An optimizer's epochs all take the time of its quickest: the others tell what else
    the machine did.

    Args:
        networks: As in the results of a comparison.
        courses: The final runs by network and optimizer.
    """
    figure, panels = _panels(len(networks))
    figure.suptitle("Accuracy by seconds of training, all epochs as the quickest")
    for axes, network in zip(panels, networks, strict=True):
        paces = {row.optimizer: row.quickest_epoch for row in network.optimizers}
        for (name, runs), (color, line, marker) in _styled(
            courses[network.model].items()
        ):
            finished = [run for run in runs if run.is_finished]
            pace = paces[name] or 0.0
            if stacked := _stack(finished):
                axes.plot(
                    stacked["epoch"].mean(axis=0) * pace,
                    stacked["accuracy"].mean(axis=0),
                    color=color,
                    linestyle=line,
                    label=f"{name}, training",
                )
            for run in finished:
                axes.plot(
                    [row["epoch"] * pace for row in run.history],
                    [row["validation_accuracy"] for row in run.history],
                    color=color,
                    linestyle="",
                    marker=marker,
                    markersize=5,
                    alpha=0.7,
                    label=f"{name}, validation",
                )
        label_epochs(axes, "accuracy", "Seconds of training")
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
        axes.set_title(network.title)
        axes.set_xlim(left=0)
        everyone = [run for runs in courses[network.model].values() for run in runs]
        _share_axis(axes, "accuracy", everyone)
    _add_legend(figure)
    return figure


def _draw_steps(
    axes: Axes, runs: Sequence[Course], quantity: str, color: str, line: str, name: str
) -> None:
    """The steps of some runs: their mean, and a band from the lowest to the highest."""
    if stacked := _stack(runs):
        values, x = stacked[quantity], stacked["epoch"].mean(axis=0)
        axes.fill_between(
            x,
            values.min(axis=0),
            values.max(axis=0),
            color=color,
            alpha=0.2,
            linewidth=0,
        )
        axes.plot(x, values.mean(axis=0), color=color, linestyle=line, label=name)


def _stack(runs: Sequence[Course]) -> dict[str, Floats]:
    """The moving means of runs of equal length, by name, `(runs, points)`.

    Nothing where a run has no steps.
    """
    if not runs or not all(len(run.smooth["epoch"]) for run in runs):
        return {}
    return {
        name: np.array([run.smooth[name] for run in runs]) for name in runs[0].smooth
    }


def _draw_epochs(
    axes: Axes,
    runs: Sequence[Course],
    quantity: str,
    color: str,
    marker: str,
    name: str,
) -> None:
    """The epochs of some runs: their mean, with bars from the lowest to the highest.

    A mean over an epoch stands at its middle, what is measured after it at its end.
    """
    if not runs or quantity not in runs[0].history[0]:
        return
    values = np.array([[row[quantity] for row in run.history] for run in runs])
    mean = values.mean(axis=0)
    back = 0.0 if quantity.startswith("validation") else 0.5
    axes.errorbar(
        [row["epoch"] - back for row in runs[0].history],
        mean,
        yerr=np.abs([values.min(axis=0) - mean, values.max(axis=0) - mean]),
        color=color,
        linestyle="",
        marker=marker,
        markersize=5,
        capsize=3,
        markeredgecolor="white",
        zorder=3,
        label=name,
    )


def _draw_diverged(axes: Axes, run: Course, quantity: str) -> None:
    axes.plot(
        run.smooth["epoch"],
        run.smooth[quantity],
        color=GRAY,
        linestyle=":",
        marker="x",
        markevery=[len(run.smooth["epoch"]) - 1],
        label="diverged",
    )


def _draw_difference(axes: Axes, by_epoch: Mapping[str, Sequence[Summary]]) -> None:
    """The paired differences over epochs, with their intervals, in points."""
    axes.axhline(0, color=GRAY, linewidth=0.8)
    others = itertools.islice(cycle(STYLES), 1, None)  # the first is the baseline's
    for (name, rows), (color, line, marker) in zip(
        by_epoch.items(), others, strict=False
    ):
        means = np.array([math.nan if row.mean is None else row.mean for row in rows])
        axes.errorbar(
            range(1, len(rows) + 1),
            100 * means,
            yerr=[
                [100 * _length(row.low, row.mean) for row in rows],
                [100 * _length(row.mean, row.high) for row in rows],
            ],
            color=color,
            linestyle=line,
            marker=marker,
            capsize=3,
            label=f"{name}, difference",
        )
    axes.set(
        title="Difference, interval of 95%",
        xlabel="Epoch",
        ylabel="Validation accuracy (points)",
        xlim=(0.5, max(map(len, by_epoch.values())) + 0.5),
    )
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes.yaxis.set_major_formatter(FuncFormatter(_signed))
    axes.grid(alpha=0.3)


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
        title="Test images, seed by seed",
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


def _share_axis(axes: Axes, quantity: str, runs: Sequence[Course]) -> None:
    """Give a network's panels one vertical axis, whichever optimizer they show.

    Losses are shown as far as moving means and validation go; accuracies from the worst
    epoch upwards, as the first steps would press the rest together.
    """
    finished = [run for run in runs if run.is_finished]
    rows = [row for run in finished for row in run.history]
    if quantity == "accuracy":
        if rows:
            zoom_accuracy(
                axes,
                min(min(row["accuracy"], row["validation_accuracy"]) for row in rows),
            )
        return
    values = [float(loss) for run in finished for loss in run.smooth["loss"]]
    values += [row[name] for row in rows for name in ("loss", "validation_loss")]
    if values and min(values) > 0:
        axes.set_ylim(min(values) / 1.15, max(values) * 1.15)
        # By what is shown, and not by what is drawn: single steps go far below.
        is_wide = max(values) > 1000 * min(values)
        plain_log_axis(axes.yaxis, plain, subs=(1,) if is_wide else (1, 2, 5))


def _widen(axes: Axes) -> None:
    """Room above and below errors that are nearly equal; a log axis leaves none."""
    drawn = [line for line in axes.lines if line.get_transform() == axes.transData]
    values = [float(value) for line in drawn for value in np.asarray(line.get_ydata())]
    if values and max(values) < 1.5 * min(values):
        axes.set_autoscaley_on(False)  # which would warn of limits that are equal
        axes.set_ylim(min(values) / 1.5, max(values) * 1.5)


def _length(low: float | None, high: float | None) -> float:
    """From one end to the other; nothing where there is no interval."""
    return 0.0 if low is None or high is None else high - low


def _signed(value: float, _: float = 0) -> str:
    """A difference on an axis."""
    return f"{'+' if value > 0 else ''}{plain(value)}"


def _in_words(found: Difference) -> str:
    """A difference with its interval, and what follows."""
    if found.mean is None:
        return "no pair of runs"
    words = format_points(found.mean)
    if found.low is not None:
        words += f" ({format_points(found.low)} to {format_points(found.high)})"
    return f"{words}\n{found.verdict}"


def _add_step_axis(axes: Axes, runs: Sequence[Course]) -> None:
    """Steps on the upper edge, where the epochs are below."""
    epochs: Floats | None = next(
        (run.raw["epoch"] for run in runs if len(run.raw["epoch"])), None
    )
    if epochs is not None:
        per_epoch = 1 / epochs[0]
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
