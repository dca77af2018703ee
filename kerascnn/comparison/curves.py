"""The course of a training over its steps: as it was, and as a moving mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from kerascnn.drawing import Rows

# A moving mean is over this part of an epoch, so that it has many windows of its own.
WINDOWS_PER_EPOCH = 20
# More points than this of a smooth line cannot be seen.
MAX_POINTS = 400

Floats = npt.NDArray[np.float64]
QUANTITIES = ("loss", "accuracy")


@dataclass(frozen=True)
class Course:
    """A run as it is drawn.

    Attributes:
        seed: Its seed.
        status: `"finished"`, `"diverged"` or `"failed"`.
        history: A row an epoch.
        raw: `epoch`, `loss` and `accuracy` of every step until the loss was no longer
            a finite number, `(steps,)`. An epoch of 1.5 is the middle of the second.
        smooth: The same as moving means, at `MAX_POINTS` steps or fewer.
    """

    seed: int
    status: str
    history: Rows
    raw: Mapping[str, Floats]
    smooth: Mapping[str, Floats]

    @property
    def is_finished(self) -> bool:
        """Whether it came to its end."""
        return self.status == "finished"


def follow(
    seed: int, status: str, history: Rows, steps: Rows, steps_per_epoch: int
) -> Course:
    """Make the course of a run from its files.

    Args:
        seed: Its seed.
        status: How it ended.
        history: A row an epoch.
        steps: A row a step, with `loss` and `accuracy`; may be empty.
        steps_per_epoch: Of a whole epoch.
    """
    values = {name: np.array([row[name] for row in steps]) for name in QUANTITIES}
    is_finite = np.isfinite(values["loss"])
    end = len(steps) if is_finite.all() else int(np.argmin(is_finite))
    epochs = np.arange(1, end + 1) / max(1, steps_per_epoch)
    raw = {"epoch": epochs} | {name: row[:end] for name, row in values.items()}
    shown = np.unique(np.linspace(0, end - 1, min(MAX_POINTS, end)).round().astype(int))
    half = round(steps_per_epoch / WINDOWS_PER_EPOCH / 2)
    smooth = {name: moving_mean(raw[name], half)[shown] for name in QUANTITIES}
    smooth["epoch"] = epochs[shown]
    return Course(seed, status, history, raw, smooth)


def moving_mean(values: Floats, half: int) -> Floats:
    """Average each of some values with up to `half` on either side.

    At the beginning, where training changes fast, there are as many on the right as
    there are on the left; at the end there are fewer on the right.

    Args:
        values: `(number,)`.
        half: How many on a side, at least 0.
    """
    sums = np.concatenate([[0.0], np.cumsum(values)])
    index = np.arange(len(values))
    left = np.minimum(index, half)
    right = np.minimum(left, len(values) - 1 - index)
    mean: Floats = (sums[index + right + 1] - sums[index - left]) / (left + right + 1)
    return mean


def steps_per_epoch(runs: Sequence[Rows]) -> int:
    """How many steps a whole epoch has: a run that diverged in its first has fewer.

    Args:
        runs: The steps of runs of one network, a row a step with its `epoch`.
    """
    return max((sum(row["epoch"] == 1 for row in steps) for steps in runs), default=0)
