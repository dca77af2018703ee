"""What a training writes into its run, and reads from it to go on.

The loop computes and a recorder writes: of many processes that train one network, one
will do so.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from kerascnn.drawing import save_figure
from kerascnn.errors import RunError
from kerascnn.machine.files import whole_file
from kerascnn.runs.card import write_card
from kerascnn.runs.folder import Run
from kerascnn.runs.metrics import RunMetrics
from kerascnn.training.batches import BatchSource
from kerascnn.training.checkpoint import load_checkpoint, save_checkpoint
from kerascnn.training.figure import plot_curves
from kerascnn.training.state import EpochRow, TrainingState


class Recorder:
    """Writes a run; every file is whole or absent.

    Args:
        run: The run, which this process holds.
        rates: The learning rate of every step of the training.
        batches: Where its images come from.
    """

    def __init__(
        self, run: Run, rates: npt.NDArray[np.float32], batches: BatchSource
    ) -> None:
        self.run = run
        self.rates = rates
        self.batches = batches

    def restore(self, model: keras.Model) -> TrainingState | None:
        """Put the newest checkpoint into the model.

        Returns:
            How far the training had come; `None` where there is no checkpoint.

        Raises:
            RunError: It cannot be read, or belongs to other settings.
        """
        if not self._state_path.exists():
            return None
        state = load_checkpoint(self._state_path, model)
        if len(state.losses) != len(self.rates):
            raise RunError(
                f"Cannot go on with {self.run.path}: its settings were changed. Put "
                "config.json back, or train anew with --config."
            )
        return state

    def checkpoint(self, model: keras.Model, state: TrainingState) -> None:
        """Write all that the training needs to go on from here."""
        save_checkpoint(self._state_path, model, state)

    def keep_epoch(self, model: keras.Model, state: TrainingState) -> None:
        """Keep the weights of the epoch that has ended, to be taken at the end."""
        save_checkpoint(self._epoch_path(state.epoch), model, state)

    def restore_epoch(self, model: keras.Model, epoch: int) -> None:
        """Put the weights kept after an epoch, counted from 1, into the model."""
        load_checkpoint(self._epoch_path(epoch), model)

    def write_history(self, state: TrainingState) -> None:
        """Write `history.csv`, a row an epoch, and `steps.csv`, a row a step done."""
        self.run.write_csv("history.csv", state.history)
        batches = self.batches
        rows = [
            {
                "step": step + 1,
                "epoch": step // batches.steps_per_epoch + 1,
                "loss": f"{state.losses[step]:.6g}",
                "accuracy": f"{state.correct[step] / batches.batch_size:.6g}",
                "learning_rate": f"{self.rates[step]:.6g}",
            }
            for step in range(state.step)
        ]
        self.run.write_csv("steps.csv", rows)

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
        with whole_file(self.run.model_path) as beside:
            model.save(beside)
        figure = plot_curves(self.run.epochs, self.run.steps, title=self.run.name)
        save_figure(figure, self.run.figures_path / "curves.png")
        write_card(self.run, metrics)
        self._end(metrics)

    def diverge(self, state: TrainingState, metrics: RunMetrics) -> None:
        """Write what there is of a training whose loss is no finite number."""
        self.write_history(state)
        self._end(metrics)

    def _end(self, metrics: RunMetrics) -> None:
        self.run.write_json("metrics.json", metrics.to_dict())
        shutil.rmtree(self.run.checkpoint_path, ignore_errors=True)

    @property
    def _state_path(self) -> Path:
        return self.run.checkpoint_path / "state.npz"

    def _epoch_path(self, epoch: int) -> Path:
        return self.run.checkpoint_path / f"best-{epoch}.npz"
