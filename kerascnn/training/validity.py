"""Whether the state of a training, read from a file, can be one of that training."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from kerascnn.errors import shown

if TYPE_CHECKING:
    from kerascnn.training.setup import TrainingSetup
    from kerascnn.training.state import TrainingState

NUMBERS = (
    *("loss", "accuracy", "learning_rate", "seconds", "images_per_second"),
    *("validation_loss", "validation_accuracy"),
)
# No loss in 32 bits is larger; a sum or a quotient of such numbers is finite.
LARGEST = 1e39


def state_problem(state: TrainingState, setup: TrainingSetup) -> str:
    """Why a state cannot be one of a training; empty where it can.

    Args:
        state: Its arrays have the shapes and kinds of the training's; the rest may be
            anything that JSON gives.
        setup: The training.
    """
    batches, total = setup.batches, len(setup.rates)
    if not isinstance(state.history, list):
        return "its history is no list"
    if not _is_whole(state.step) or not 0 <= state.step <= total:
        return f"its step has to be a whole number from 0 to {total:,}"
    done = state.step - state.epoch * batches.steps_per_epoch
    if not 0 <= done <= batches.steps_per_epoch:
        return f"after {state.step:,} steps there cannot be {state.epoch:,} epochs"
    if not _is_number(state.seconds, 0) or (done and state.seconds < 1e-9):
        return "its seconds have to be a number above 0"
    if not np.isfinite(state.losses).all():
        return "a loss is not finite"
    correct = state.correct
    if correct.min() < 0 or correct.max() > batches.batch_size:
        return f"of {batches.batch_size} images of a batch, others are correct"
    for index, row in enumerate(state.history):
        problem = _row_problem(row, index, state, setup)
        if problem:
            return f"row {index + 1} of its history: {problem}"
    return ""


def _row_problem(
    row: Any, index: int, state: TrainingState, setup: TrainingSetup
) -> str:
    """Why a row cannot be that of an epoch, counted from 0; empty where it can."""
    names = [
        name
        for name in NUMBERS
        if len(setup.validation) or not name.startswith("validation")
    ]
    if not isinstance(row, dict) or set(row) != {"epoch", *names}:
        return f"it has to hold epoch, {', '.join(names)}"
    if not _is_whole(row["epoch"]) or row["epoch"] != index + 1:
        return f"its epoch has to be {index + 1}"
    for name in names:
        if not _is_number(row[name], 0, 1 if name.endswith("accuracy") else LARGEST):
            return f"{name} cannot be {shown(row[name])}"
    per_epoch = setup.batches.steps_per_epoch
    part = slice(index * per_epoch, (index + 1) * per_epoch)
    for name, value in (
        ("loss", state.losses[part].mean(dtype=np.float64)),
        ("accuracy", state.correct[part].sum() / setup.images_per_epoch),
        ("learning_rate", setup.rates[part][-1]),
    ):
        if not math.isclose(row[name], value, rel_tol=1e-4, abs_tol=1e-9):
            return f"{name} is {row[name]:g}, but by its steps {value:g}"
    return ""


def _is_whole(value: object) -> bool:
    return type(value) is int


def _is_number(value: object, smallest: float, largest: float = LARGEST) -> bool:
    return type(value) in (int, float) and smallest <= value <= largest  # type: ignore[operator]
