"""The loop of a training: steps, checkpoints between them, the end of each epoch."""

from __future__ import annotations

import hashlib
import itertools
import time

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from kerascnn.errors import TrainingInterruptedError
from kerascnn.machine.pace import Pace
from kerascnn.machine.reporter import Reporter
from kerascnn.machine.signals import remembered_signals
from kerascnn.machine.text import command_line
from kerascnn.settings.config import MAX_STEPS
from kerascnn.training.ending import diverged_error, measure_validation
from kerascnn.training.network import averaged_weights
from kerascnn.training.recorder import Recorder
from kerascnn.training.setup import TrainingSetup
from kerascnn.training.state import EpochRow, TrainingState

# A call into the graph takes about so long: often enough for a live line and Ctrl-C,
# seldom enough to cost nothing.
CALL_SECONDS = 0.4
# Epochs that take less together are written down together.
SECONDS_UNWRITTEN = 2.0


class TrainingLoop:
    """Trains from a state to the last epoch, or until the validation loss stalls.

    Args:
        setup: What to compute.
        recorder: Writes it down.
        reporter: Told how it goes.
    """

    def __init__(
        self, setup: TrainingSetup, recorder: Recorder, reporter: Reporter
    ) -> None:
        self.setup = setup
        self.settings = setup.settings
        self.recorder = recorder
        self.reporter = reporter
        self.pace = Pace()
        self.ending_seconds = 0.0
        self.written = time.monotonic()

    def run(self, state: TrainingState) -> None:
        """Train on; the state changes with it.

        Raises:
            DivergedError: The loss or the weights were no longer finite numbers.
            TrainingInterruptedError: A signal came; a checkpoint is written.
            RunError: The run cannot be written.
        """
        self.reporter.stage("compiling the first step")
        with remembered_signals() as signals:
            while not self._is_over(state):
                self._train_epoch(state, signals)
                self._finish_epoch(state)
                signal, _ = self._agreed(signals)
                if signal:
                    self._write(state)
                    raise self._interrupted(state, signal)

    def _train_epoch(self, state: TrainingState, signals: list[int]) -> None:
        """Do the steps of an epoch that are not done yet."""
        setup, recorder = self.setup, self.recorder
        begin = state.epoch * setup.batches.steps_per_epoch
        end = begin + setup.batches.steps_per_epoch
        saved, saved_step = time.monotonic(), state.step
        most = self.settings.checkpoint_steps or MAX_STEPS
        count = 1
        while state.step < end:
            started = time.monotonic()
            count = min(count, end - state.step, saved_step + most - state.step)
            part = slice(state.step, state.step + count)
            state.losses[part], state.correct[part] = setup.step.run(state.step, count)
            state.step += count
            taken = time.monotonic() - started
            state.seconds += taken
            self.pace.add(count, taken)
            if not np.isfinite(state.losses[part]).all():
                raise diverged_error(setup, recorder, state)
            self._report_steps(state, begin)
            signal, taken = self._agreed(signals, taken)
            is_due = (
                time.monotonic() - saved > self.settings.checkpoint_seconds
                or state.step == saved_step + most
            )
            if signal or is_due:
                recorder.checkpoint(setup.model, state)
                saved, saved_step = time.monotonic(), state.step
            if signal:
                raise self._interrupted(state, signal)
            count = max(1, min(2 * count, int(count * CALL_SECONDS / taken)))

    def _report_steps(self, state: TrainingState, begin: int) -> None:
        setup = self.setup
        done = state.step - begin
        images = done * setup.batches.batch_size
        step_seconds, left = self.pace.seconds_per_step, None
        if step_seconds is not None:
            left = (len(setup.rates) - state.step) * step_seconds
            left += (self.settings.epochs - state.epoch) * self.ending_seconds
        self.reporter.steps(
            epoch=f"{state.epoch + 1}/{self.settings.epochs}",
            done=done,
            total=setup.batches.steps_per_epoch,
            loss=float(state.losses[begin : state.step].mean()),
            accuracy=float(state.correct[begin : state.step].sum() / images),
            images_per_second=step_seconds and setup.batches.batch_size / step_seconds,
            seconds_left=left,
        )

    def _agreed(self, signals: list[int], taken: float = 0.0) -> tuple[float, float]:
        """What all workers go by: they stop at one step, and call as many at a time.

        Returns:
            The signal that one of them has got, 0 where none has, and the longest time
            taken.
        """
        signal, longest = self.setup.workers.highest(
            signals[0] if signals else 0, taken
        )
        return signal, longest

    def _interrupted(
        self, state: TrainingState, signal: float
    ) -> TrainingInterruptedError:
        again = command_line("train", "--resume", self.recorder.run.path)
        return TrainingInterruptedError(
            f"Stopped after {state.step:,} of {len(self.setup.rates):,} steps. Go on "
            f"with: {again}",
            int(signal),
        )

    def _finish_epoch(self, state: TrainingState) -> None:
        """Validate, and write down the epoch."""
        settings, recorder, model = self.settings, self.recorder, self.setup.model
        started = time.monotonic()
        name = f"{state.epoch + 1}/{settings.epochs}"
        self.reporter.stage(f"epoch {name}  validating")
        row = self.setup.workers.of_chief(lambda: self._row(state))
        if row is None:
            raise diverged_error(self.setup, recorder, state)
        if self.setup.workers.count > 1:
            weights = {"digest of the weights": _digest(model)}
            self.setup.workers.agree(weights)
        state.history.append(row)
        state.seconds = 0.0
        is_best = bool(settings.early_stop) and state.best_epoch == state.epoch
        if is_best:
            recorder.keep_epoch(model, state)
        # Of few images an epoch takes less time than to write it down.
        is_due = started - self.written > SECONDS_UNWRITTEN
        if is_best or is_due or self._is_over(state):
            self._write(state)
        if settings.tensorboard:
            recorder.write_tensorboard(row)
        self.ending_seconds = time.monotonic() - started
        self.reporter.epoch(name, row)

    def _is_over(self, state: TrainingState) -> bool:
        """Whether all epochs are done, or none was better for too long."""
        return state.epoch >= self.settings.epochs or state.has_stalled(
            self.settings.early_stop, self.setup.began_anew
        )

    def _write(self, state: TrainingState) -> None:
        """Write down the epochs that are done, and all that is needed to go on."""
        self.recorder.checkpoint(self.setup.model, state)
        self.recorder.write_history(state)
        self.written = time.monotonic()

    def _row(self, state: TrainingState) -> EpochRow | None:
        """The row of the epoch whose steps are done.

        Returns:
            `None` where its last update left weights that are no finite numbers.
        """
        setup = self.setup
        with averaged_weights(self.settings, setup.model):
            measured = measure_validation(setup, setup.predict)
            seen = [*measured.values()] or [setup.predict(self._last_images(state))]
        weights = map(keras.ops.convert_to_numpy, setup.model.variables)
        if not all(np.isfinite(each).all() for each in itertools.chain(weights, seen)):
            return None
        steps = slice(state.step - setup.batches.steps_per_epoch, state.step)
        return {
            "epoch": state.epoch + 1,
            "loss": float(state.losses[steps].mean(dtype=np.float64)),
            "accuracy": float(state.correct[steps].sum() / setup.images_per_epoch),
            **measured,
            "learning_rate": float(setup.rates[state.step - 1]),
            "seconds": round(state.seconds, 3),
            "images_per_second": round(setup.images_per_epoch / state.seconds, 1),
        }

    def _last_images(self, state: TrainingState) -> npt.NDArray[np.uint8]:
        """Of the batch of the last step, what is computed here.

        Returns:
            Raw pixels, `(number, height, width, channels)`.
        """
        batches = self.setup.batches
        feed = batches.feed(state.step - 1, 1)
        images, _ = batches.take(
            feed, tf.constant(0), tf.constant(0), len(batches.share)
        )
        pixels: npt.NDArray[np.uint8] = images.numpy()
        return pixels


def _digest(model: keras.Model) -> str:
    """The same for the same weights."""
    found = hashlib.sha256()
    for variable in model.variables:
        found.update(keras.ops.convert_to_numpy(variable).tobytes())
    return found.hexdigest()
