"""Checkpoints: everything that a training needs to go on as if it had not stopped."""

from __future__ import annotations

import json
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from kerascnn.errors import RunError
from kerascnn.machine.files import write_whole


@dataclass(kw_only=True)
class Progress:
    """How far a training has come.

    Attributes:
        losses: The mean loss of each step that is done, `(steps of the training,)`.
        correct: The images told right in each of these steps.
        step: Steps that are done, of all epochs together.
        seconds: Time taken by the steps of the epoch that is not finished.
        history: One row a finished epoch.
    """

    losses: npt.NDArray[np.float32]
    correct: npt.NDArray[np.int32]
    step: int = 0
    seconds: float = 0.0
    history: list[dict[str, Any]] = field(default_factory=list)

    @property
    def epoch(self) -> int:
        """Epochs that are finished."""
        return len(self.history)


def save_checkpoint(path: Path, model: keras.Model, progress: Progress) -> None:
    """Write weights, seeds, optimizer state and progress into one file.

    Raises:
        RunError: The file cannot be written.
    """
    state = {
        "step": progress.step,
        "seconds": progress.seconds,
        "history": progress.history,
    }
    arrays = {
        name: keras.ops.convert_to_numpy(variable)
        for name, variable in _variables(model).items()
    }
    arrays["losses"] = progress.losses
    arrays["correct"] = progress.correct
    arrays["state"] = np.frombuffer(json.dumps(state).encode(), np.uint8)
    write_whole(path, lambda file: np.savez(file, allow_pickle=False, **arrays))


def load_checkpoint(path: Path, model: keras.Model) -> Progress:
    """Put a checkpoint back into a model of the same layers and optimizer.

    Raises:
        RunError: The file cannot be read, or belongs to another model.
    """
    try:
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as arrays:
            for name, variable in _variables(model).items():
                variable.assign(arrays[name])
            return Progress(
                losses=arrays["losses"],
                correct=arrays["correct"],
                **json.loads(bytes(arrays["state"])),
            )
    except (OSError, KeyError, ValueError, TypeError, zipfile.BadZipFile) as error:
        raise RunError(
            f"Cannot go on from {path}: {error}. Train anew under another name."
        ) from error


def _variables(model: keras.Model) -> dict[str, keras.Variable]:
    """All that changes in training; the optimizer is built."""
    groups = {"model": model.variables, "optimizer": model.optimizer.variables}
    return {
        f"{group}_{index}": variable
        for group, variables in groups.items()
        for index, variable in enumerate(variables)
    }
