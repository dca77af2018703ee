"""Comparisons of optimizers, and what each network may spend in one: `PRESETS`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

DEFAULT_FOLDER = Path("comparison")


@dataclass(frozen=True, kw_only=True)
class Budget:
    """What a network may spend for each of its optimizers.

    Attributes:
        epochs: Passes over the training images in a final run.
        limit: Training images of a final run; all where `None`.
        validation_fraction: Part of the training images held out to choose on.
        seeds: Final runs, with the seeds from 1 on.
        trials: Learning rates to begin the tuning with.
        tuning_epochs: Passes over the training images in a tuning run.
        tuning_limit: Training images of a tuning run; all where `None`.
    """

    epochs: int
    limit: int | None = None
    validation_fraction: float = 0.1
    seeds: int = 8
    trials: int = 3
    tuning_epochs: int = 1
    tuning_limit: int | None = None


@dataclass(frozen=True, kw_only=True)
class Preset:
    """Budgets of a comparison.

    Attributes:
        summary: One line for `--help`.
        default: The budget of a network that has none of its own.
        budgets: By network.
        is_rehearsal: Whether it shows how a comparison goes, and decides nothing.
    """

    summary: str
    default: Budget
    budgets: Mapping[str, Budget] = field(default_factory=dict)
    is_rehearsal: bool = False

    def budget(self, model: str) -> Budget:
        """What a network may spend."""
        return self.budgets.get(model, self.default)


def _rehearsal(limit: int, *, epochs: int = 1, seeds: int = 2) -> Budget:
    return Budget(
        epochs=epochs,
        limit=limit,
        validation_fraction=0.02,
        seeds=seeds,
        tuning_epochs=epochs,
        tuning_limit=limit,
    )


PRESETS: Mapping[str, Preset] = {
    "quick": Preset(
        summary="a rehearsal of minutes, which decides nothing",
        default=_rehearsal(1_920),
        budgets={
            "lenet": _rehearsal(5_000, epochs=2, seeds=3),
            "alexnet": _rehearsal(1_280),
            "vgg16": _rehearsal(640),
        },
        is_rehearsal=True,
    ),
    # Every network is trained to over 90% on all images. Eight seeds are the fewest
    # with which a sign-flip test corrected for five networks can decide: 5 * 2/2**8 is
    # below 0.05. Most of the time goes to the final runs.
    "full": Preset(
        summary="ten hours for all five networks on two cores",
        default=Budget(epochs=2),
        budgets={
            "lenet": Budget(epochs=10, trials=5, tuning_epochs=10),
            "resnet18": Budget(epochs=3),
            "vgg16": Budget(epochs=1, tuning_limit=20_000),
        },
    ),
}
