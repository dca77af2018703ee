"""A sheet of pictures, with what the network saw of them and what it predicted."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from kerascnn.data.pictures import Pixels
from kerascnn.drawing import BLUE, save_figure
from kerascnn.evaluation.predict import Prediction
from kerascnn.machine.text import printable

COLUMNS = 4


def save_predictions(predictions: Sequence[Prediction], path: Path) -> None:
    """Write the sheet of `plot_predictions`.

    Raises:
        RunError: It cannot be written.
    """
    save_figure(plot_predictions(predictions), path)


def plot_predictions(predictions: Sequence[Prediction], *, count: int = 24) -> Figure:
    """Show each picture, the pixels that the network saw, and its likeliest classes.

    Args:
        predictions: At least one.
        count: The most pictures to show.
    """
    shown = predictions[:count]
    columns = min(COLUMNS, len(shown))
    rows = -(-len(shown) // columns)
    figure = Figure(figsize=(3.6 * columns, 1.9 * rows + 0.5), layout="constrained")
    rest = f", the first {len(shown)}" if len(shown) < len(predictions) else ""
    noun = "picture" if len(predictions) == 1 else "pictures"
    figure.suptitle(f"{len(predictions):,} {noun}{rest}")
    grid = figure.subplots(rows, 3 * columns, squeeze=False).reshape(-1, 3)
    for axes in grid.ravel():
        axes.set_axis_off()
    for (picture, seen, bars), prediction in zip(
        grid[: len(shown)], shown, strict=True
    ):
        _show(picture, prediction.picture)
        picture.set_title(_short(prediction.file), fontsize=8, parse_math=False)
        _show(seen, prediction.seen.pixels)
        title = "seen, inverted" if prediction.seen.inverted else "seen"
        seen.set_title(title, fontsize=8)
        _draw_bars(bars, prediction)
    return figure


def _show(axes: Axes, pixels: Pixels) -> None:
    axes.imshow(pixels, cmap="gray", vmin=0, vmax=255)


def _draw_bars(axes: Axes, prediction: Prediction) -> None:
    top = prediction.top(3)[::-1]
    axes.set_axis_on()
    axes.barh(range(len(top)), [share for _, share in top], color=BLUE)
    axes.set(xlim=(0, 1), xticks=())
    labels = [printable(label)[:10] for label, _ in top]
    axes.set_yticks(range(len(top)), labels, fontsize=8, parse_math=False)
    axes.set_title(f"{top[-1][1]:.1%}", fontsize=8)
    axes.set_box_aspect(1)
    axes.spines[["top", "right", "bottom"]].set_visible(False)


def _short(name: str) -> str:
    last = printable(name.replace("\\", "/").rpartition("/")[2])
    return last if len(last) <= 16 else f"{last[:15]}…"
