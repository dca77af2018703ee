"""Accuracy against latency and size, a point for each model."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePath

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter
from matplotlib.transforms import Affine2D, Bbox

from kerascnn.drawing import (
    BLUE,
    GRAY,
    VERMILION,
    Figure,
    fit_text,
    percent,
    plain,
    plain_log_axis,
    save_figure,
)
from kerascnn.evaluation.benchmark import Measurement
from kerascnn.model_files.formats import FORMATS

# For the formats in the order of their table; more begin again.
MARKERS = "s^Dov<>pP*X"
# In points, as the sizes of fonts are.
MARKER_SIZE, NUMBER_SIZE = 9, 9

# What is on the x axis, and the accuracy, of each model.
Points = Sequence[tuple[float, float]]


def save_benchmark(
    measurements: Sequence[Measurement], recommended: Measurement | None, path: Path
) -> None:
    """Write the figure of `plot_benchmark`, whose arguments come first.

    Raises:
        RunError: It cannot be written.
    """
    save_figure(plot_benchmark(measurements, recommended), path)


def plot_benchmark(
    measurements: Sequence[Measurement], recommended: Measurement | None
) -> Figure:
    """Plot every model's accuracy over its latency and over its size.

    Args:
        measurements: At least one.
        recommended: The one of them to stand out, if any.
    """
    legend_rows = math.ceil(len(measurements) / 2)
    figure = Figure(figsize=(10, 4.6 + 0.22 * legend_rows), layout="constrained")
    images = measurements[0].images
    noun = "image" if images == 1 else "images"
    figure.suptitle(f"Accuracy on {images:,} test {noun}, against latency and size")
    left, right = figure.subplots(1, 2, sharey=True)
    left.set(xlabel="Latency of one image, median (ms)", ylabel="Test accuracy (%)")
    right.set(xlabel="Size (MB)")
    left.set_ylim(_accuracy_range([row.accuracy for row in measurements]))
    left.yaxis.set_major_formatter(FuncFormatter(percent))
    latencies = [(row.latency_ms, row.accuracy) for row in measurements]
    sizes = [(row.size_bytes / 1e6, row.accuracy) for row in measurements]
    for axes, points in ((left, latencies), (right, sizes)):
        _draw_points(axes, points, measurements, recommended)
    figure.legend(handles=left.lines, loc="outside lower center", ncols=2)
    figure.draw_without_rendering()  # only then is it known what lies where
    _write_numbers(left, latencies)
    _write_numbers(right, sizes)
    return figure


def _draw_points(
    axes: Axes,
    points: Points,
    measurements: Sequence[Measurement],
    recommended: Measurement | None,
) -> None:
    for number, (row, point) in enumerate(
        zip(measurements, points, strict=True), start=1
    ):
        is_recommended = row is recommended
        name = fit_text("/".join(PurePath(row.file).parts[-2:]), 2.6)
        axes.plot(
            *point,
            MARKERS[list(FORMATS).index(row.format) % len(MARKERS)],
            color=VERMILION if is_recommended else BLUE,
            markersize=MARKER_SIZE,
            clip_on=False,
            zorder=4 if is_recommended else 3,
            label=f"{number}  {name}{', recommended' if is_recommended else ''}",
        )
    values = [value for value, _ in points]
    axes.set(xscale="log", xlim=(min(values) / 2, max(values) * 2))
    plain_log_axis(axes.xaxis, plain)
    axes.grid(alpha=0.3)


def _accuracy_range(accuracies: Sequence[float]) -> tuple[float, float]:
    """The limits of an axis with room around the points, and nothing above 100%."""
    low, high = min(accuracies), max(accuracies)
    room = max(0.3 * (high - low), 0.002)
    return max(low - room, 0), min(high + room, 1)


def _write_numbers(axes: Axes, points: Points) -> None:
    """Write the number of each point beside it, over no other and no point."""
    scale = 72 / axes.figure.dpi
    frame = axes.bbox.transformed(Affine2D().scale(scale))
    places = [(x * scale, y * scale) for x, y in axes.transData.transform(points)]
    taken = [_box(x, y, MARKER_SIZE, MARKER_SIZE) for x, y in places]
    for number, (point, (x, y)) in enumerate(zip(points, places, strict=True), start=1):
        width = NUMBER_SIZE * 0.7 * len(str(number))
        for right, up in _steps_away():
            box = _box(x + right, y + up, width, NUMBER_SIZE)
            is_inside = frame.contains(*box.min) and frame.contains(*box.max)
            if is_inside and not box.count_overlaps(taken):
                break
        taken.append(box)
        axes.annotate(
            str(number),
            point,
            xytext=(right, up),
            textcoords="offset points",
            fontsize=NUMBER_SIZE,
            ha="center",
            va="center",
            arrowprops={"arrowstyle": "-", "color": GRAY, "linewidth": 0.6},
        ).set_in_layout(False)


def _steps_away() -> Iterator[tuple[float, float]]:
    """Where to put a number, right of a point and up, the nearest first."""
    # Above and below come before the sides, and those before all between.
    turns = sorted(range(16), key=lambda turn: (turn % 8 > 0, turn % 4 > 0))
    for distance in range(12, 400, 8):
        for turn in turns:
            angle = math.pi / 2 + turn * math.pi / 8
            yield distance * math.cos(angle), distance * math.sin(angle)


def _box(x: float, y: float, width: float, height: float) -> Bbox:
    return Bbox.from_bounds(x - width / 2, y - height / 2, width, height)
