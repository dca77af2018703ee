"""How a training ended: the record in `metrics.json`, as a typed value."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, TypedDict, get_args

from kerascnn.errors import RunError, shown
from kerascnn.machine.ranges import Range
from kerascnn.machine.records import read_record

Ending = Literal["finished", "diverged"]

# What a temperature may be; that of a trained network is seldom beyond 0.5 to 5.
TEMPERATURE = Range(0.1, 10)

# What a run may lack; `metrics.json` then has no such key. All others are always there.
_LEFT_OUT = (
    "diverged_at_epoch",
    "message",
    "best_epoch",
    "temperature",
    "validation_calibration_error",
    "calibrated_validation_calibration_error",
    "validation_f1",
    "class_imbalance",
    "test_images",
    "test_loss",
    "test_accuracy",
    "test_f1",
)
# From here on the accuracy is mostly that of the largest classes.
IMBALANCED = 3.0


class CalibrationRow(TypedDict, total=False):
    """The fields of `RunMetrics` on how sure the model is."""

    temperature: float
    validation_calibration_error: float
    calibrated_validation_calibration_error: float


@dataclass(frozen=True, kw_only=True)
class RunMetrics:
    """What a training came to.

    Attributes:
        status: `"finished"`, or `"diverged"`: loss or weights were no finite numbers.
        finished_at: When it ended, in ISO 8601.
        diverged_at_epoch: The epoch, from 1, in which a run diverged.
        message: What a run that diverged said, in one line.
        epochs: Epochs that are done.
        steps: Steps that are done, of all epochs together.
        training_images: Images that it was trained on.
        validation_images: Images held out of them.
        parameters: All weights, among them the moving statistics of normalization.
        seconds: Time of the training steps; validation and files take more.
        images_per_second: Training images in these seconds; `None` without an epoch.
        training_loss: Mean of the epoch whose weights were taken: the last one, or
            `best_epoch`; `None` without an epoch.
        training_accuracy: Likewise, in `[0, 1]`.
        validation_loss: After that epoch; `None` where no images were held out.
        validation_accuracy: Likewise, in `[0, 1]`.
        best_epoch: With early stopping, the epoch, from 1, whose weights were taken.
        temperature: What the logarithms of the model's probabilities are divided by so
            that they are calibrated, fitted on the images held out; `None` where there
            were none, or where no temperature is best, as when all are correct.
        validation_calibration_error: The mean gap of confidence and accuracy on the
            images held out, in `[0, 1]`; `None` where there were none.
        calibrated_validation_calibration_error: The same at the temperature.
        validation_f1: The mean F1 of the classes, at the end, in `[0, 1]`; `None` where
            no images were held out.
        class_imbalance: Images of the largest class by those of the smallest that has
            any, among the test images, or, without these, the images held out.
        test_images: Images of the test split; `None`, as what follows, where it was not
            measured.
        test_loss: Mean of these images.
        test_accuracy: The share of these that is classified correctly, in `[0, 1]`.
        test_f1: The mean F1 of the classes, in `[0, 1]`.
    """

    status: Ending
    finished_at: str
    diverged_at_epoch: int | None = None
    message: str | None = None
    epochs: int
    steps: int
    training_images: int
    validation_images: int
    parameters: int
    seconds: float
    images_per_second: float | None = None
    training_loss: float | None = None
    training_accuracy: float | None = None
    validation_loss: float | None = None
    validation_accuracy: float | None = None
    best_epoch: int | None = None
    temperature: float | None = None
    validation_calibration_error: float | None = None
    calibrated_validation_calibration_error: float | None = None
    validation_f1: float | None = None
    class_imbalance: float | None = None
    test_images: int | None = None
    test_loss: float | None = None
    test_accuracy: float | None = None
    test_f1: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain values by name, as `metrics.json` has them."""
        return {
            name: value
            for name, value in dataclasses.asdict(self).items()
            if value is not None or name not in _LEFT_OUT
        }

    @classmethod
    def from_dict(cls, value: object) -> RunMetrics:
        """Read what `to_dict` gave; names that this version does not know are ignored.

        Raises:
            RunError: A value that is missing or of another kind.
        """
        metrics = read_record(cls, value)
        if metrics.status not in get_args(Ending):
            raise RunError(
                f"status has to be {' or '.join(get_args(Ending))}, but is "
                f"{shown(metrics.status)}."
            )
        if metrics.temperature is not None and metrics.temperature not in TEMPERATURE:
            raise RunError(
                f"temperature has to be {TEMPERATURE.words}, but is "
                f"{shown(metrics.temperature)}."
            )
        try:
            datetime.fromisoformat(metrics.finished_at)
        except ValueError as error:
            raise RunError(f"finished_at is no time: {error}.") from error
        return metrics
