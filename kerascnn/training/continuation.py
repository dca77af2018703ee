"""Give more epochs to a run that has finished.

A finished run keeps no state of its optimizer, which may be larger than the model. So
it begins anew from the weights of the model, and so does the schedule, which had ended.
What was measured of the run stays until the added epochs are done.
"""

from __future__ import annotations

import shutil
from dataclasses import replace

import numpy as np

from kerascnn.errors import RunError
from kerascnn.runs.folder import Run
from kerascnn.settings.config_file import ConfigFile
from kerascnn.training.network import restart_optimizer
from kerascnn.training.recorder import Recorder
from kerascnn.training.setup import TrainingSetup
from kerascnn.training.state import EpochRow, TrainingState
from kerascnn.training.validity import state_problem


def begin_continuation(run: Run, setup: TrainingSetup, plan: ConfigFile) -> str:
    """Write the checkpoint from which a finished run goes on.

    Args:
        run: The run, which this process holds.
        setup: The training by the new plan; its model takes the weights of the run's.
        plan: What the run is to do now; written last.

    Returns:
        What begins, in a line.

    Raises:
        RunError: The run cannot be read or written.
    """
    state = _finished_state(run, setup)
    settings, model = setup.settings, setup.model
    model.set_weights(run.load_model().get_weights())
    restart_optimizer(settings, model)
    shutil.rmtree(run.checkpoint_path, ignore_errors=True)
    recorder = Recorder(run, setup)
    best = state.best_epoch if settings.early_stop else None
    if best is not None:  # whose weights the model has
        steps = best * setup.batches.steps_per_epoch
        recorder.keep_epoch(
            model, replace(state, step=steps, history=state.history[:best])
        )
    recorder.checkpoint(model, state)
    Run(run.continuation_path.parent).write_text("config.json", plan.to_json())
    weights = f"epoch {best}" if best is not None else "its model"
    return (
        f"{run.path} has {state.epoch} epochs, and goes on to {settings.epochs} from "
        f"the weights of {weights}. {settings.optimizer} begins anew, since its state "
        f"was not kept, and so does the {settings.schedule} schedule: over the added "
        f"epochs, up to a rate of {settings.learning_rate:g}."
    )


def _finished_state(run: Run, setup: TrainingSetup) -> TrainingState:
    """The state of a training that has finished, from its histories.

    Raises:
        RunError: They are damaged, or not of this training.
    """
    history, steps = run.epochs, run.steps
    try:
        state = TrainingState.at_start(len(setup.rates))
        state.step = len(steps)
        state.losses[: state.step] = [row["loss"] for row in steps]
        images = setup.batches.batch_size
        state.correct[: state.step] = np.rint(
            [row["accuracy"] * images for row in steps]
        )
        state.history = [_epoch_row(row) for row in history]
        problem = state_problem(state, setup)
    except (KeyError, ValueError) as error:
        problem = f"a column or a row is missing ({error})"
    if not problem and state.step != state.epoch * setup.batches.steps_per_epoch:
        problem = f"{state.step:,} steps are not {state.epoch:,} epochs"
    if problem:
        raise RunError(
            f"Cannot go on with {run.path}: its history.csv and steps.csv do not fit: "
            f"{problem}. Put them back, or train anew."
        )
    return state


def _epoch_row(row: dict[str, float]) -> EpochRow:
    numbers: EpochRow = row | {"epoch": int(row["epoch"])}  # type: ignore[assignment]
    return numbers
