"""How a training ends: the weights that it was for, and what they are measured at."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np

from kerascnn.errors import DivergedError
from kerascnn.evaluation.calibration import measure_calibration
from kerascnn.evaluation.metrics import (
    Predictions,
    class_imbalance,
    loss_and_accuracy,
    macro_f1,
)
from kerascnn.model_files.keras_model import Predictor
from kerascnn.runs.metrics import Ending, RunMetrics
from kerascnn.training.network import build_network, take_average
from kerascnn.training.recorder import Recorder
from kerascnn.training.setup import TrainingSetup
from kerascnn.training.state import TrainingState, ValidationRow


def finish_training(
    setup: TrainingSetup, recorder: Recorder, state: TrainingState
) -> None:
    """Take the weights that the training was for, measure them, and write the rest.

    Raises:
        DivergedError: What they give for an image is no finite number.
    """
    settings, model = setup.settings, setup.model
    best = state.best_epoch if settings.early_stop else None
    if best is not None:
        recorder.restore_epoch(model, best)
    take_average(settings, model)
    saved = build_network(replace(settings, mixed_precision=False), setup.dataset)
    saved.set_weights(model.get_weights())
    metrics = _measure(setup, state, "finished", best_epoch=best)
    predict = setup.predict
    if settings.mixed_precision:  # what is saved computes in 32 bits
        predict = Predictor(saved)
    names = setup.dataset.class_names
    if len(setup.validation):
        probabilities = predict(setup.validation.images)
        if not np.isfinite(probabilities).all():
            raise diverged_error(setup, recorder, state)
        labels = setup.validation.labels
        if settings.mixed_precision:
            loss, accuracy = loss_and_accuracy(probabilities, labels)
            metrics = replace(
                metrics, validation_loss=loss, validation_accuracy=accuracy
            )
        metrics = replace(
            metrics,
            **measure_calibration(probabilities, labels, names),
            validation_f1=macro_f1(Predictions(probabilities, labels, names)),
            class_imbalance=class_imbalance(np.bincount(labels)),
        )
    if settings.test or settings.store_predictions:
        test = setup.dataset.load("test")
        probabilities = predict(test.images)
        if not np.isfinite(probabilities).all():
            raise diverged_error(setup, recorder, state)
        if settings.store_predictions:
            recorder.write_predictions(probabilities.argmax(axis=1))
        if settings.test:
            loss, accuracy = loss_and_accuracy(probabilities, test.labels)
            metrics = replace(
                metrics,
                test_images=len(test),
                test_loss=loss,
                test_accuracy=accuracy,
                test_f1=macro_f1(Predictions(probabilities, test.labels, names)),
                class_imbalance=class_imbalance(np.bincount(test.labels)),
            )
    recorder.finish(saved, metrics)


def measure_validation(setup: TrainingSetup, predict: Predictor) -> ValidationRow:
    """Loss and accuracy on the images held out; nothing where there are none."""
    validation = setup.validation
    if not len(validation):
        return {}
    loss, accuracy = loss_and_accuracy(predict(validation.images), validation.labels)
    return {"validation_loss": loss, "validation_accuracy": accuracy}


def diverged_error(
    setup: TrainingSetup, recorder: Recorder, state: TrainingState
) -> DivergedError:
    """Write what there is of a run whose loss or weights are no finite numbers.

    Returns:
        The error to raise.
    """
    epoch = math.ceil(state.step / setup.batches.steps_per_epoch)
    message = (
        f"The loss or the weights of {recorder.run.path} were no longer finite numbers "
        f"in epoch {epoch}. Train again with a lower --learning-rate."
    )
    if recorder.continuing:
        message += f" It keeps the model of its first {setup.began_anew} epochs."
    metrics = _measure(
        setup, state, "diverged", diverged_at_epoch=epoch, message=message
    )
    recorder.diverge(state, metrics)
    return DivergedError(message)


def _measure(
    setup: TrainingSetup,
    state: TrainingState,
    status: Ending,
    *,
    best_epoch: int | None = None,
    **ending: Any,
) -> RunMetrics:
    """What a training came to, without the test images."""
    history = state.history
    taken = history[(best_epoch or len(history)) - 1] if history else None
    seconds = sum(row["seconds"] for row in history)
    images = state.epoch * setup.images_per_epoch
    return RunMetrics(
        status=status,
        finished_at=datetime.now(UTC).isoformat(),
        epochs=state.epoch,
        steps=state.step,
        training_images=setup.dataset.counts["train"],
        validation_images=len(setup.validation),
        parameters=setup.model.count_params(),
        seconds=round(seconds, 3),
        images_per_second=round(images / seconds, 1) if seconds else None,
        training_loss=taken and taken["loss"],
        training_accuracy=taken and taken["accuracy"],
        validation_loss=taken and taken.get("validation_loss"),
        validation_accuracy=taken and taken.get("validation_accuracy"),
        best_epoch=best_epoch,
        **ending,
    )
