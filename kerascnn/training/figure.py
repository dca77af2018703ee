"""The figure of a training: loss and accuracy over epochs and steps."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes

from kerascnn.drawing import (
    BLUE,
    VERMILION,
    Figure,
    Rows,
    fit_text,
    label_epochs,
    zoom_accuracy,
)

WIDTH_INCHES = 10.0
# The markers of more epochs would hide the lines.
MAX_MARKERS = 40


def plot_curves(history: Rows, steps: Rows | None = None, *, title: str = "") -> Figure:
    """Plot the loss and the accuracy of a training, side by side.

    Args:
        history: A row an epoch, at least one, with `epoch`, `loss`, `accuracy` and,
            where images were held out, `validation_loss` and `validation_accuracy`.
        steps: A row a step, with `step`, `epoch`, `loss` and `accuracy`, drawn faintly
            behind.
        title: What was trained.
    """
    figure = Figure(figsize=(WIDTH_INCHES, 4.2), layout="constrained")
    figure.suptitle(fit_text(title, WIDTH_INCHES - 0.4, 12), fontsize=12)
    left, right = figure.subplots(1, 2)
    _draw_curves(left, history, steps or [], "loss")
    _draw_curves(right, history, steps or [], "accuracy")
    # Of several epochs, the first steps would press the rest together.
    rows = history if len(history) > 1 else [*history, *(steps or [])]
    zoom_accuracy(
        right,
        min(
            row[key]
            for row in rows
            for key in ("accuracy", "validation_accuracy")
            if key in row
        ),
    )
    handles, labels = left.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels))
    return figure


def _draw_curves(axes: Axes, history: Rows, steps: Rows, quantity: str) -> None:
    epochs = [row["epoch"] for row in history]
    with_markers = len(epochs) <= MAX_MARKERS
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
        marker="o" if with_markers else "",
        label="training, mean of the epoch",
    )
    if any(f"validation_{quantity}" in row for row in history):
        axes.plot(
            epochs,
            [row.get(f"validation_{quantity}", np.nan) for row in history],
            color=VERMILION,
            linestyle="--",
            marker="s" if with_markers else "",
            label="validation",
        )
    label_epochs(axes, quantity)
