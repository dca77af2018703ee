"""Checkpoints: everything that a training needs to go on as if it had not stopped.

A checkpoint is an `.npz` archive: `state`, JSON as bytes, tells of what training it is
and how far it had come; `losses` and `correct` are the arrays of its `TrainingState`;
the others are the variables of network and optimizer, by name. Nothing of it is used
before all of it was checked.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import ZipFile

import keras
import numpy as np
import numpy.typing as npt

from kerascnn.errors import RunError
from kerascnn.machine.archives import open_archive
from kerascnn.machine.arrays import ArrayHeader, read_header, read_values
from kerascnn.machine.content import MAX_MODEL_BYTES, parse_json
from kerascnn.machine.files import write_whole
from kerascnn.models.layers import all_layers
from kerascnn.settings.config import EPOCHS
from kerascnn.training.origin import changed_settings, describe_origin
from kerascnn.training.state import TrainingState
from kerascnn.training.validity import state_problem

if TYPE_CHECKING:
    from kerascnn.training.setup import TrainingSetup

SCHEMA = 2
PARTS = {"schema", "settings", "device", "replicas", "step", "seconds", "history"}
# The most that a checkpoint takes of which only the JSON is read.
MAX_PEEK_BYTES = 4 * MAX_MODEL_BYTES
# The most that the JSON takes, and what goes before and between the arrays.
STATE_BYTES, EPOCH_BYTES, MEMBER_BYTES = 100_000, 1_000, 2_000

Arrays = Mapping[str, npt.NDArray[Any]]


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint that was found to be one of a training.

    Attributes:
        state: How far it had come.
        values: The values of all variables, by the names of `named_variables`.
    """

    state: TrainingState
    values: Arrays

    def assign_to(self, model: keras.Model) -> None:
        """Put the values into the training's network and optimizer."""
        for name, variable in named_variables(model).items():
            variable.assign(self.values[name])


def save_checkpoint(
    path: Path, model: keras.Model, state: TrainingState, origin: Mapping[str, Any]
) -> None:
    """Write weights, seeds, the optimizer's and the training's state into one file.

    Args:
        path: The file.
        model: The network, compiled; its optimizer is built.
        state: How far the training has come.
        origin: What `describe_origin` says of it.

    Raises:
        RunError: The file cannot be written.
    """
    document = {
        "schema": SCHEMA,
        **origin,
        "step": state.step,
        "seconds": state.seconds,
        "history": state.history,
    }
    variables = named_variables(model)
    arrays: dict[str, Any] = {name: _Copy(value) for name, value in variables.items()}
    arrays["losses"] = state.losses
    arrays["correct"] = state.correct
    arrays["state"] = np.frombuffer(json.dumps(document).encode(), np.uint8)
    write_whole(path, lambda file: np.savez(file, allow_pickle=False, **arrays))


class _Copy:
    """A variable that is copied when NumPy writes it: one at a time is in memory."""

    def __init__(self, variable: keras.Variable) -> None:
        self.variable = variable

    def __array__(
        self, dtype: npt.DTypeLike | None = None, copy: bool | None = None
    ) -> npt.NDArray[Any]:
        values: npt.NDArray[Any] = keras.ops.convert_to_numpy(self.variable)
        return values


def read_checkpoint(path: Path, setup: TrainingSetup) -> Checkpoint:
    """Read a checkpoint, and check all of it; the network stays as it is.

    Raises:
        RunError: The file cannot be read, or belongs to another training.
    """
    try:
        return _read(path, setup)
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from error


def epochs_begun(path: Path) -> int:
    """The epochs that a checkpoint is in or behind, from its own word; 0 without one.

    Raises:
        RunError: The file cannot be read.
    """
    if not os.path.lexists(path):
        return 0
    try:
        with open_archive(path, MAX_PEEK_BYTES) as archive:
            document = _read_document(
                archive, STATE_BYTES + EPOCH_BYTES * int(EPOCHS.high)
            )
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from error
    history, seconds = document["history"], document["seconds"]
    return len(history) + bool(seconds) if isinstance(history, list) else 0


def named_variables(model: keras.Model) -> dict[str, keras.Variable]:
    """All that changes in training, by name: `fc1_dense/kernel`, `optimizer/iteration`.

    The names do not depend on the order of layers and variables; some optimizers give
    several variables one name, which then are numbered.
    """
    variables = [
        (f"{layer.name}/{variable.name}", variable)
        for layer in all_layers(model)
        for variable in layer.variables
    ]
    variables += [
        (f"optimizer/{variable.name}", variable)
        for variable in model.optimizer.variables
    ]
    seen: Counter[str] = Counter()
    named = {}
    for name, variable in variables:
        seen[name] += 1
        named[name if seen[name] == 1 else f"{name}-{seen[name]}"] = variable
    return named


def _unreadable(path: Path, error: Exception) -> RunError:
    return RunError(
        f"Cannot go on from {path}: {error}. Train anew under another name."
    )


def _read(path: Path, setup: TrainingSetup) -> Checkpoint:
    most = max(setup.settings.epochs, *(plan.epochs for plan in setup.former), 0)
    expected = _expected(setup, most)
    state_bytes = STATE_BYTES + EPOCH_BYTES * most
    numbers = sum(header.size_bytes for header in expected.values())
    max_bytes = numbers + MEMBER_BYTES * (len(expected) + 1) + state_bytes
    with open_archive(path, max_bytes) as archive:
        document = _read_document(archive, state_bytes)
        epochs = _planned_epochs(document, setup)
        _check_origin(path, document, setup)
        values = _read_arrays(archive, _expected(setup, epochs))
    steps = len(setup.rates)
    state = TrainingState(
        losses=_of_length(values.pop("losses"), steps),
        correct=_of_length(values.pop("correct"), steps),
        step=document["step"],
        seconds=document["seconds"],
        history=document["history"],
    )
    problem = state_problem(state, setup)
    if problem:
        raise ValueError(problem)
    _check_values(values, state.step, setup)
    return Checkpoint(state, values)


def _planned_epochs(document: dict[str, Any], setup: TrainingSetup) -> int:
    """The epochs that there were to be when a checkpoint was written.

    It goes on by the plan of now where that came after it.
    """
    settings = document["settings"]
    if settings.get("epochs") in {plan.epochs for plan in setup.former}:
        epochs = int(settings["epochs"])
        settings["epochs"] = setup.settings.epochs
        return epochs
    return setup.settings.epochs


def _of_length(values: npt.NDArray[Any], length: int) -> npt.NDArray[Any]:
    """A copy that is cut, or filled up with zeros."""
    copy = np.zeros(length, values.dtype)
    copy[: len(values)] = values[:length]
    return copy


def _expected(setup: TrainingSetup, epochs: int) -> dict[str, ArrayHeader]:
    """The headers of all arrays in a checkpoint of so many epochs, by name."""
    variables = {
        name: ArrayHeader(np.dtype(variable.dtype).str, tuple(variable.shape))
        for name, variable in named_variables(setup.model).items()
    }
    steps = (epochs * setup.batches.steps_per_epoch,)
    return variables | {
        "losses": ArrayHeader("<f4", steps),
        "correct": ArrayHeader("<i4", steps),
    }


def _read_document(archive: ZipFile, max_bytes: int) -> dict[str, Any]:
    """What a checkpoint says of itself."""
    names = archive.namelist()
    if "model_0.npy" in names:
        raise ValueError(
            "kerascnn 0.1 wrote it, which did not keep what it is of; kerascnn 0.1 can "
            "go on with it"
        )
    if "state.npy" not in names:
        raise ValueError("it is no checkpoint")
    with archive.open("state.npy") as member:
        header = read_header(member)
        if header.dtype != "|u1" or len(header.shape) != 1:
            raise ValueError("its state is no JSON")
        if header.size_bytes > max_bytes:
            raise ValueError("its state is too large")
        document = parse_json(read_values(member, header).tobytes())
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        raise ValueError(f"it is no checkpoint of schema {SCHEMA}")
    if set(document) != PARTS or not isinstance(document["settings"], dict):
        raise ValueError(f"its state has to hold {', '.join(sorted(PARTS))}")
    return document


def _check_origin(path: Path, document: dict[str, Any], setup: TrainingSetup) -> None:
    """Refuse a checkpoint of other settings or devices, and say which."""
    now = describe_origin(setup)
    changed = changed_settings(document["settings"], now["settings"])
    if changed:
        raise RunError(
            f"Cannot go on from {path}: its settings were changed: "
            f"{'; '.join(changed)}. Put config.json back, or train anew with --config."
        )
    if document["device"] != now["device"]:
        raise RunError(
            f"Cannot go on from {path}: it was computed on {document['device']!r:.20}, "
            f"but here on {now['device']!r}. Go on on such devices, or train anew with "
            "--config."
        )


def _read_arrays(
    archive: ZipFile, expected: Mapping[str, ArrayHeader]
) -> dict[str, npt.NDArray[Any]]:
    """Read all arrays but the JSON, each after its header was found to be right."""
    found = {name.removesuffix(".npy") for name in archive.namelist()} - {"state"}
    for words, names in (
        ("it holds no", expected.keys() - found),
        ("the training has no", found - expected.keys()),
    ):
        if names:
            raise ValueError(f"{words} {min(names)!r:.80}")
    values = {}
    for name, want in expected.items():
        with archive.open(f"{name}.npy") as member:
            header = read_header(member)
            if header != want:
                raise ValueError(
                    f"{name} has shape {header.shape} and type {header.dtype}, but "
                    f"{want.shape} and {want.dtype} in the training"
                )
            values[name] = read_values(member, header)
    return values


def _check_values(values: Arrays, step: int, setup: TrainingSetup) -> None:
    """Refuse numbers that no training comes to.

    Raises:
        ValueError: With the name of the variable.
    """
    for name, array in values.items():
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise ValueError(f"{name} holds numbers that are not finite")
    updates = values["optimizer/iteration"]
    # What was kept of an epoch before the optimizer began anew has its first state.
    due = max(0, step - setup.began_anew * setup.batches.steps_per_epoch)
    # In 16 bits, updates that overflow are left out.
    scales = isinstance(setup.model.optimizer, keras.optimizers.LossScaleOptimizer)
    if not (updates == due or (scales and 0 <= updates <= due)):
        raise ValueError(f"after {updates} updates there cannot be {step:,} steps")
