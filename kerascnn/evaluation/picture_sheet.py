"""A sheet of pictures, with what the network saw of them and what it predicted."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

from matplotlib.axes import Axes

from kerascnn.data.pictures import Pixels
from kerascnn.drawing import BLUE, Figure, fit_text, save_figure
from kerascnn.evaluation.predict import SHEET_PICTURES, Prediction

if TYPE_CHECKING:
    from kerascnn.evaluation.explain import Explanation

# In inches, from the lower left corner of the place that one picture has: left, bottom,
# width and height of the picture, of what was seen of it, and of the classes. Where
# predictions are explained, what was seen is there again, with the explanation over it.
PICTURE, SEEN, BARS = (0.1, 0.1, 0.9, 0.9), (1.1, 0.1, 0.9, 0.9), (2.12, 0.1, 1.25, 0.9)
CELL_WIDTH, CELL_HEIGHT, TITLE_HEIGHT = 3.5, 1.45, 0.4
EXPLAINED_WIDTH = 1.0

Box = tuple[float, float, float, float]


def save_predictions(
    predictions: Sequence[Prediction], path: Path, *, total: int | None = None
) -> None:
    """Write the sheet of `plot_predictions`.

    Raises:
        RunError: It cannot be written.
    """
    save_figure(plot_predictions(predictions, total=total), path)


def plot_predictions(
    predictions: Sequence[Prediction], *, total: int | None = None
) -> Figure:
    """Show each picture, the pixels that the network saw, and its likeliest classes.

    Args:
        predictions: At least one; the first `SHEET_PICTURES` are shown. All or none
            of them have an explanation, which is shown as well.
        total: How many there were, where these are the first of more.
    """
    total = total or len(predictions)
    shown = predictions[:SHEET_PICTURES]
    moved = EXPLAINED_WIDTH if shown[0].explanation is not None else 0
    cell_width = CELL_WIDTH + moved
    # About as wide as high.
    columns = math.ceil(math.sqrt(len(shown) * CELL_HEIGHT / cell_width))
    rows = math.ceil(len(shown) / columns)
    width, height = cell_width * columns, CELL_HEIGHT * rows + TITLE_HEIGHT
    figure = Figure(figsize=(width, height))
    rest = f", the first {len(shown)}" if len(shown) < total else ""
    noun = "picture" if total == 1 else "pictures"
    figure.suptitle(
        f"{total:,} {noun}{rest}",
        y=1 - TITLE_HEIGHT / 2 / height,
        va="center",
    )
    for index, prediction in enumerate(shown):
        row, column = divmod(index, columns)
        corner = column * cell_width, (rows - 1 - row) * CELL_HEIGHT
        picture, seen, bars = (
            _add_axes(figure, corner, box)
            for box in (PICTURE, SEEN, _right(BARS, moved))
        )
        _show(picture, prediction.picture)
        _show(seen, prediction.seen.pixels)
        seen.set_title(
            "seen, inverted" if prediction.seen.inverted else "seen", fontsize=7, pad=2
        )
        if prediction.explanation is not None:
            explained = _add_axes(figure, corner, _right(SEEN, moved))
            _show(explained, prediction.seen.pixels)
            _show_heat(explained, prediction.explanation, prediction.seen.pixels.shape)
        _draw_bars(bars, prediction)
        figure.text(
            (corner[0] + PICTURE[0]) / width,
            (corner[1] + CELL_HEIGHT - 0.24) / height,
            fit_text(
                PurePath(prediction.file).name, cell_width - 0.2, 8, weight="bold"
            ),
            fontsize=8,
            weight="bold",
        )
    return figure


def _right(box: Box, inches: float) -> Box:
    """The box, so far to the right."""
    return (box[0] + inches, *box[1:])


def _add_axes(figure: Figure, corner: tuple[float, float], box: Box) -> Axes:
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


def _show_heat(axes: Axes, explanation: Explanation, shape: tuple[int, ...]) -> None:
    """Lay the explanation's map over the picture of that shape."""
    height, width, *_ = shape
    limits = axes.get_xlim(), axes.get_ylim()
    left, top, right, bottom = explanation.box
    axes.imshow(
        explanation.heat,
        cmap="inferno",
        vmin=0,
        vmax=1,
        alpha=0.6,
        # Pixels have their middles at whole numbers.
        extent=(
            *(left * width - 0.5, right * width - 0.5),
            *(bottom * height - 0.5, top * height - 0.5),
        ),
        interpolation="bilinear",
    )
    axes.set(xlim=limits[0], ylim=limits[1])
    axes.set_title("Grad-CAM", fontsize=7, pad=2)


def _draw_bars(axes: Axes, prediction: Prediction) -> None:
    """The likeliest classes: name and probability, and a bar under them."""
    top = prediction.top(3)
    axes.set(xlim=(0, 1), ylim=(3, 0))
    for rank, (name, share) in enumerate(top):
        axes.barh(rank + 0.82, 1, 0.18, color=BLUE, alpha=0.15)
        axes.barh(rank + 0.82, share, 0.18, color=BLUE)
        axes.text(0, rank + 0.62, fit_text(name, 0.75, 8), fontsize=8)
        axes.text(1, rank + 0.62, f"{share:.2%}", fontsize=8, ha="right")
