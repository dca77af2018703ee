"""Checkpoints: everything that a training needs to go on as if it had not stopped."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import keras
import numpy as np

from kerascnn.errors import RunError
from kerascnn.machine.files import write_whole
from kerascnn.training.state import TrainingState


def save_checkpoint(path: Path, model: keras.Model, state: TrainingState) -> None:
    """Write weights, seeds, the optimizer's and the training's state into one file.

    Raises:
        RunError: The file cannot be written.
    """
    numbers = {"step": state.step, "seconds": state.seconds, "history": state.history}
    arrays = {
        name: keras.ops.convert_to_numpy(variable)
        for name, variable in _variables(model).items()
    }
    arrays["losses"] = state.losses
    arrays["correct"] = state.correct
    arrays["state"] = np.frombuffer(json.dumps(numbers).encode(), np.uint8)
    write_whole(path, lambda file: np.savez(file, allow_pickle=False, **arrays))


def load_checkpoint(path: Path, model: keras.Model) -> TrainingState:
    """Put a checkpoint back into a model of the same layers and optimizer.

    Raises:
        RunError: The file cannot be read, or belongs to another model.
    """
    try:
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as arrays:
            for name, variable in _variables(model).items():
                variable.assign(arrays[name])
            return TrainingState(
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
