"""Accuracy against latency and size, a point for each model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path, PurePath

from matplotlib.figure import Figure

from kerascnn.drawing import BLUE, VERMILION, save_figure
from kerascnn.evaluation.benchmark import Measurement
from kerascnn.model_files.formats import FORMATS

# For the formats in the order of their table; more begin again.
MARKERS = "s^Dov<>pP*X"


def save_benchmark(
    measurements: Sequence[Measurement], recommended: Measurement, path: Path
) -> None:
    """Write the figure of `plot_benchmark`, whose arguments come first.

    Raises:
        RunError: It cannot be written.
    """
    save_figure(plot_benchmark(measurements, recommended), path)


def plot_benchmark(
    measurements: Sequence[Measurement], recommended: Measurement
) -> Figure:
    """Plot every model's accuracy over its latency and over its size.

    Args:
        measurements: At least one.
        recommended: The one of them to stand out.
    """
    figure = Figure(figsize=(10, 5), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    for number, row in enumerate(measurements, start=1):
        name = "/".join(PurePath(row.file).parts[-2:])
        note = ", recommended" if row is recommended else ""
        for axes, value in ((left, row.latency_ms), (right, row.size_bytes / 1e6)):
            axes.plot(
                value,
                100 * row.accuracy,
                MARKERS[list(FORMATS).index(row.format) % len(MARKERS)],
                color=VERMILION if row is recommended else BLUE,
                markersize=9,
                label=f"{number}  {name}{note}",
            )
            axes.annotate(
                str(number),
                (value, 100 * row.accuracy),
                # Points that lie together keep their numbers apart.
                xytext=(0, 8 if number % 2 else -16),
                textcoords="offset points",
                ha="center",
            )
    left.set(xlabel="Latency of one image, median (ms)", ylabel="Test accuracy (%)")
    right.set(xlabel="Size (MB)")
    for axes in (left, right):
        axes.set_xscale("log")
        axes.margins(0.2)
        axes.grid(alpha=0.3)
    figure.legend(handles=left.lines, loc="outside lower center", ncols=2)
    return figure
