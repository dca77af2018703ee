"""The figures of an evaluation: confusion matrix, mistakes, reliability."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure

from kerascnn.drawing import BLUE, GRAY, VERMILION, percent, save_figure
from kerascnn.evaluation.evaluate import Evaluation
from kerascnn.evaluation.metrics import ReliabilityBin

# A matrix of more classes than this is drawn without numbers and names.
MAX_CLASSES_WITH_NUMBERS = 20


def plot_confusion_matrix(
    matrix: Sequence[Sequence[int]], class_names: Sequence[str]
) -> Figure:
    """Plot which classes are taken for which.

    Args:
        matrix: Numbers of images, a row for each true class, a column for each
            predicted one.
        class_names: What each class stands for.
    """
    counts = np.asarray(matrix)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    with_numbers = len(counts) <= MAX_CLASSES_WITH_NUMBERS
    side = 3 + 0.5 * len(counts) if with_numbers else 10
    figure = Figure(figsize=(side + 1, side), layout="constrained")
    axes = figure.subplots()
    # The square root lets a mistake of one in a hundred be seen.
    image = axes.imshow(shares, cmap="Blues", norm=PowerNorm(0.5, vmin=0, vmax=1))
    bar = figure.colorbar(
        image, ax=axes, shrink=0.8, label="Share of the true class (%)"
    )
    bar.ax.yaxis.set_major_formatter(percent)
    axes.set(xlabel="Predicted class", ylabel="True class", title="Confusion matrix")
    if with_numbers:
        _write_numbers(axes, counts, shares)
        slanted = max(map(len, class_names)) > 3
        axes.set_xticks(
            range(len(counts)),
            class_names,
            rotation=45 if slanted else 0,
            ha="right" if slanted else "center",
        )
        axes.set_yticks(range(len(counts)), class_names)
    return figure


def _write_numbers(
    axes: Axes, counts: npt.NDArray[np.int64], shares: npt.NDArray[np.float64]
) -> None:
    for (true, predicted), count in np.ndenumerate(counts):
        if count:
            axes.text(
                predicted,
                true,
                str(count),
                ha="center",
                va="center",
                fontsize=8,
                color="white" if shares[true, predicted] > 0.4 else "black",
            )


def plot_mistakes(
    images: npt.NDArray[np.uint8],
    labels: npt.NDArray[np.int64],
    probabilities: npt.NDArray[np.float32],
    class_names: Sequence[str],
    *,
    count: int = 36,
) -> Figure:
    """Show the mistakes of the highest confidence, the worst first.

    Args:
        images: Raw pixels, `(number, height, width, channels)`.
        labels: The true classes, `(number,)`.
        probabilities: The model's, `(number, num_classes)`.
        class_names: What each class stands for.
        count: The most images to show.
    """
    predicted = probabilities.argmax(axis=1)
    confidence = probabilities.max(axis=1)
    mistakes = np.flatnonzero(predicted != labels)
    shown = mistakes[np.argsort(-confidence[mistakes], kind="stable")][:count]
    if not len(shown):
        figure = Figure(figsize=(6, 1.5), layout="constrained")
        figure.suptitle(f"No mistake among {len(labels):,} images", y=0.6)
        return figure
    names = [name if len(name) <= 12 else f"{name[:11]}…" for name in class_names]
    columns = min(6, len(shown))
    rows = -(-len(shown) // columns)
    figure = Figure(
        figsize=(max(1.6 * columns, 6), 2.05 * rows + 0.7), layout="constrained"
    )
    noun = "mistake" if len(mistakes) == 1 else "mistakes"
    part = f", the most confident {len(shown)}" if len(shown) < len(mistakes) else ""
    figure.suptitle(
        f"{len(mistakes):,} {noun} among {len(labels):,} images{part}\n"
        "true → predicted, probability"
    )
    grid = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes in grid:
        axes.set_axis_off()
    for axes, index in zip(grid[: len(shown)], shown, strict=True):
        axes.imshow(images[index].squeeze(), cmap="gray", vmin=0, vmax=255)
        axes.set_title(
            f"{names[labels[index]]} → {names[predicted[index]]}\n"
            f"{confidence[index]:.1%}",
            fontsize=8,
        )
    return figure


def plot_reliability(
    bins: Sequence[ReliabilityBin], expected_calibration_error: float
) -> Figure:
    """Plot the accuracy of predictions over their confidence.

    Args:
        bins: Of equal width from 0 to 1.
        expected_calibration_error: The mean gap between the two, in `[0, 1]`.
    """
    figure = Figure(figsize=(5.5, 6.5), layout="constrained")
    upper, lower = figure.subplots(2, sharex=True, height_ratios=(3, 1))
    edges = np.arange(len(bins)) / len(bins)
    filled = [row for row in bins if row.images]
    upper.plot([0, 1], [0, 1], color=GRAY, linestyle="--", label="perfect calibration")
    upper.bar(
        edges,
        [row.accuracy or 0 for row in bins],
        width=1 / len(bins),
        align="edge",
        color=BLUE,
        alpha=0.4,
        edgecolor=BLUE,
        label="accuracy of the bin",
    )
    upper.plot(
        [row.confidence for row in filled],
        [row.accuracy for row in filled],
        color=VERMILION,
        linestyle="",
        marker="D",
        clip_on=False,
        zorder=3,
        label="at its mean confidence",
    )
    upper.set(
        ylabel="Accuracy (%)",
        title=f"Expected calibration error: {expected_calibration_error:.2%}",
        xlim=(0, 1),
        ylim=(0, 1),
    )
    upper.yaxis.set_major_formatter(percent)
    figure.legend(loc="outside lower center", ncols=2)
    lower.bar(
        edges,
        [row.images for row in bins],
        width=1 / len(bins),
        align="edge",
        color=GRAY,
        edgecolor="white",
    )
    lower.set(xlabel="Confidence (%)", ylabel="Images", yscale="log")
    lower.xaxis.set_major_formatter(percent)
    return figure


def save_evaluation_figures(folder: Path, evaluation: Evaluation) -> list[Path]:
    """Draw the figures of an evaluation into a folder.

    Args:
        folder: Where to; made where it is missing.
        evaluation: What to draw.

    Returns:
        The files written.

    Raises:
        RunError: A file that cannot be written.
    """
    metrics, test = evaluation.metrics, evaluation.test
    figures = {
        "confusion_matrix": plot_confusion_matrix(
            metrics.confusion_matrix, test.class_names
        ),
        "mistakes": plot_mistakes(
            test.images, test.labels, evaluation.probabilities, test.class_names
        ),
        "reliability": plot_reliability(
            metrics.reliability, metrics["expected_calibration_error"]
        ),
    }
    return [
        save_figure(figure, folder / f"{name}.png") for name, figure in figures.items()
    ]
