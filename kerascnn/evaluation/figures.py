"""The figures of an evaluation: confusion matrix, mistakes, reliability."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path, PurePath
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.colors import PowerNorm
from matplotlib.patches import Patch

from kerascnn.drawing import (
    BLUE,
    GRAY,
    GREEN,
    VERMILION,
    Figure,
    fit_text,
    percent,
    plain_log_axis,
    save_figure,
)
from kerascnn.evaluation.evaluate import Calibrated, Evaluation
from kerascnn.evaluation.metrics import ReliabilityBin, wilson_interval
from kerascnn.evaluation.mistakes import rank_mistakes
from kerascnn.evaluation.mistakes_page import write_mistakes_page

# A matrix of more classes than these is drawn without numbers, then without names.
MAX_CLASSES_WITH_NUMBERS, MAX_CLASSES_WITH_NAMES = 20, 100
# The accuracy of fewer images than these says little.
FEW_IMAGES = 20
FIRM, FADED = 0.5, 0.15

Floats = npt.NDArray[np.float64]


def plot_confusion_matrix(
    matrix: Sequence[Sequence[int]], class_names: Sequence[str], *, title: str = ""
) -> Figure:
    """Plot which classes are taken for which.

    Args:
        matrix: Numbers of images, a row for each true class, a column for each
            predicted one.
        class_names: What each class stands for.
        title: The model and the data set.
    """
    counts = np.asarray(matrix)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    accuracy = counts.trace() / max(counts.sum(), 1)
    with_numbers = len(counts) <= MAX_CLASSES_WITH_NUMBERS
    side = 3 + 0.5 * len(counts) if with_numbers else 2 + 0.14 * len(counts)
    side = min(max(side, 5), 16)
    figure = Figure(figsize=(side + 1, side), layout="constrained")
    figure.suptitle(
        f"{fit_text(title, side, 12)}\nConfusion matrix, accuracy {accuracy:.2%}",
        fontsize=12,
    )
    axes = figure.subplots()
    # The square root lets a mistake of one in a hundred be seen.
    image = axes.imshow(shares, cmap="Blues", norm=PowerNorm(0.5, vmin=0, vmax=1))
    bar = figure.colorbar(
        image, ax=axes, shrink=0.8, label="Share of the true class (%)"
    )
    bar.ax.yaxis.set_major_formatter(percent)
    if with_numbers:
        _write_numbers(axes, counts, shares)
    if len(counts) > MAX_CLASSES_WITH_NAMES:
        axes.set(
            xlabel="Number of the predicted class", ylabel="Number of the true class"
        )
    else:
        axes.set(xlabel="Predicted class", ylabel="True class")
        points = 10 if with_numbers else 7
        _write_names(axes, class_names, points, (side - 2.5) / len(counts))
    return figure


def _write_numbers(axes: Axes, counts: npt.NDArray[np.int64], shares: Floats) -> None:
    for (true, predicted), count in np.ndenumerate(counts):
        if count:
            axes.text(
                predicted,
                true,
                str(count),
                ha="center",
                va="center",
                fontsize=9 if count < 100_000 else 6,
                color="white" if shares[true, predicted] > 0.4 else "black",
            )


def _write_names(
    axes: Axes, class_names: Sequence[str], points: float, cell: float
) -> None:
    """Name the rows and the columns, slanted where a name is wider than a cell."""
    names = [fit_text(name, 1.7, points) for name in class_names]
    axes.set_yticks(range(len(names)), names, fontsize=points)
    axes.set_xticks(range(len(names)), names, fontsize=points)
    if any(fit_text(name, 0.8 * cell, points) != name for name in names):
        for label in axes.get_xticklabels():
            label.set(rotation=60, ha="right", rotation_mode="anchor")


def plot_mistakes(
    images: npt.NDArray[np.uint8],
    labels: npt.NDArray[np.int64],
    probabilities: npt.NDArray[np.float32],
    class_names: Sequence[str],
    *,
    files: Sequence[str] | None = None,
    title: str = "",
    count: int = 36,
) -> Figure:
    """Show the mistakes of the highest confidence, the worst first.

    Args:
        images: Raw pixels, `(number, height, width, channels)`.
        labels: The true classes, `(number,)`.
        probabilities: The model's, `(number, num_classes)`.
        class_names: What each class stands for.
        files: Where each image is from, where that has a name.
        title: The model and the data set.
        count: The most images to show.
    """
    predicted = probabilities.argmax(axis=1)
    confidence = probabilities.max(axis=1)
    mistakes = rank_mistakes(labels, probabilities)
    shown = mistakes[:count]
    columns = min(6, max(len(shown), 1))
    rows = -(-len(shown) // columns)
    width = max(1.6 * columns, 6)
    height = 2.05 if files is None else 2.2
    figure = Figure(figsize=(width, height * rows + 0.7), layout="constrained")
    noun = "mistake" if len(mistakes) == 1 else "mistakes"
    part = f", the {len(shown)} most confident" if len(shown) < len(mistakes) else ""
    found = f"{len(mistakes):,} {noun}" if len(mistakes) else "No mistake"
    figure.suptitle(
        f"{fit_text(title, width - 0.4, 12)}\n"
        f"{found} among {len(labels):,} images{part}",
        fontsize=12,
    )
    if not len(shown):
        return figure
    grid = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes in grid:
        axes.set_axis_off()
    for axes, index in zip(grid[: len(shown)], shown, strict=True):
        axes.imshow(images[index].squeeze(), cmap="gray", vmin=0, vmax=255)
        name = "" if files is None else PurePath(files[index]).name
        axes.set_title(
            (f"{fit_text(name, 1.45, 8)}\n" if name else "")
            + f"true {fit_text(class_names[labels[index]], 1.15, 8)}\n"
            f"predicted {fit_text(class_names[predicted[index]], 0.9, 8)}\n"
            f"{confidence[index]:.2%}",
            fontsize=8,
        )
    return figure


def plot_reliability(
    bins: Sequence[ReliabilityBin],
    expected_calibration_error: float,
    *,
    calibrated: Calibrated | None = None,
    title: str = "",
) -> Figure:
    """Plot the accuracy of predictions over their confidence.

    Args:
        bins: Of equal width from 0 to 1.
        expected_calibration_error: The mean gap between the two, in `[0, 1]`.
        calibrated: The same at the model's temperature, to be shown beside it.
        title: The model and the data set.
    """
    figure = Figure(figsize=(6, 7.2), layout="constrained")
    line = f"Expected calibration error {expected_calibration_error:.2%}"
    if calibrated is not None:
        line += (
            f", calibrated {calibrated.expected_calibration_error:.2%} "
            f"(T = {calibrated.temperature:.2f})"
        )
    figure.suptitle(f"{fit_text(title, 5.6, 12)}\n{line}", fontsize=12)
    upper, lower = figure.subplots(2, sharex=True, height_ratios=(3, 1))
    upper.plot([0, 1], [0, 1], color=GRAY, linestyle="--", label="perfect calibration")
    for index, row in enumerate(bins):
        alpha = FIRM if row.images >= FEW_IMAGES else FADED
        place = {"x": index / len(bins), "width": 1 / len(bins), "align": "edge"}
        for axes, height, color in (
            (upper, row.accuracy or 0, BLUE),
            (lower, row.images, GRAY),
        ):
            axes.bar(
                height=height, color=color, alpha=alpha, edgecolor="white", **place
            )
    name = "accuracy at the mean confidence,\n95% interval (Wilson)"
    _draw_points(upper, bins, color=VERMILION, marker="D", name=name)
    if calibrated is not None:
        _draw_points(
            upper, calibrated.reliability, color=GREEN, marker="o", name="calibrated"
        )
    upper.set(ylabel="Accuracy (%)", xlim=(0, 1), ylim=(0, 1))
    upper.yaxis.set_major_formatter(percent)
    lower.set(xlabel="Confidence (%)", ylabel="Images", yscale="log")
    lower.set_ylim(0.7, 2 * max(row.images for row in bins))
    lower.xaxis.set_major_formatter(percent)
    plain_log_axis(lower.yaxis, lambda images, _: f"{images:,.0f}", subs=(1,))
    handles, _ = upper.get_legend_handles_labels()
    bars = [
        Patch(color=BLUE, alpha=FIRM, label="accuracy of the bin"),
        Patch(color=BLUE, alpha=FADED, label=f"faded: fewer than {FEW_IMAGES} images"),
    ]
    figure.legend(handles=[*bars, *handles], loc="outside lower center", ncols=2)
    return figure


def _draw_points(
    axes: Axes, bins: Sequence[ReliabilityBin], *, color: str, marker: str, name: str
) -> None:
    """A point with its interval for each bin with images, and one for the legend."""
    style: dict[str, Any] = {"color": color, "marker": marker}
    style |= {"markersize": 5, "capsize": 3}
    for row in bins:
        if row.accuracy is None or row.confidence is None:
            continue
        low, high = wilson_interval(row.accuracy, row.images)
        axes.errorbar(
            row.confidence,
            row.accuracy,
            # An end that is the accuracy itself may be past it by a rounding.
            yerr=np.abs([[row.accuracy - low], [high - row.accuracy]]),
            alpha=1 if row.images >= FEW_IMAGES else 0.4,
            clip_on=False,
            zorder=3,
            **style,
        )
    axes.errorbar([], [], yerr=[], label=name, **style)


def save_evaluation_figures(folder: Path, evaluation: Evaluation) -> list[Path]:
    """Draw the figures of an evaluation into a folder.

    Where its images have names, a page of the mistakes is written beside them.

    Args:
        folder: Where to; made where it is missing.
        evaluation: What to draw.

    Returns:
        The files written.

    Raises:
        RunError: A file that cannot be written.
    """
    metrics, test = evaluation.metrics, evaluation.test
    title = f"{evaluation.source} on {evaluation.title}"
    figures = {
        "confusion_matrix": plot_confusion_matrix(
            metrics.confusion_matrix, test.class_names, title=title
        ),
        "mistakes": plot_mistakes(
            test.images,
            test.labels,
            evaluation.probabilities,
            test.class_names,
            files=None if test.files is None else test.files.tolist(),
            title=title,
        ),
        "reliability": plot_reliability(
            metrics.reliability,
            metrics["expected_calibration_error"],
            calibrated=evaluation.calibrated,
            title=title,
        ),
    }
    paths = [
        save_figure(figure, folder / f"{name}.png") for name, figure in figures.items()
    ]
    if test.files is not None:
        paths.append(write_mistakes_page(evaluation, folder / "mistakes.html"))
    return paths
