"""The figure of a training: loss and accuracy over epochs and steps."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from kerascnn.drawing import BLUE, VERMILION, Rows, label_epochs, zoom_accuracy


def plot_curves(history: Rows, steps: Rows | None = None, *, title: str = "") -> Figure:
    """Plot the loss and the accuracy of a training, side by side.

    Args:
        history: A row an epoch, with `epoch`, `loss`, `accuracy` and, where images were
            held out, `validation_loss` and `validation_accuracy`.
        steps: A row a step, with `step`, `epoch`, `loss` and `accuracy`, drawn faintly
            behind.
        title: What was trained.
    """
    figure = Figure(figsize=(10, 4.2), layout="constrained")
    figure.suptitle(title)
    left, right = figure.subplots(1, 2)
    _draw_curves(left, history, steps or [], "loss")
    _draw_curves(right, history, steps or [], "accuracy")
    if len(history) > 1:
        worst = min(
            row[key]
            for row in history
            for key in ("accuracy", "validation_accuracy")
            if key in row
        )
        zoom_accuracy(right, worst)
    handles, labels = left.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels))
    return figure


def _draw_curves(axes: Axes, history: Rows, steps: Rows, quantity: str) -> None:
    epochs = [row["epoch"] for row in history]
    if steps:
        steps_per_epoch = sum(row["epoch"] == 1 for row in steps)
        axes.plot(
            [row["step"] / steps_per_epoch for row in steps],
            [row[quantity] for row in steps],
            color=BLUE,
            alpha=0.35,
            linewidth=0.7,
            label="training, each step",
        )
    axes.plot(
        epochs,
        [row[quantity] for row in history],
        color=BLUE,
        marker="o",
        label="training, mean of the epoch",
    )
    if any(f"validation_{quantity}" in row for row in history):
        axes.plot(
            epochs,
            [row.get(f"validation_{quantity}", np.nan) for row in history],
            color=VERMILION,
            linestyle="--",
            marker="s",
            label="validation",
        )
    label_epochs(axes, quantity)
