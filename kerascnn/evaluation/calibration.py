"""Temperature scaling: probabilities that say how often they are right.

One number for a model, fitted on images that it was not trained on (Guo et al., 2017,
https://arxiv.org/abs/1706.04599). It changes no predicted class.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from kerascnn.evaluation.metrics import (
    Labels,
    Predictions,
    Probabilities,
    accuracy,
    expected_calibration_error,
)
from kerascnn.runs.metrics import TEMPERATURE, CalibrationRow

# Fitted on 32 and on 15 images, a temperature made the calibration error larger.
FEWEST = 100


def measure_calibration(
    probabilities: Probabilities, labels: Labels, class_names: Sequence[str]
) -> CalibrationRow:
    """Fit a temperature, and measure the calibration error before and after.

    Args:
        probabilities: Of images held out, `(number, num_classes)`; at least one.
        labels: Their true classes, `(number,)`.
        class_names: What each class stands for.

    Returns:
        The fields of `RunMetrics`; of those after, none where nothing can be fitted.
    """

    def error(given: Probabilities) -> float:
        return expected_calibration_error(Predictions(given, labels, class_names))

    row: CalibrationRow = {"validation_calibration_error": error(probabilities)}
    temperature = fit_temperature(probabilities, labels)
    if temperature is not None:
        calibrated = calibrate(probabilities, temperature)
        row["temperature"] = temperature
        row["calibrated_validation_calibration_error"] = error(calibrated)
    return row


def fit_temperature(probabilities: Probabilities, labels: Labels) -> float | None:
    """Find the temperature of the least cross-entropy.

    Args:
        probabilities: As for `measure_calibration`.
        labels: Likewise.

    Returns:
        A number in `TEMPERATURE`. `None` where there are fewer than `FEWEST` images, or
        none of them is best: if all images are classified correctly, the lower the
        better, and for a model worse than chance, the higher.
    """
    from scipy.optimize import minimize_scalar
    from scipy.special import logsumexp

    if len(labels) < FEWEST or accuracy(probabilities, labels) == 1:
        return None
    logits = _logits(probabilities)
    true = np.take_along_axis(logits, labels[:, np.newaxis], axis=1)[:, 0]

    def loss(log_temperature: float) -> float:
        factor = math.exp(-log_temperature)
        return float((logsumexp(factor * logits, axis=1) - factor * true).mean())

    # It has one minimum: the loss is convex in 1 / temperature.
    bounds = math.log(TEMPERATURE.low), math.log(TEMPERATURE.high)
    found = minimize_scalar(loss, bounds=bounds, options={"xatol": 1e-5}).x
    is_inside = all(abs(found - bound) > 1e-3 for bound in bounds)
    return math.exp(found) if is_inside else None


def calibrate(probabilities: Probabilities, temperature: float | None) -> Probabilities:
    """Give probabilities another temperature: `log p / temperature`, made to sum to 1.

    Args:
        probabilities: `(number, num_classes)`.
        temperature: Above 1 for less sure, below 1 for surer; as they are where `None`.
    """
    from scipy.special import softmax

    if temperature is None:
        return probabilities
    scaled = softmax(_logits(probabilities) / temperature, axis=-1)
    return np.asarray(scaled, np.float32)


def _logits(probabilities: Probabilities) -> npt.NDArray[np.float64]:
    """What softmax makes the probabilities of, but for a number that it ignores."""
    # Where 32 bits end, softmax gives zero.
    smallest = np.finfo(np.float32).tiny
    return np.log(np.maximum(probabilities, smallest), dtype=np.float64)
