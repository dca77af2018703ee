"""The plans of a run that was given another number of epochs, and their rates.

A run is planned for some epochs. It may be continued with more, or stopped and given
more or fewer. Then the rest of it goes by another plan, and what is done stays.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kerascnn.errors import ConfigError, RunError, shown
from kerascnn.machine.records import read_record
from kerascnn.settings.schedules import learning_rates

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from kerascnn.settings.config import TrainSettings

# A plan is left by hand, and no run of ten thousand epochs by a hundred.
MAX_PLANS = 100


@dataclass(frozen=True, kw_only=True)
class FormerPlan:
    """A plan that was left for the one after it.

    Attributes:
        epochs: How many epochs there were to be.
        after_epoch: After which of them it was left, from 1.
        anew: Whether the optimizer's state and the schedule began anew then, as they do
            for a run that had finished; else the rest is as of a run that had always
            been planned so.
    """

    epochs: int
    after_epoch: int
    anew: bool


def began_anew(former: Sequence[FormerPlan]) -> int:
    """The epochs that were done when the optimizer last began anew; 0 at the start."""
    return max((plan.after_epoch for plan in former if plan.anew), default=0)


def planned_rates(
    settings: TrainSettings, former: Sequence[FormerPlan], steps_per_epoch: int
) -> npt.NDArray[np.float32]:
    """Work out the learning rate of every step.

    Args:
        settings: Of the last plan.
        former: The plans before it.
        steps_per_epoch: Steps of an epoch.

    Returns:
        Rates of shape `(epochs * steps_per_epoch,)`.
    """
    import numpy as np

    last = settings.epochs
    rates = np.empty(last * steps_per_epoch, np.float32)
    first = begin = 0
    for plan in (*former, FormerPlan(epochs=last, after_epoch=last, anew=False)):
        # There is no second warm-up, which added epochs may be too few for.
        warmup_epochs = 0.0 if begin else settings.warmup_epochs
        laid_out = learning_rates(
            settings.schedule,
            settings.learning_rate,
            num_steps=(plan.epochs - begin) * steps_per_epoch,
            warmup_steps=round(warmup_epochs * steps_per_epoch),
        )
        steps = slice(first * steps_per_epoch, plan.after_epoch * steps_per_epoch)
        offset = begin * steps_per_epoch
        rates[steps] = laid_out[steps.start - offset : steps.stop - offset]
        first = plan.after_epoch
        begin = first if plan.anew else begin
    return rates


def read_plans(value: object, epochs: int) -> tuple[FormerPlan, ...]:
    """Read what `dataclasses.asdict` gave of each plan.

    Args:
        value: A list of objects.
        epochs: Of the last plan.

    Raises:
        ConfigError: It is something else, or plans that cannot follow each other.
    """
    if not isinstance(value, list) or len(value) > MAX_PLANS:
        raise ConfigError(
            f"continued has to be a list of plans, but got {shown(value)}."
        )
    try:
        plans = tuple(read_record(FormerPlan, plan) for plan in value)
    except RunError as error:
        raise ConfigError(f"A plan in continued cannot be read: {error}") from error
    done = 0
    for plan in plans:
        fits = done <= plan.after_epoch <= min(plan.epochs, epochs)
        if not (fits and plan.after_epoch > 0 and isinstance(plan.anew, bool)):
            raise ConfigError(
                f"continued holds {shown(dataclasses.asdict(plan))}, which cannot be a "
                f"plan that was left after {done} epochs or more of {epochs}."
            )
        done = plan.after_epoch
    return plans


def plans_to_list(plans: Sequence[FormerPlan]) -> list[dict[str, Any]]:
    """Plain values of plans, as `read_plans` reads them."""
    return [dataclasses.asdict(plan) for plan in plans]
