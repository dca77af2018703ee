"""Drawing with matplotlib alone and without global state: colors, axes, files.

Colors are those of Okabe and Ito, which people with any color vision tell apart
(https://jfly.uni-koeln.de/color/); lines differ in their style as well.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

from kerascnn.machine.files import whole_file

BLUE, VERMILION, GRAY = "#0072B2", "#D55E00", "#666666"
GREEN, PURPLE, ORANGE, SKY = "#009E73", "#CC79A7", "#E69F00", "#56B4E9"
DOTS_PER_INCH = 150

# A row an epoch or a step, numbers by name.
Rows = Sequence[Mapping[str, Any]]


def save_figure(figure: Figure, path: Path) -> Path:
    """Write a figure, whole or not at all.

    Args:
        figure: What a `plot_*` function returned.
        path: The file, whose suffix is the format: `.png` or `.svg`. Its folder is made
            where it is missing.

    Returns:
        The path.

    Raises:
        RunError: It cannot be written.
    """
    with whole_file(path) as beside, warnings.catch_warnings():
        # A name may have signs that the font lacks; they become boxes.
        warnings.filterwarnings("ignore", "Glyph .* missing from", UserWarning)
        figure.savefig(beside, dpi=DOTS_PER_INCH)
    return path


def label_epochs(axes: Axes, quantity: str, xlabel: str = "Epoch") -> None:
    """Label the axes of a curve over epochs.

    Args:
        axes: The axes.
        quantity: `"loss"`, on a logarithmic axis, or `"accuracy"`, in per cent.
        xlabel: What the curve goes over.
    """
    axes.set_xlabel(xlabel)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(alpha=0.3)
    if quantity == "loss":
        axes.set(ylabel="Loss (cross-entropy, nats)", yscale="log")
        plain_log_axis(axes.yaxis, plain)
    else:
        axes.set_ylabel("Accuracy (%)")
        axes.yaxis.set_major_formatter(FuncFormatter(percent))


def zoom_accuracy(axes: Axes, worst: float) -> None:
    """Show accuracies from the worst epoch upwards.

    The first steps would press the rest together.
    """
    room = 0.05 * (1 - worst) + 0.002
    axes.set_ylim(worst - room, 1 + room)


def plain_log_axis(
    axis: Axis,
    show: Callable[[float, float], str],
    subs: Sequence[float] = (1, 2, 5),
) -> None:
    """Numbers instead of powers, three a decade or as many as `subs` has."""
    axis.set_major_locator(LogLocator(subs=subs))
    axis.set_major_formatter(FuncFormatter(show))
    axis.set_minor_formatter(NullFormatter())


def percent(value: float, _: float) -> str:
    """A share in per cent, for a formatter of matplotlib."""
    return f"{100 * value:.4g}"


def plain(value: float, _: float) -> str:
    """A number as it is, for a formatter of matplotlib."""
    return f"{value:g}"
