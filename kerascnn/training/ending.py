"""How a training ends: the weights that it was for, and what they are measured at."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from kerascnn.errors import DivergedError
from kerascnn.evaluation.metrics import loss_and_accuracy
from kerascnn.runs.metrics import Ending, RunMetrics
from kerascnn.training.network import build_network, take_average
from kerascnn.training.recorder import Recorder
from kerascnn.training.setup import TrainingSetup
from kerascnn.training.state import TrainingState


def finish_training(
    setup: TrainingSetup, recorder: Recorder, state: TrainingState
) -> None:
    """Take the weights that the training was for, measure them, and write the rest."""
    settings, model = setup.settings, setup.model
    best = state.best_epoch if settings.early_stop else None
    if best is not None:
        recorder.restore_epoch(model, best)
    take_average(settings, model)
    metrics = _measure(setup, state, "finished", best_epoch=best)
    if settings.test or settings.store_predictions:
        test = setup.dataset.load("test")
        probabilities = setup.predict(test.images)
        if settings.store_predictions:
            recorder.write_predictions(probabilities.argmax(axis=1))
        if settings.test:
            loss, accuracy = loss_and_accuracy(probabilities, test.labels)
            metrics = replace(
                metrics,
                test_images=len(test),
                test_loss=loss,
                test_accuracy=accuracy,
            )
    saved = build_network(settings, setup.dataset)
    saved.set_weights(model.get_weights())
    recorder.finish(saved, metrics)


def diverged_error(
    setup: TrainingSetup, recorder: Recorder, state: TrainingState
) -> DivergedError:
    """Write what there is of a run whose loss is no finite number.

    Returns:
        The error to raise.
    """
    epoch = state.epoch + 1
    message = (
        f"The loss of {recorder.run.path} was no longer a finite number in epoch "
        f"{epoch}. Train again with a lower --learning-rate."
    )
    metrics = _measure(
        setup, state, "diverged", diverged_at_epoch=epoch, message=message
    )
    recorder.diverge(state, metrics)
    return DivergedError(message)


def _measure(
    setup: TrainingSetup, state: TrainingState, status: Ending, **ending: Any
) -> RunMetrics:
    """What a training came to, without the test images."""
    last = state.history[-1] if state.history else None
    seconds = sum(row["seconds"] for row in state.history)
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
        training_loss=last and last["loss"],
        training_accuracy=last and last["accuracy"],
        validation_loss=last and last.get("validation_loss"),
        validation_accuracy=last and last.get("validation_accuracy"),
        **ending,
    )
