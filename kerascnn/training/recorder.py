"""What a training writes into its run, and reads from it to go on.

The loop computes and a recorder writes: of many processes that train one network, one
does so, and the others have an onlooker.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from kerascnn.drawing import save_figure
from kerascnn.errors import RunError
from kerascnn.machine.files import place, whole_file
from kerascnn.runs.card import write_card
from kerascnn.runs.folder import Run
from kerascnn.runs.metrics import RunMetrics
from kerascnn.runs.plan import is_continuing, read_plan
from kerascnn.training.checkpoint import Checkpoint, read_checkpoint, save_checkpoint
from kerascnn.training.figure import plot_curves
from kerascnn.training.origin import describe_origin
from kerascnn.training.setup import TrainingSetup
from kerascnn.training.state import EpochRow, TrainingState


class Recorder:
    """Writes a run; every file is whole or absent.

    Args:
        run: The run, which this process holds.
        setup: Its training.
    """

    def __init__(self, run: Run, setup: TrainingSetup) -> None:
        self.run = run
        self.setup = setup
        self.continuing = is_continuing(run)
        # What a continued run has stays, until all that takes its place is there.
        self._epochs_run = Run(run.checkpoint_path) if self.continuing else run

    def restore(self, model: keras.Model) -> TrainingState | None:
        """Put the newest checkpoint into the model.

        Returns:
            How far the training had come; `None` where there is no checkpoint.

        Raises:
            RunError: A file cannot be read, or belongs to another training. The model
                stays as it was.
        """
        if not os.path.lexists(self._state_path):
            return None
        checkpoint = read_checkpoint(self._state_path, self.setup)
        state = checkpoint.state
        best = state.best_epoch if self.setup.settings.early_stop else None
        # It is needed at the end, and what is wrong with it is told hours before.
        if best and self._kept(best).state.history != state.history[:best]:
            raise RunError(
                f"Cannot go on from {self._state_path}: the weights kept beside it are "
                "of another training. Train anew under another name."
            )
        checkpoint.assign_to(model)
        return state

    def checkpoint(self, model: keras.Model, state: TrainingState) -> None:
        """Write all that the training needs to go on from here.

        What was kept of an epoch is written before the checkpoint that needs it, and
        removed after the last one that does: the process may end anywhere between.
        """
        save_checkpoint(self._state_path, model, state, describe_origin(self.setup))
        needed = self._epoch_path(state.best_epoch or 0)
        for path in self.run.checkpoint_path.glob("*best-*.npz"):
            if path != needed:
                path.unlink(missing_ok=True)

    def keep_epoch(self, model: keras.Model, state: TrainingState) -> None:
        """Keep the weights of the epoch that has ended, to be taken at the end."""
        path = self._epoch_path(state.epoch)
        save_checkpoint(path, model, state, describe_origin(self.setup))

    def restore_epoch(self, model: keras.Model, epoch: int) -> None:
        """Put the weights kept after an epoch, counted from 1, into the model."""
        self._kept(epoch).assign_to(model)

    def write_history(self, state: TrainingState) -> None:
        """Write `history.csv`, a row an epoch, and `steps.csv`, a row a step done."""
        self._epochs_run.write_csv("history.csv", state.history)
        batches = self.setup.batches
        rows = [
            {
                "step": step + 1,
                "epoch": step // batches.steps_per_epoch + 1,
                "loss": f"{state.losses[step]:.6g}",
                "accuracy": f"{state.correct[step] / batches.batch_size:.6g}",
                "learning_rate": f"{self.setup.rates[step]:.6g}",
            }
            for step in range(state.step)
        ]
        self._epochs_run.write_csv("steps.csv", rows)

    def write_tensorboard(self, row: EpochRow) -> None:
        """Write the row of an epoch for TensorBoard, under `tensorboard/`."""
        folder = str(self.run.path / "tensorboard")
        with tf.summary.create_file_writer(folder).as_default():
            for name, value in row.items():
                if name != "epoch":
                    tf.summary.scalar(name, value, step=row["epoch"])

    def write_predictions(self, classes: npt.NDArray[np.integer]) -> None:
        """Write the predicted class of each test image, `(number,)`."""
        self.run.write_predictions(classes)

    def finish(self, model: keras.Model, metrics: RunMetrics) -> None:
        """Write model, figure, card and metrics of a training that is done.

        Args:
            model: What is saved: of Keras's own layers, without an optimizer's state.
            metrics: What it came to; written last of the files.
        """
        if self.continuing:
            for name in ("history.csv", "steps.csv"):
                place(self.run.checkpoint_path / name, self.run.path / name)
            self.run.write_text("config.json", read_plan(self.run).to_json())
        with whole_file(self.run.model_path) as beside:
            model.save(beside)
        figure = plot_curves(self.run.epochs, self.run.steps, title=self.run.name)
        save_figure(figure, self.run.figures_path / "curves.png")
        write_card(self.run, metrics)
        self._end(metrics)

    def diverge(self, state: TrainingState, metrics: RunMetrics) -> None:
        """Write what there is of a training whose loss is no finite number.

        A run that was continued stays as it had finished.
        """
        self.write_history(state)
        self._end(None if self.continuing else metrics)

    def _end(self, metrics: RunMetrics | None) -> None:
        if metrics is not None:
            self.run.write_json("metrics.json", metrics.to_dict())
        self.run.continuation_path.unlink(missing_ok=True)
        shutil.rmtree(self.run.checkpoint_path, ignore_errors=True)

    def _kept(self, epoch: int) -> Checkpoint:
        """What was kept after an epoch, counted from 1."""
        path = self._epoch_path(epoch)
        checkpoint = read_checkpoint(path, self.setup)
        if checkpoint.state.epoch != epoch or checkpoint.state.seconds:
            raise RunError(
                f"Cannot go on from {path}: it is not of the end of epoch {epoch}. "
                "Train anew under another name."
            )
        return checkpoint

    @property
    def _state_path(self) -> Path:
        return self.run.checkpoint_path / "state.npz"

    def _epoch_path(self, epoch: int) -> Path:
        return self.run.checkpoint_path / f"best-{epoch}.npz"


class Onlooker(Recorder):
    """In the place of a recorder, of a worker that is not the chief: writes nothing.

    Args:
        run: Where the chief writes; there need be no such folder here.
        setup: The training.
    """

    def __init__(self, run: Run, setup: TrainingSetup) -> None:
        self.run = run
        self.setup = setup
        self.continuing = False

    def restore(self, model: keras.Model) -> None:
        """Leave the model to what the chief restores."""

    def checkpoint(self, model: keras.Model, state: TrainingState) -> None:
        """Write nothing."""

    def keep_epoch(self, model: keras.Model, state: TrainingState) -> None:
        """Write nothing."""

    def write_history(self, state: TrainingState) -> None:
        """Write nothing."""

    def write_tensorboard(self, row: EpochRow) -> None:
        """Write nothing."""

    def diverge(self, state: TrainingState, metrics: RunMetrics) -> None:
        """Write nothing."""
