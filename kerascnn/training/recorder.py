"""What a training writes down of its epochs and its steps."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from kerascnn.runs.folder import Run
from kerascnn.training.checkpoint import Progress


def write_history(
    run: Run,
    progress: Progress,
    rates: npt.NDArray[np.float32],
    *,
    steps_per_epoch: int,
    batch_size: int,
) -> None:
    """Write `history.csv`, a row an epoch, and `steps.csv`, a row a step done.

    Args:
        run: Where to.
        progress: How far the training has come.
        rates: The learning rate of every step.
        steps_per_epoch: Steps of an epoch.
        batch_size: Images of a step.
    """
    run.write_csv("history.csv", progress.history)
    rows = [
        {
            "step": step + 1,
            "epoch": step // steps_per_epoch + 1,
            "loss": f"{progress.losses[step]:.6g}",
            "accuracy": f"{progress.correct[step] / batch_size:.6g}",
            "learning_rate": f"{rates[step]:.6g}",
        }
        for step in range(progress.step)
    ]
    run.write_csv("steps.csv", rows)


def write_tensorboard(run: Run, row: dict[str, Any]) -> None:
    """Write the row of an epoch for TensorBoard, under `tensorboard/`."""
    with tf.summary.create_file_writer(str(run.path / "tensorboard")).as_default():
        for name, value in row.items():
            if name != "epoch":
                tf.summary.scalar(name, value, step=row["epoch"])


def best_epoch(history: list[dict[str, Any]]) -> int:
    """The epoch, from 1, with the lowest validation loss; 0 where there is none."""
    return min(history, key=lambda row: row["validation_loss"], default={"epoch": 0})[
        "epoch"
    ]
