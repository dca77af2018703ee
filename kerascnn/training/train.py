"""Train one network, from settings to a finished run."""

from __future__ import annotations

import importlib.util
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kerascnn.data.splits import epoch_order
from kerascnn.drawing import save_figure
from kerascnn.errors import (
    DivergedError,
    MissingExtraError,
    RunError,
    TrainingInterruptedError,
)
from kerascnn.evaluation.metrics import loss_and_accuracy
from kerascnn.fast.layers import exchanged_layers
from kerascnn.machine.computation import Computation, Parallelism, differences
from kerascnn.machine.devices import describe_devices, get_strategy
from kerascnn.machine.environment import (
    describe_environment,
    instruction_set,
    processor_name,
)
from kerascnn.machine.files import whole_file
from kerascnn.machine.reporter import Reporter
from kerascnn.machine.signals import remembered_signals
from kerascnn.machine.state import fresh_state
from kerascnn.machine.threads import use_threads
from kerascnn.model_files.keras_model import Predictor
from kerascnn.runs.card import write_card
from kerascnn.runs.folder import DEFAULT_FOLDER, Run, create_run
from kerascnn.runs.metrics import Ending, RunMetrics
from kerascnn.settings.config import TrainConfig, TrainSettings
from kerascnn.settings.schedules import learning_rates
from kerascnn.training.checkpoint import (
    Progress,
    load_checkpoint,
    save_checkpoint,
)
from kerascnn.training.figure import plot_curves
from kerascnn.training.recorder import (
    best_epoch,
    write_history,
    write_tensorboard,
)
from kerascnn.training.setup import (
    build_network,
    compile_model,
    load_splits,
    share_cores,
)
from kerascnn.training.step import TrainingStep, check_batch_size

# A call into the graph takes about so long: often enough for a live line and Ctrl-C,
# seldom enough to cost nothing.
CALL_SECONDS = 0.4


@fresh_state()
def train_model(
    config: TrainConfig,
    out: Path = DEFAULT_FOLDER,
    *,
    name: str | None = None,
    reporter: Reporter | None = None,
    strategy: tf.distribute.Strategy | None = None,
) -> Run:
    """Train a network as the settings say, and write a run.

    Args:
        config: The settings; what is `None` is taken from the recipe.
        out: The folder of all runs.
        name: The run's folder; `<model>-<optimizer>-<n>` where `None`.
        reporter: Told how it goes; nobody where `None`.
        strategy: Where to compute; `get_strategy(config.device)` where `None`.

    Returns:
        The finished run.

    Raises:
        ConfigError: Settings that do not fit the data or the devices.
        DatasetError: Data that cannot be read.
        DivergedError: The loss was no longer a finite number.
        RunError: The run cannot be written.
        TrainingInterruptedError: A signal stopped it; `resume_training` goes on.
    """
    training = _Training(config.resolve(), strategy, reporter)
    run = create_run(
        config, training.environment(), out, name, dataset=training.dataset
    )
    with run.locked():
        return training.fit(run)


@fresh_state()
def resume_training(
    run: Run,
    *,
    reporter: Reporter | None = None,
    strategy: tf.distribute.Strategy | None = None,
) -> Run:
    """Go on with a run that was stopped; a finished one is returned as it is.

    It is computed as the run began: in as many parts and by as many threads, whatever
    there are of cores. Where that cannot be, and the run is to be reproducible, a
    message says so.

    Args:
        run: The run.
        reporter: As for `train_model`.
        strategy: As for `train_model`.

    Returns:
        The finished run.

    Raises:
        RunError: The run cannot be read, or another process trains it.
        DivergedError: It diverged, before or now.
    """
    with run.locked():
        metrics = run.metrics
        if metrics is not None and metrics.status == "diverged":
            raise DivergedError(metrics.message)
        if metrics is not None:
            (reporter or Reporter()).message(f"{run.path} has finished already.")
            return run
        computation = run.computation
        recorded = None if computation is None else computation.parallelism
        training = _Training(run.settings, strategy, reporter, recorded)
        if computation and training.settings.deterministic:
            training.report_differences(run)
        return training.fit(run)


class _Training:
    """One training in this process: the data, the model and its compiled steps."""

    def __init__(
        self,
        settings: TrainSettings,
        strategy: tf.distribute.Strategy | None,
        reporter: Reporter | None,
        recorded: Parallelism | None = None,
    ) -> None:
        if settings.tensorboard and not importlib.util.find_spec("tensorboard"):
            raise MissingExtraError("TensorBoard", "tensorboard")
        self.settings = settings
        self.reporter = reporter or Reporter()
        if recorded is not None:
            use_threads(recorded)  # a strategy over GPUs makes TensorFlow start
        self.strategy = strategy or get_strategy(settings.device)
        self.parallelism = share_cores(
            settings, self.strategy, recorded, message=self.reporter.message
        )
        parts = self.parallelism.batch_parts
        self.training, self.validation, self.dataset = load_splits(settings)
        self.epochs = settings.epochs
        self.batch_size = settings.batch_size
        replicas = self.strategy.num_replicas_in_sync
        check_batch_size(self.batch_size, len(self.training), replicas)
        self.steps_per_epoch = len(self.training) // self.batch_size
        self.rates = learning_rates(
            settings.schedule,
            settings.learning_rate,
            num_steps=self.epochs * self.steps_per_epoch,
            warmup_steps=round(settings.warmup_epochs * self.steps_per_epoch),
        )
        keras.utils.set_random_seed(settings.seed)
        if settings.deterministic:
            tf.config.experimental.enable_op_determinism()
        with self.strategy.scope():
            self.model = compile_model(settings, self.training)
        self.step = TrainingStep(
            self.model, self.training, settings, self.rates, self.strategy, parts
        )
        self.predict = Predictor(self.model, workers=parts)

    def environment(self) -> dict[str, Any]:
        """What the training is computed with, and how."""
        computation = Computation(
            processor=processor_name(),
            instruction_set=instruction_set(),
            parallelism=self.parallelism,
            exchanged_layers=exchanged_layers(self.model),
        )
        return describe_environment(describe_devices(self.strategy), computation)

    def report_differences(self, run: Run) -> None:
        """Say in a line why the run will not end as if it had not been stopped."""
        found = differences(run.environment, self.environment())
        if found:
            self.reporter.message(
                f"{run.path} will not be bit-for-bit identical to an uninterrupted "
                f"run: {'; '.join(found)}."
            )

    def fit(self, run: Run) -> Run:
        """Train from the run's checkpoint, or from the start, to the end."""
        self.reporter.message(f"{run.path}: {self._headline()}")
        progress = Progress(
            losses=np.zeros(len(self.rates), np.float32),
            correct=np.zeros(len(self.rates), np.int32),
        )
        if (run.checkpoint_path / "state.npz").exists():
            progress = load_checkpoint(run.checkpoint_path / "state.npz", self.model)
            if len(progress.losses) != len(self.rates):
                raise RunError(
                    f"Cannot go on with {run.path}: its settings were changed. Put "
                    "config.json back, or train anew with --config."
                )
            if run.dataset.sha256 not in (None, self.dataset.sha256):
                raise RunError(
                    f"Cannot go on with {run.path}: the images of {run.dataset.name} "
                    "were changed. Restore them, or train anew with --config."
                )
            self.reporter.message(
                f"Going on after {progress.step:,} of {len(self.rates):,} steps."
            )
        with remembered_signals() as signals:
            while progress.epoch < self.epochs and not self._has_stalled(progress):
                self._train_epoch(run, progress, signals)
                self._finish_epoch(run, progress)
        return self._finish(run, progress)

    def _headline(self) -> str:
        settings = self.settings
        return (
            f"{settings.model} on {len(self.training):,} images of {settings.dataset}, "
            f"{settings.optimizer} at {settings.learning_rate:g} "
            f"({settings.schedule}), "
            f"batches of {self.batch_size}, "
            f"{', '.join(describe_devices(self.strategy))}"
        )

    def _train_epoch(self, run: Run, progress: Progress, signals: list[int]) -> None:
        """Do the steps of an epoch that are not done yet."""
        order = epoch_order(
            len(self.training), seed=self.settings.seed, epoch=progress.epoch
        )
        begin = progress.epoch * self.steps_per_epoch
        end = begin + self.steps_per_epoch
        saved = time.monotonic()
        count = 1
        while progress.step < end:
            started = time.monotonic()
            count = min(count, end - progress.step)
            part = slice(progress.step, progress.step + count)
            progress.losses[part], progress.correct[part] = self.step.run(
                order, begin=begin, first=progress.step, count=count
            )
            progress.step += count
            taken = time.monotonic() - started
            progress.seconds += taken
            if not np.isfinite(progress.losses[part]).all():
                raise self._diverged(run, progress)
            self._report_steps(progress, begin)
            if signals or time.monotonic() - saved > self.settings.checkpoint_seconds:
                save_checkpoint(run.checkpoint_path / "state.npz", self.model, progress)
                saved = time.monotonic()
            if signals:
                raise TrainingInterruptedError(
                    f"Stopped after {progress.step:,} of {len(self.rates):,} steps. "
                    f"Go on with: kerascnn train --resume {run.path}"
                )
            count = max(1, min(2 * count, int(count * CALL_SECONDS / taken)))

    def _report_steps(self, progress: Progress, begin: int) -> None:
        done = progress.step - begin
        images = done * self.batch_size
        left = (len(self.rates) - progress.step) * progress.seconds / done
        self.reporter.steps(
            epoch=f"{progress.epoch + 1}/{self.epochs}",
            done=done,
            total=self.steps_per_epoch,
            loss=float(progress.losses[begin : progress.step].mean()),
            accuracy=float(progress.correct[begin : progress.step].sum() / images),
            images_per_second=images / progress.seconds,
            seconds_left=left,
        )

    def _finish_epoch(self, run: Run, progress: Progress) -> None:
        """Validate, and write down the epoch."""
        steps = slice(progress.step - self.steps_per_epoch, progress.step)
        images = self.steps_per_epoch * self.batch_size
        row: dict[str, Any] = {
            "epoch": progress.epoch + 1,
            "loss": float(progress.losses[steps].mean(dtype=np.float64)),
            "accuracy": float(progress.correct[steps].sum() / images),
        }
        if len(self.validation):
            with self._averaged_weights():
                probabilities = self.predict(self.validation.images)
            loss, accuracy = loss_and_accuracy(probabilities, self.validation.labels)
            row |= {"validation_loss": loss, "validation_accuracy": accuracy}
        row |= {
            "learning_rate": float(self.rates[progress.step - 1]),
            "seconds": round(progress.seconds, 3),
            "images_per_second": round(images / progress.seconds, 1),
        }
        progress.history.append(row)
        progress.seconds = 0.0
        if self.settings.early_stop and best_epoch(progress.history) == progress.epoch:
            best = run.checkpoint_path / f"best-{progress.epoch}.npz"
            save_checkpoint(best, self.model, progress)
        save_checkpoint(run.checkpoint_path / "state.npz", self.model, progress)
        self._write_history(run, progress)
        if self.settings.tensorboard:
            write_tensorboard(run, row)
        self.reporter.epoch(f"{progress.epoch}/{self.epochs}", row)

    @contextmanager
    def _averaged_weights(self) -> Iterator[None]:
        """Look at the model with the moving average of its weights, if one is kept."""
        if self.settings.ema is None:
            yield
            return
        variables = self.model.trainable_variables
        current = [keras.ops.convert_to_numpy(variable) for variable in variables]
        self.model.optimizer.finalize_variable_values(variables)
        yield
        for variable, value in zip(variables, current, strict=True):
            variable.assign(value)

    def _has_stalled(self, progress: Progress) -> bool:
        """Whether the validation loss has been higher than its best for long enough."""
        if not self.settings.early_stop or not progress.history:
            return False
        best = best_epoch(progress.history)
        return progress.epoch - best >= self.settings.early_stop

    def _write_history(self, run: Run, progress: Progress) -> None:
        write_history(
            run,
            progress,
            self.rates,
            steps_per_epoch=self.steps_per_epoch,
            batch_size=self.batch_size,
        )

    def _finish(self, run: Run, progress: Progress) -> Run:
        """Take the weights that training was for, measure and write them."""
        best = best_epoch(progress.history) if self.settings.early_stop else None
        if best:
            load_checkpoint(run.checkpoint_path / f"best-{best}.npz", self.model)
        if self.settings.ema is not None:
            self.model.optimizer.finalize_variable_values(
                self.model.trainable_variables
            )
        metrics = self._metrics(progress, "finished", best_epoch=best or None)
        if self.settings.test or self.settings.store_predictions:
            test = self.dataset.load("test")
            probabilities = self.predict(test.images)
            if self.settings.store_predictions:
                run.write_predictions(probabilities.argmax(axis=1))
            if self.settings.test:
                loss, accuracy = loss_and_accuracy(probabilities, test.labels)
                metrics = replace(
                    metrics,
                    test_images=len(test),
                    test_loss=loss,
                    test_accuracy=accuracy,
                )
        self._write_model(run)
        self._write_figure(run)
        write_card(run, metrics)
        run.write_json("metrics.json", metrics.to_dict())
        shutil.rmtree(run.checkpoint_path, ignore_errors=True)
        return run

    def _metrics(self, progress: Progress, status: Ending, **ending: Any) -> RunMetrics:
        last = progress.history[-1] if progress.history else {}
        seconds = sum(row["seconds"] for row in progress.history)
        images = progress.epoch * self.steps_per_epoch * self.batch_size
        return RunMetrics(
            status=status,
            finished_at=datetime.now(UTC).isoformat(),
            epochs=progress.epoch,
            steps=progress.step,
            training_images=len(self.training),
            validation_images=len(self.validation),
            parameters=self.model.count_params(),
            seconds=round(seconds, 3),
            images_per_second=round(images / seconds, 1) if seconds else None,
            training_loss=last.get("loss"),
            training_accuracy=last.get("accuracy"),
            validation_loss=last.get("validation_loss"),
            validation_accuracy=last.get("validation_accuracy"),
            **ending,
        )

    def _write_model(self, run: Run) -> None:
        """Write the model without the optimizer's state, which no one needs again."""
        model = build_network(self.settings, self.training)
        model.set_weights(self.model.get_weights())
        with whole_file(run.model_path) as beside:
            model.save(beside)

    def _write_figure(self, run: Run) -> None:
        figure = plot_curves(run.epochs, run.steps, title=run.name)
        save_figure(figure, run.figures_path / "curves.png")

    def _diverged(self, run: Run, progress: Progress) -> DivergedError:
        """Write down what there is of a run whose loss is no number."""
        epoch = progress.epoch + 1
        message = (
            f"The loss of {run.path} was no longer a finite number in epoch {epoch}. "
            "Train again with a lower --learning-rate."
        )
        self._write_history(run, progress)
        metrics = self._metrics(
            progress, "diverged", diverged_at_epoch=epoch, message=message
        )
        run.write_json("metrics.json", metrics.to_dict())
        shutil.rmtree(run.checkpoint_path, ignore_errors=True)
        return DivergedError(message)
