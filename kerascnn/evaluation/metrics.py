"""How good answers are: accuracy, loss, top-k, per class, calibration."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

# The bounds that Keras keeps probabilities within before it takes logarithms.
EPSILON = 1e-7

Probabilities = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int64]


def compute_metrics(
    probabilities: Probabilities,
    labels: Labels,
    class_names: Sequence[str],
    *,
    top_k: Sequence[int] = (1, 2, 3, 5),
    bins: int = 15,
) -> dict[str, Any]:
    """Compute every metric of some answers.

    Args:
        probabilities: The answers, `(number, num_classes)`; at least one.
        labels: The true classes, `(number,)`.
        class_names: What each class stands for.
        top_k: Numbers of guesses; those above the number of classes are left out.
        bins: Bins of equal width for the calibration error.

    Returns:
        Plain values for JSON: `images`, `correct`, `accuracy`, `loss` (the mean
        cross-entropy, natural logarithm), `top_k` (the share of images whose true class
        is among the k likeliest, by k), `precision`, `recall` and `f1` (means over the
        classes that have images), `per_class`, `confusion_matrix` (a row for each true
        class, a column for each guess), `expected_calibration_error` (Guo et al., 2017,
        https://arxiv.org/abs/1706.04599) and `reliability` (its bins, from 0 to 1). A
        precision or recall of 0/0 is 0.
    """
    # Here, since training imports this module and needs none of it.
    from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

    loss, accuracy = loss_and_accuracy(probabilities, labels)
    guesses = probabilities.argmax(axis=1)
    classes = np.arange(len(class_names))
    precision, recall, f1, images = precision_recall_fscore_support(
        labels, guesses, labels=classes, zero_division=0.0
    )
    reliability = _reliability(probabilities.max(axis=1), guesses == labels, bins)
    return {
        "images": len(labels),
        "correct": int((guesses == labels).sum()),
        "accuracy": accuracy,
        "loss": loss,
        "top_k": {
            str(k): float((_ranks(probabilities, labels) < k).mean())
            for k in top_k
            if k <= len(class_names)
        },
        "precision": float(precision[images > 0].mean()),
        "recall": float(recall[images > 0].mean()),
        "f1": float(f1[images > 0].mean()),
        "per_class": [
            {
                "name": name,
                "images": int(images[index]),
                "precision": float(precision[index]),
                "recall": float(recall[index]),
                "f1": float(f1[index]),
            }
            for index, name in enumerate(class_names)
        ],
        "confusion_matrix": confusion_matrix(labels, guesses, labels=classes).tolist(),
        "expected_calibration_error": sum(
            row["images"] / len(labels) * abs(row["accuracy"] - row["confidence"])
            for row in reliability
            if row["images"]
        ),
        "reliability": reliability,
    }


def loss_and_accuracy(
    probabilities: Probabilities, labels: Labels
) -> tuple[float, float]:
    """Compute the mean cross-entropy and the share of right guesses.

    As in Keras, probabilities are kept within `[1e-7, 1 - 1e-7]` and made to sum to 1.

    Args:
        probabilities: The answers, `(number, num_classes)`; at least one.
        labels: The true classes, `(number,)`.
    """
    clipped = np.clip(probabilities.astype(np.float64), EPSILON, 1 - EPSILON)
    true = np.take_along_axis(clipped, labels[:, np.newaxis], axis=1)[:, 0]
    loss = (np.log(clipped.sum(axis=1)) - np.log(true)).mean()
    return float(loss), accuracy(probabilities, labels)


def accuracy(probabilities: Probabilities, labels: Labels) -> float:
    """Compute the share of right guesses; the arguments are those of the above."""
    return float((probabilities.argmax(axis=1) == labels).mean())


def _ranks(probabilities: Probabilities, labels: Labels) -> npt.NDArray[np.int64]:
    """How many classes come before the true one; of equals the first, as for argmax.

    scikit-learn's `top_k_accuracy_score` takes the last, and refuses two classes.
    """
    true = labels[:, np.newaxis]
    chance = np.take_along_axis(probabilities, true, axis=1)
    earlier = np.arange(probabilities.shape[1]) < true
    before = (probabilities > chance) | ((probabilities == chance) & earlier)
    return np.asarray(before.sum(axis=1))


def _reliability(
    confidences: Probabilities, right: npt.NDArray[np.bool_], bins: int
) -> list[dict[str, Any]]:
    """Mean confidence and accuracy of the images in each bin, which is (low, high]."""
    edges = np.linspace(0, 1, bins + 1)[1:-1]
    index = np.digitize(confidences, edges, right=True)
    rows = []
    for number in range(bins):
        inside = index == number
        images = int(inside.sum())
        rows.append(
            {
                "confidence": float(confidences[inside].mean()) if images else None,
                "accuracy": float(right[inside].mean()) if images else None,
                "images": images,
            }
        )
    return rows
