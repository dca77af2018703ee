"""A sheet of pictures, with what the network saw of them and what it predicted."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path, PurePath

from matplotlib.axes import Axes

from kerascnn.data.pictures import Pixels
from kerascnn.drawing import BLUE, Figure, fit_text, save_figure
from kerascnn.evaluation.predict import Prediction

# In inches, from the lower left corner of the place that one picture has: left, bottom,
# width and height of the picture, of what was seen of it, and of the classes.
PICTURE, SEEN, BARS = (0.1, 0.1, 0.9, 0.9), (1.1, 0.1, 0.9, 0.9), (2.12, 0.1, 1.25, 0.9)
CELL_WIDTH, CELL_HEIGHT, TITLE_HEIGHT = 3.5, 1.45, 0.4


def save_predictions(predictions: Sequence[Prediction], path: Path) -> None:
    """Write the sheet of `plot_predictions`.

    Raises:
        RunError: It cannot be written.
    """
    save_figure(plot_predictions(predictions), path)


def plot_predictions(predictions: Sequence[Prediction], *, count: int = 60) -> Figure:
    """Show each picture, the pixels that the network saw, and its likeliest classes.

    Args:
        predictions: At least one.
        count: The most pictures to show.
    """
    shown = predictions[:count]
    # About as wide as high.
    columns = math.ceil(math.sqrt(len(shown) * CELL_HEIGHT / CELL_WIDTH))
    rows = math.ceil(len(shown) / columns)
    width, height = CELL_WIDTH * columns, CELL_HEIGHT * rows + TITLE_HEIGHT
    figure = Figure(figsize=(width, height))
    rest = f", the first {len(shown)}" if len(shown) < len(predictions) else ""
    noun = "picture" if len(predictions) == 1 else "pictures"
    figure.suptitle(
        f"{len(predictions):,} {noun}{rest}",
        y=1 - TITLE_HEIGHT / 2 / height,
        va="center",
    )
    for index, prediction in enumerate(shown):
        row, column = divmod(index, columns)
        corner = column * CELL_WIDTH, (rows - 1 - row) * CELL_HEIGHT
        picture, seen, bars = (
            _add_axes(figure, corner, box) for box in (PICTURE, SEEN, BARS)
        )
        _show(picture, prediction.picture)
        _show(seen, prediction.seen.pixels)
        seen.set_title(
            "seen, inverted" if prediction.seen.inverted else "seen", fontsize=7, pad=2
        )
        _draw_bars(bars, prediction)
        figure.text(
            (corner[0] + PICTURE[0]) / width,
            (corner[1] + CELL_HEIGHT - 0.24) / height,
            fit_text(
                PurePath(prediction.file).name, CELL_WIDTH - 0.2, 8, weight="bold"
            ),
            fontsize=8,
            weight="bold",
        )
    return figure


def _add_axes(
    figure: Figure,
    corner: tuple[float, float],
    box: tuple[float, float, float, float],
) -> Axes:
    """Axes without a frame at a place in inches."""
    width, height = figure.get_size_inches()
    left, bottom = corner[0] + box[0], corner[1] + box[1]
    axes = figure.add_axes(
        (left / width, bottom / height, box[2] / width, box[3] / height)
    )
    axes.set_axis_off()
    return axes


def _show(axes: Axes, pixels: Pixels) -> None:
    axes.imshow(pixels, cmap="gray", vmin=0, vmax=255)


def _draw_bars(axes: Axes, prediction: Prediction) -> None:
    """The likeliest classes: name and probability, and a bar under them."""
    top = prediction.top(3)
    axes.set(xlim=(0, 1), ylim=(3, 0))
    for rank, (name, share) in enumerate(top):
        axes.barh(rank + 0.82, 1, 0.18, color=BLUE, alpha=0.15)
        axes.barh(rank + 0.82, share, 0.18, color=BLUE)
        axes.text(0, rank + 0.62, fit_text(name, 0.75, 8), fontsize=8)
        axes.text(1, rank + 0.62, f"{share:.2%}", fontsize=8, ha="right")
