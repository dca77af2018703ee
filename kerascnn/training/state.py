"""How far a training has come: all of it that is not the model's."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Required, TypedDict

import numpy as np
import numpy.typing as npt


class ValidationRow(TypedDict, total=False):
    """What is measured on the images held out; empty where there are none."""

    validation_loss: float
    validation_accuracy: float


class EpochRow(ValidationRow):
    """A row of `history.csv`."""

    epoch: Required[int]
    loss: Required[float]
    accuracy: Required[float]
    learning_rate: Required[float]
    seconds: Required[float]
    images_per_second: Required[float]


@dataclass(kw_only=True)
class TrainingState:
    """How far a training has come.

    Attributes:
        losses: The mean loss of each step that is done, `(steps of the training,)`.
        correct: Correct predictions in each of these steps, before its update.
        step: Steps that are done, of all epochs together.
        seconds: Time taken by the steps of the epoch that is not finished.
        history: One row a finished epoch.
    """

    losses: npt.NDArray[np.float32]
    correct: npt.NDArray[np.int32]
    step: int = 0
    seconds: float = 0.0
    history: list[EpochRow] = field(default_factory=list)

    @classmethod
    def at_start(cls, num_steps: int) -> TrainingState:
        """The state of a training of so many steps before its first."""
        return cls(
            losses=np.zeros(num_steps, np.float32),
            correct=np.zeros(num_steps, np.int32),
        )

    @property
    def epoch(self) -> int:
        """Epochs that are finished."""
        return len(self.history)

    @property
    def best_epoch(self) -> int | None:
        """The first epoch, from 1, of the lowest validation loss, if there is one."""
        validated = [row for row in self.history if "validation_loss" in row]
        if not validated:
            return None
        return min(validated, key=lambda row: row["validation_loss"])["epoch"]

    def has_stalled(self, patience: int | None, since: int = 0) -> bool:
        """Whether the validation loss was lower before the last `patience` epochs.

        Args:
            patience: Epochs; never stalled where `None`.
            since: The epochs, if any, before those whose turn it is to be better.
        """
        best = self.best_epoch
        if patience is None or best is None:
            return False
        return self.epoch - max(best, since) >= patience
