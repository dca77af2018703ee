"""Metrics: worked out by hand, with Keras and scikit-learn as witnesses."""

import json
import math
import warnings

import keras
import numpy as np
import pytest
from sklearn import metrics as sklearn_metrics

from kerascnn.evaluation import METRICS
from kerascnn.evaluation.metrics import (
    ClassMetrics,
    ReliabilityBin,
    class_imbalance,
    compute_metrics,
    loss_and_accuracy,
)
from kerascnn.model_files.keras_model import predict_probabilities


@pytest.fixture(scope="module")
def probabilities(lenet, splits):
    return predict_probabilities(lenet, splits[1].images[:2000])


HAND = np.array(
    [[0.7, 0.2, 0.1], [0.6, 0.3, 0.1], [0.1, 0.8, 0.1], [0.2, 0.3, 0.5]], np.float32
)
HAND_LABELS = np.array([0, 1, 1, 2])


def test_imbalance_is_of_the_classes_that_have_images():
    assert class_imbalance([30, 10, 20]) == 3
    assert class_imbalance(np.array([4, 0, 4])) == 1


def test_metrics_agree_with_hand_arithmetic():
    metrics = compute_metrics(HAND, HAND_LABELS, "abc", bins=4)
    assert metrics.images == 4
    assert metrics.correct == 3
    assert metrics["accuracy"] == 0.75
    loss = -(math.log(0.7) + math.log(0.3) + math.log(0.8) + math.log(0.5)) / 4
    assert metrics["loss"] == pytest.approx(loss, rel=1e-6)
    assert metrics.top_k == {1: 0.75, 2: 1.0, 3: 1.0}
    assert metrics.confusion_matrix == ((1, 0, 0), (1, 1, 0), (0, 0, 1))
    assert metrics.per_class == (
        ClassMetrics(name="a", images=1, precision=0.5, recall=1.0, f1=2 / 3),
        ClassMetrics(name="b", images=2, precision=1.0, recall=0.5, f1=2 / 3),
        ClassMetrics(name="c", images=1, precision=1.0, recall=1.0, f1=1.0),
    )
    assert metrics["precision"] == pytest.approx(2.5 / 3)
    assert metrics["recall"] == pytest.approx(2.5 / 3)
    assert metrics["f1"] == pytest.approx((2 / 3 + 2 / 3 + 1) / 3)


def test_calibration_error_agrees_with_hand_arithmetic():
    metrics = compute_metrics(HAND, HAND_LABELS, "abc", bins=4)
    # 0.5 is the upper bound of the second bin, and in it.
    assert metrics.reliability == (
        ReliabilityBin(confidence=None, accuracy=None, images=0),
        ReliabilityBin(confidence=0.5, accuracy=1.0, images=1),
        ReliabilityBin(confidence=pytest.approx(0.65), accuracy=0.5, images=2),
        ReliabilityBin(confidence=pytest.approx(0.8), accuracy=1.0, images=1),
    )
    expected = (1 * 0.5 + 2 * 0.15 + 1 * 0.2) / 4
    assert metrics["expected_calibration_error"] == pytest.approx(expected)


def test_certainty_falls_into_the_last_bin():
    metrics = compute_metrics(np.eye(2, dtype=np.float32), np.array([0, 1]), "ab")
    assert len(metrics.reliability) == 15
    assert metrics.reliability[-1].images == 2
    assert metrics["expected_calibration_error"] == 0


def test_metrics_agree_with_scikit_learn(probabilities, splits):
    labels = splits[1].labels[:2000]
    predicted = probabilities.argmax(axis=1)
    metrics = compute_metrics(probabilities, labels, splits[1].class_names)
    assert 0.5 < metrics["accuracy"] < 1
    assert metrics["accuracy"] == sklearn_metrics.accuracy_score(labels, predicted)
    exact = probabilities.astype(np.float64)
    exact /= exact.sum(axis=1, keepdims=True)
    log_loss = sklearn_metrics.log_loss(labels, exact)
    assert metrics["loss"] == pytest.approx(log_loss, rel=1e-4)
    for k in (2, 3, 5):
        top_k = sklearn_metrics.top_k_accuracy_score(labels, probabilities, k=k)
        assert metrics.top_k[k] == pytest.approx(top_k, abs=1e-12)
    for name in ("precision", "recall", "f1"):
        macro = getattr(sklearn_metrics, f"{name}_score")
        expected = macro(labels, predicted, average="macro")
        assert metrics[name] == pytest.approx(expected)
    matrix = sklearn_metrics.confusion_matrix(labels, predicted)
    assert metrics.to_dict()["confusion_matrix"] == matrix.tolist()
    assert np.trace(metrics.confusion_matrix) == metrics.correct
    assert sum(row.images for row in metrics.reliability) == 2000


def test_metrics_agree_with_keras(lenet, probabilities, splits):
    labels = splits[1].labels[:2000]
    lenet.compile(loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    expected = lenet.evaluate(
        splits[1].images[:2000], labels, batch_size=250, verbose=0, return_dict=True
    )
    metrics = compute_metrics(probabilities, labels, splits[1].class_names)
    assert metrics.correct == round(expected["accuracy"] * 2000)
    assert metrics["loss"] == pytest.approx(expected["loss"], rel=1e-4)


@pytest.mark.parametrize(
    ("answer", "label"), [([1, 0], 1), ([1, 0], 0), ([0.25, 0.75], 0)]
)
def test_loss_is_clipped_as_in_keras(answer, label):
    answers, labels = np.array([answer], np.float32), np.array([label])
    loss, _ = loss_and_accuracy(answers, labels)
    expected = keras.losses.sparse_categorical_crossentropy(labels, answers)
    assert loss == pytest.approx(float(expected[0]), rel=1e-4, abs=1e-6)


def test_loss_of_numbers_that_are_none_is_none():
    labels = np.array([1, 2])
    loss, accuracy = loss_and_accuracy(np.full((2, 3), np.nan, np.float32), labels)
    assert math.isnan(loss)
    assert accuracy == 0


def test_one_image_and_absent_classes_give_no_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        metrics = compute_metrics(HAND[:1], HAND_LABELS[:1], "abc")
    assert metrics.images == 1
    assert metrics["accuracy"] == 1
    # Means over the one class that has an image; the others are 0/0.
    assert (metrics["precision"], metrics["recall"], metrics["f1"]) == (1, 1, 1)
    assert metrics.per_class[2] == ClassMetrics(
        name="c", images=0, precision=0.0, recall=0.0, f1=0.0
    )
    assert metrics.confusion_matrix == ((1, 0, 0), (0, 0, 0), (0, 0, 0))


def test_of_equal_probabilities_the_first_is_predicted():
    answers = np.full((2, 2), 0.5, np.float32)
    metrics = compute_metrics(answers, np.array([0, 1]), "ab")
    assert metrics.top_k == {1: 0.5, 2: 1.0}
    assert metrics["accuracy"] == 0.5


def test_plain_values_have_every_number_of_the_table_by_name():
    metrics = compute_metrics(HAND, HAND_LABELS, "abc")
    document = json.loads(json.dumps(metrics.to_dict()))
    assert {name: document[name] for name in METRICS} == metrics.values
    assert document["images"] == 4
    assert document["top_k"] == {"1": 0.75, "2": 1.0, "3": 1.0}
    assert document["per_class"][1]["recall"] == 0.5
    assert document["reliability"][-1]["images"] == 0
