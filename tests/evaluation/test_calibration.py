"""Temperatures: found again where they are known, and none where none is best."""

import numpy as np
import pytest
from scipy.special import softmax

from kerascnn.evaluation.calibration import (
    calibrate,
    fit_temperature,
    measure_calibration,
)
from kerascnn.evaluation.metrics import loss_and_accuracy


@pytest.fixture(scope="module")
def logits():
    return np.random.default_rng(0).normal(0, 2, (20_000, 10))


@pytest.fixture(scope="module")
def labels(logits):
    """Drawn by the very probabilities of the logits, which so are calibrated."""
    shares = softmax(logits, axis=1).cumsum(axis=1)
    drawn = np.random.default_rng(1).random((len(logits), 1))
    return np.minimum((shares < drawn).sum(axis=1), 9)


def probabilities(logits):
    return softmax(logits, axis=1).astype(np.float32)


@pytest.mark.parametrize("temperature", [0.5, 1, 2, 5])
def test_temperature_is_found_again(logits, labels, temperature):
    """A model whose logits are so many times too large."""
    given = probabilities(temperature * logits)
    found = fit_temperature(given, labels)
    assert found == pytest.approx(temperature, rel=0.03)
    row = measure_calibration(given, labels, "0123456789")
    assert row["temperature"] == found
    assert row["calibrated_validation_calibration_error"] < 0.01
    if temperature != 1:
        assert row["validation_calibration_error"] > 0.05


def test_no_other_temperature_has_a_lower_loss(logits, labels):
    given = probabilities(1.7 * logits)
    best = fit_temperature(given, labels)

    def loss(temperature):
        return loss_and_accuracy(calibrate(given, temperature), labels)[0]

    assert loss(best) < min(loss(0.98 * best), loss(1.02 * best))


def test_calibrated_probabilities_are_those_of_the_divided_logits(logits):
    found = calibrate(probabilities(logits), 2.5)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, probabilities(logits / 2.5), rtol=1e-5)
    np.testing.assert_allclose(calibrate(found[0], 1 / 2.5), calibrate(found, 0.4)[0])
    by_hand = np.sqrt([0.64, 0.36]) / 1.4
    np.testing.assert_allclose(calibrate(np.array([0.64, 0.36]), 2), by_hand, rtol=1e-6)


def test_without_a_temperature_they_stay_as_they_are(logits):
    given = probabilities(logits)
    assert calibrate(given, None) is given


def test_zeros_and_ones_stay_probabilities():
    """What 32 bits make of a model that is very sure."""
    found = calibrate(np.array([[1, 0, 0], [0, 1e-30, 1]], np.float32), 8)
    assert np.isfinite(found).all()
    np.testing.assert_allclose(found.sum(axis=1), 1, rtol=1e-6)
    assert found.argmax(axis=1).tolist() == [0, 2]
    assert 0.9 < found[0, 0] < 1


@pytest.mark.parametrize("sure", [0.6, 1.0])
def test_nothing_is_fitted_where_all_are_correct(sure):
    """The lower, the better: there is no best one."""
    labels = np.arange(50) % 2
    given = np.where(np.eye(2)[labels] == 1, sure, 1 - sure).astype(np.float32)
    row = measure_calibration(given, labels, "ab")
    assert row == {"validation_calibration_error": pytest.approx(1 - sure)}


def test_nothing_is_fitted_for_a_model_worse_than_chance(logits, labels):
    assert fit_temperature(probabilities(-logits), labels) is None
