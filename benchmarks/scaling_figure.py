"""The figure of docs/scaling.md: machines for a training, workers for a comparison."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from scaling_grid import Grid, makespan, total
from scaling_model import LINKS, Work, last_gaining, speed_up

from kerascnn.drawing import (
    BLUE,
    GRAY,
    GREEN,
    ORANGE,
    PURPLE,
    VERMILION,
    Figure,
    plain,
    plain_log_axis,
)
from kerascnn.models import MODELS

COLORS = (BLUE, VERMILION, GREEN, PURPLE, ORANGE)


def plot_scaling(
    works: Mapping[str, Work], grid: Grid, link: str, workers: Sequence[int]
) -> Figure:
    """Plot the speed-up of each network over a link, and the comparison's hours."""
    figure = Figure(figsize=(10, 4.4), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(6, 5))
    _draw_networks(left, works, link)
    _draw_grid(right, grid, workers)
    for axes in (left, right):
        axes.grid(alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
    return figure


def _draw_networks(axes: Axes, works: Mapping[str, Work], link: str) -> None:
    most = max(work.batch_size for work in works.values())
    machines = range(1, most + 1)
    ends, top = [], 0.0
    for (name, work), color in zip(works.items(), COLORS, strict=True):
        speeds = [speed_up(work, count, LINKS[link]) for count in machines]
        stop = last_gaining(work, LINKS[link])
        axes.plot(machines, speeds, color=color, marker="o", markevery=[stop - 1])
        ends.append((speeds[-1], MODELS[name].title, color))
        top = max(top, 1.2 * max(speeds))
    height = -1.0
    for speed, title, color in sorted(ends):
        height = max(speed, height + top / 17)  # a line of text
        axes.text(1.1 * most, height, title, color=color, va="center")
    axes.plot(machines, machines, color=GRAY, linestyle=":")
    axes.text(1.1 * top, 0.96 * top, "n times with n machines", color=GRAY)
    axes.axhline(1, color=GRAY, linewidth=0.8)
    axes.set(xscale="log", xlim=(1, 4 * most), ylim=(0, top))
    axes.set(xlabel="Machines", ylabel="Times as fast as one machine")
    axes.set_title(f"One training, batches of {most} divided, {link}")
    plain_log_axis(axes.xaxis, plain, subs=(1, 2, 5))


def _draw_grid(axes: Axes, grid: Grid, workers: Sequence[int]) -> None:
    for networks, color, marker in (
        (grid.measured, BLUE, "o"),
        (grid.at_best, VERMILION, "s"),
    ):
        divided = [total(networks) / count / 3600 for count in workers]
        hours = [makespan(networks, count) / 3600 for count in workers]
        axes.plot(workers, divided, color=color, linestyle=":")
        axes.plot(workers, hours, color=color, marker=marker)
    axes.text(2.4, total(grid.measured) / 7200, "as measured", color=BLUE)
    axes.text(
        *(1, total(grid.at_best) / 3600 / 12, "each network\nat its best speed"),
        color=VERMILION,
    )
    axes.set(xscale="log", yscale="log", xlabel="Workers", ylabel="Hours")
    axes.set_ylim(bottom=0.4 * min(hours))
    axes.set_title("The comparison, a run at a time on each")
    plain_log_axis(axes.xaxis, plain, subs=(1,))
    plain_log_axis(axes.yaxis, plain, subs=(1, 2, 5))
