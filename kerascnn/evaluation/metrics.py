"""Metrics of predictions: those of `METRICS`, top-k, per class, calibration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from kerascnn.evaluation import METRICS

# The bounds that Keras keeps probabilities within before it takes logarithms.
EPSILON = 1e-7
TOP_K = (1, 2, 3, 5)
BINS = 15
# Of the normal distribution, for an interval of 95%.
QUANTILE = 1.959964

Probabilities = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class ClassMetrics:
    """How one class is recognized; a precision or recall of 0/0 is 0.

    Attributes:
        name: What the class stands for.
        images: How many test images are of it.
        precision: The share of those predicted as this class that are of it.
        recall: The share of its images that are predicted as this class.
        f1: The harmonic mean of the two.
    """

    name: str
    images: int
    precision: float
    recall: float
    f1: float


@dataclass(frozen=True, kw_only=True)
class ReliabilityBin:
    """Predictions of like confidence, the probability of the predicted class.

    Attributes:
        confidence: Their mean confidence; `None` where there are none.
        accuracy: The share of them that is correct; `None` where there are none.
        images: How many there are.
    """

    confidence: float | None
    accuracy: float | None
    images: int


@dataclass(frozen=True, kw_only=True)
class Metrics:
    """What is measured of a model on a test set; `metrics["accuracy"]` is a number.

    Attributes:
        images: How many test images there are.
        correct: How many predictions are correct.
        values: The numbers of `METRICS`, by name.
        top_k: The share of images whose true class is among the k likeliest, by k.
        per_class: The metrics of each class.
        confusion_matrix: Numbers of images, a row for each true class, a column for
            each predicted one.
        reliability: Bins of equal width, of confidence from 0 to 1 (Guo et al., 2017,
            https://arxiv.org/abs/1706.04599).
    """

    images: int
    correct: int
    values: Mapping[str, float]
    top_k: Mapping[int, float]
    per_class: tuple[ClassMetrics, ...]
    confusion_matrix: tuple[tuple[int, ...], ...]
    reliability: tuple[ReliabilityBin, ...]

    def __getitem__(self, name: str) -> float:
        """The number of a name of `METRICS`."""
        return self.values[name]

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON, the numbers of `METRICS` by their names."""
        return {
            "images": self.images,
            "correct": self.correct,
            **self.values,
            "top_k": {str(k): share for k, share in self.top_k.items()},
            "per_class": [asdict(row) for row in self.per_class],
            "confusion_matrix": [list(row) for row in self.confusion_matrix],
            "reliability": [asdict(row) for row in self.reliability],
        }


@dataclass(frozen=True)
class Predictions:
    """A model's probabilities with the true classes: what metrics are computed from.

    Attributes:
        probabilities: `(number, num_classes)`; at least one.
        labels: The true classes, `(number,)`.
        class_names: What each class stands for.
        bins: How many bins the calibration has.
    """

    probabilities: Probabilities
    labels: Labels
    class_names: Sequence[str]
    bins: int = BINS

    @cached_property
    def classes(self) -> npt.NDArray[np.intp]:
        """The predicted class of each image, `(number,)`; of equals the first."""
        return np.asarray(self.probabilities.argmax(axis=1))

    @cached_property
    def confusion_matrix(self) -> npt.NDArray[np.int64]:
        """Numbers of images, `(true class, predicted class)`."""
        matrix = np.zeros((len(self.class_names),) * 2, np.int64)
        np.add.at(matrix, (self.labels, self.classes), 1)
        return matrix

    @cached_property
    def per_class(self) -> tuple[ClassMetrics, ...]:
        """The metrics of each class."""
        correct = np.diag(self.confusion_matrix)
        images = self.confusion_matrix.sum(axis=1)
        predicted = self.confusion_matrix.sum(axis=0)
        return tuple(
            ClassMetrics(
                name=name,
                images=int(images[index]),
                precision=float(correct[index] / max(predicted[index], 1)),
                recall=float(correct[index] / max(images[index], 1)),
                f1=float(2 * correct[index] / max(images[index] + predicted[index], 1)),
            )
            for index, name in enumerate(self.class_names)
        )

    @cached_property
    def reliability(self) -> tuple[ReliabilityBin, ...]:
        """Mean confidence and accuracy of each bin, which is (low, high]."""
        confidences = self.probabilities.max(axis=1)
        correct = self.classes == self.labels
        edges = np.linspace(0, 1, self.bins + 1)[1:-1]
        index = np.digitize(confidences, edges, right=True)
        bins = []
        for number in range(self.bins):
            inside = index == number
            images = int(inside.sum())
            bins.append(
                ReliabilityBin(
                    confidence=float(confidences[inside].mean()) if images else None,
                    accuracy=float(correct[inside].mean()) if images else None,
                    images=images,
                )
            )
        return tuple(bins)


def compute_metrics(
    probabilities: Probabilities,
    labels: Labels,
    class_names: Sequence[str],
    *,
    top_k: Sequence[int] = TOP_K,
    bins: int = BINS,
) -> Metrics:
    """Compute every metric of a model's probabilities.

    Args:
        probabilities: `(number, num_classes)`; at least one.
        labels: The true classes, `(number,)`.
        class_names: What each class stands for.
        top_k: Numbers of likeliest classes; those above the number of classes are left
            out.
        bins: Bins of equal width for the calibration error.
    """
    predictions = Predictions(probabilities, labels, class_names, bins)
    ranks = _ranks(probabilities, labels)
    return Metrics(
        images=len(labels),
        correct=int((predictions.classes == labels).sum()),
        values={name: float(row.load()(predictions)) for name, row in METRICS.items()},
        top_k={k: float((ranks < k).mean()) for k in top_k if k <= len(class_names)},
        per_class=predictions.per_class,
        confusion_matrix=tuple(
            tuple(map(int, row)) for row in predictions.confusion_matrix
        ),
        reliability=predictions.reliability,
    )


def share_correct(predictions: Predictions) -> float:
    """The share of correct predictions."""
    return accuracy(predictions.probabilities, predictions.labels)


def cross_entropy(predictions: Predictions) -> float:
    """The mean cross-entropy, by the natural logarithm."""
    return loss_and_accuracy(predictions.probabilities, predictions.labels)[0]


def macro_precision(predictions: Predictions) -> float:
    """The mean precision of the classes that have images."""
    return _mean([row.precision for row in predictions.per_class if row.images])


def macro_recall(predictions: Predictions) -> float:
    """The mean recall of the classes that have images."""
    return _mean([row.recall for row in predictions.per_class if row.images])


def macro_f1(predictions: Predictions) -> float:
    """The mean F1 of the classes that have images."""
    return _mean([row.f1 for row in predictions.per_class if row.images])


def class_imbalance(images: Sequence[int] | npt.NDArray[np.integer[Any]]) -> float:
    """Images of the largest class by those of the smallest that has any.

    Args:
        images: How many images each class has.
    """
    counts = np.asarray(images)
    return float(counts.max() / counts[counts > 0].min())


def expected_calibration_error(predictions: Predictions) -> float:
    """The mean gap of confidence and accuracy, bins weighted by their images."""
    return sum(
        row.images / len(predictions.labels) * abs(row.accuracy - row.confidence)
        for row in predictions.reliability
        if row.accuracy is not None and row.confidence is not None
    )


def loss_and_accuracy(
    probabilities: Probabilities, labels: Labels
) -> tuple[float, float]:
    """Compute the mean cross-entropy and the share of correct predictions.

    As in Keras, probabilities are kept within `[1e-7, 1 - 1e-7]` and made to sum to 1.

    Args:
        probabilities: `(number, num_classes)`; at least one.
        labels: The true classes, `(number,)`.
    """
    clipped = np.clip(probabilities.astype(np.float64), EPSILON, 1 - EPSILON)
    true = np.take_along_axis(clipped, labels[:, np.newaxis], axis=1)[:, 0]
    loss = (np.log(clipped.sum(axis=1)) - np.log(true)).mean()
    return float(loss), accuracy(probabilities, labels)


def accuracy(probabilities: Probabilities, labels: Labels) -> float:
    """Compute the share of correct predictions, of the arguments of the above."""
    return float((probabilities.argmax(axis=1) == labels).mean())


def wilson_interval(share: float, images: int) -> tuple[float, float]:
    """Compute an interval of 95% for a share (https://doi.org/10.2307/2276774).

    Args:
        share: Of the images seen, in `[0, 1]`.
        images: How many there were.
    """
    square = QUANTILE**2 / images
    middle = (share + square / 2) / (1 + square)
    spread = share * (1 - share) / images + square / images / 4
    half = QUANTILE * spread**0.5 / (1 + square)
    return middle - half, middle + half


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values))


def _ranks(probabilities: Probabilities, labels: Labels) -> npt.NDArray[np.int64]:
    """How many classes come before the true one; of equals the first, as for argmax.

    scikit-learn's `top_k_accuracy_score` takes the last, and refuses two classes.
    """
    true = labels[:, np.newaxis]
    chance = np.take_along_axis(probabilities, true, axis=1)
    earlier = np.arange(probabilities.shape[1]) < true
    before = (probabilities > chance) | ((probabilities == chance) & earlier)
    return np.asarray(before.sum(axis=1))
