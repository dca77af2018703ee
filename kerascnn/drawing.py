"""Drawing with matplotlib alone and without global state: colors, axes, files.

Colors are those of Okabe and Ito, which people with any color vision tell apart
(https://jfly.uni-koeln.de/color/); lines differ in their style as well.
"""

from __future__ import annotations

import bisect
import contextlib
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib.figure
import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.backend_bases import RendererBase
from matplotlib.font_manager import FontProperties
from matplotlib.text import Text
from matplotlib.textpath import text_to_path
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter
from matplotlib.transforms import Bbox

from kerascnn.machine.files import whole_file
from kerascnn.machine.text import printable

BLUE, VERMILION, GRAY = "#0072B2", "#D55E00", "#666666"
GREEN, PURPLE, ORANGE, SKY = "#009E73", "#CC79A7", "#E69F00", "#56B4E9"
DOTS_PER_INCH = 150

# A row an epoch or a step, numbers by name.
Rows = Sequence[Mapping[str, Any]]


class Figure(matplotlib.figure.Figure):
    """A figure that shows every text as it is written.

    To matplotlib two dollar signs hold a formula. Names of files, runs and classes may
    have them, and what is no formula would be an error.
    """

    def draw(self, renderer: RendererBase) -> None:
        """Draw all that is on the figure."""
        for text in self.findobj(Text):
            text.set_parse_math(False)
            text.set_usetex(False)
        with _missing_glyphs():
            super().draw(renderer)

    def get_tightbbox(self, *arguments: Any, **options: Any) -> Bbox:
        """Measure all that is on the figure, in inches."""
        with _missing_glyphs():
            return super().get_tightbbox(*arguments, **options)


def save_figure(figure: matplotlib.figure.Figure, path: Path) -> Path:
    """Write a figure, whole or not at all; the same figure is the same file.

    Args:
        figure: What a `plot_*` function returned.
        path: The file, whose suffix is the format: `.png` or `.svg`. Its folder is made
            where it is missing.

    Returns:
        The path.

    Raises:
        RunError: It cannot be written.
    """
    # An SVG has the time and random identifiers, if it is not told otherwise.
    metadata = {"Date": None} if path.suffix == ".svg" else None
    same = matplotlib.rc_context({"svg.hashsalt": "kerascnn"})
    with whole_file(path) as beside, _missing_glyphs(), same:
        figure.savefig(beside, dpi=DOTS_PER_INCH, metadata=metadata)
    return path


def fit_text(
    text: str, inches: float, points: float = 10, *, weight: str = "normal"
) -> str:
    """Bring a name to one line of at most a width.

    Args:
        text: The name.
        inches: The width.
        points: The size of the font.
        weight: `"normal"` or `"bold"`.

    Returns:
        The name with an escape for what cannot be seen, an ellipsis in place of its
        middle where it is too long.
    """
    line = printable(text)
    font = FontProperties(size=points, weight=weight)

    def width(kept: int) -> float:
        shown = _without_middle(line, kept)
        return text_to_path.get_text_width_height_descent(shown, font, False)[0] / 72

    with _missing_glyphs():
        if width(len(line)) <= inches:
            return line
        fitting = bisect.bisect_right(range(1, len(line)), inches, key=width)
    return _without_middle(line, fitting)


def label_epochs(axes: Axes, quantity: str, xlabel: str = "Epoch") -> None:
    """Label the axes of a curve over epochs.

    Args:
        axes: The axes.
        quantity: `"loss"`, on a logarithmic axis, or `"accuracy"`, in per cent; the
            curve is there.
        xlabel: What the curve goes over.
    """
    axes.set_xlabel(xlabel)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.xaxis.set_major_formatter(FuncFormatter(plain))
    axes.grid(alpha=0.3)
    if quantity == "loss":
        axes.set_ylabel("Loss (cross-entropy, nats)")
        if axes.dataLim.y1 > 0:
            axes.set_yscale("log")
            plain_log_axis(axes.yaxis, plain)
        else:  # always 0, as with one class, which has no logarithm
            axes.set_ylim(0, 1)
    else:
        axes.set_ylabel("Accuracy (%)")
        axes.yaxis.set_major_formatter(FuncFormatter(percent))


def zoom_accuracy(axes: Axes, worst: float) -> None:
    """Show accuracies from the worst epoch upwards.

    The first steps would press the rest together.
    """
    worst = min(worst, 0.999)
    room = 0.06 * (1 - worst)  # less than the distance of ticks: none is above 100%
    axes.set_ylim(worst - room, 1 + room)


def plain_log_axis(
    axis: Axis,
    show: Callable[[float, float], str],
    subs: Sequence[float] | None = None,
) -> None:
    """Numbers instead of powers, as many a decade as `subs` has.

    Without it three, and one where what is drawn spans more than three decades.
    """
    if subs is None:
        is_wide = axis.get_data_interval()[1] > 1000 * axis.get_minpos()
        subs = (1,) if is_wide else (1, 2, 5)
    axis.set_major_locator(LogLocator(subs=subs))
    axis.set_major_formatter(FuncFormatter(show))
    axis.set_minor_formatter(NullFormatter())


def percent(value: float, _: float = 0) -> str:
    """A share in per cent, for a formatter of matplotlib."""
    return plain(100 * value)


def plain(value: float, _: float = 0) -> str:
    """A number without an exponent, for a formatter of matplotlib."""
    return np.format_float_positional(value, precision=6, fractional=False, trim="-")


def _without_middle(line: str, kept: int) -> str:
    """A line of which so many signs are kept, half of them at each end."""
    if kept >= len(line):
        return line
    return f"{line[: kept - kept // 2]}…{line[len(line) - kept // 2 :]}"


@contextlib.contextmanager
def _missing_glyphs() -> Iterator[None]:
    """Let signs that the font lacks become boxes, without a warning."""
    with warnings.catch_warnings():
        for message in (
            "Glyph .* missing from",
            "Matplotlib currently does not support",
        ):
            warnings.filterwarnings("ignore", message, UserWarning)
        yield
