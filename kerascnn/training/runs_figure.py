"""The figure of several runs: their curves over each other."""

from __future__ import annotations

from collections.abc import Mapping

from matplotlib.axes import Axes

from kerascnn.drawing import (
    BLUE,
    GREEN,
    ORANGE,
    PURPLE,
    SKY,
    VERMILION,
    Figure,
    Rows,
    fit_text,
    label_epochs,
    zoom_accuracy,
)

COLORS = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY)
# More runs than colors have other lines.
STYLES = ("-", "--", ":", "-.")


def plot_runs(histories: Mapping[str, Rows]) -> Figure:
    """Plot the loss and the accuracy of runs over epochs, on axes that they share.

    Bold lines are validation, thin ones training; a run without validation has a thin
    one alone.

    Args:
        histories: By the name of the run, a row an epoch, as for `plot_curves`.
    """
    figure = Figure(figsize=(10, 4.6), layout="constrained")
    left, right = figure.subplots(1, 2)
    for axes, quantity in ((left, "loss"), (right, "accuracy")):
        for number, history in enumerate(histories.values()):
            _draw_run(axes, history, quantity, number)
        label_epochs(axes, quantity)
        axes.set_title("Bold: validation. Thin: training.", fontsize=9)
    rows = [row for history in histories.values() for row in history]
    if len(rows) > len(histories):
        worst = min(
            row.get("validation_accuracy", row["accuracy"])
            for history in histories.values()
            for row in history
        )
        zoom_accuracy(right, worst)
    bold = left.lines[1::2]
    labels = [fit_text(name, 2.5) for name in histories]
    figure.legend(bold, labels, loc="outside lower center", ncols=min(len(bold), 3))
    return figure


def _draw_run(axes: Axes, history: Rows, quantity: str, number: int) -> None:
    color = COLORS[number % len(COLORS)]
    style = STYLES[number // len(COLORS) % len(STYLES)]
    axes.plot(
        [row["epoch"] for row in history],
        [row[quantity] for row in history],
        color=color,
        linestyle=style,
        linewidth=0.8,
    )
    validated = [row for row in history if f"validation_{quantity}" in row]
    axes.plot(
        [row["epoch"] for row in validated],
        [row[f"validation_{quantity}"] for row in validated],
        color=color,
        linestyle=style,
        marker="o",
        linewidth=1.8,
    )
