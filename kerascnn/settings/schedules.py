"""Learning rate schedules: the rate of every step, worked out before the first one."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from kerascnn.registry import known_name

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


def constant(progress: float) -> float:
    """Keep the rate as it is."""
    return 1.0


def cosine(progress: float) -> float:
    """Fall to zero along half a cosine (Loshchilov and Hutter, 2017)."""
    return 0.5 * (1 + math.cos(math.pi * progress))


def one_cycle(progress: float) -> float:
    """Rise from a 25th for three tenths of the time, then fall to nearly nothing.

    The shape of Smith and Topin (2019) with a cosine descent; the momentum stays.
    """
    rise, start, end = 0.3, 1 / 25, 1e-4
    if progress < rise:
        return start + (1 - start) * progress / rise
    return end + (1 - end) * cosine((progress - rise) / (1 - rise))


def step(progress: float) -> float:
    """Divide by ten at half of the time, and again at three quarters."""
    return 1.0 if progress < 0.5 else 0.1 if progress < 0.75 else 0.01


# A schedule gives the factor of the learning rate at a progress in [0, 1).
SCHEDULES: Mapping[str, Callable[[float], float]] = {
    "constant": constant,
    "cosine": cosine,
    "one-cycle": one_cycle,
    "step": step,
}


def learning_rates(
    schedule: str, learning_rate: float, *, num_steps: int, warmup_steps: int = 0
) -> npt.NDArray[np.float32]:
    """Work out the learning rate of every step.

    Args:
        schedule: A name of `SCHEDULES`.
        learning_rate: The highest rate.
        num_steps: Steps of the whole training.
        warmup_steps: Steps at the start, before the schedule's own, in which the rate
            rises in equal parts to where the schedule starts.

    Returns:
        Rates of shape `(num_steps,)`.

    Raises:
        UnknownNameError: A schedule that does not exist.
    """
    import numpy as np

    factor = SCHEDULES[known_name("schedule", schedule, SCHEDULES)]
    rates = np.empty(num_steps, np.float32)
    for index in range(num_steps):
        after = index - warmup_steps
        if after < 0:
            scale = factor(0.0) * (index + 1) / (warmup_steps + 1)
        else:
            scale = factor(after / (num_steps - warmup_steps))
        rates[index] = learning_rate * scale
    return rates
