"""The mistakes of a model, the most confident first."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from kerascnn.data import Split
from kerascnn.evaluation.metrics import Probabilities


@dataclass(frozen=True, kw_only=True)
class Mistake:
    """An image of one class that was taken for one of another.

    Attributes:
        file: Where it is from, as in `Split.files`.
        true: The name of its class.
        predicted: That of the class that was predicted.
        probability: What the model gave that class, in `[0, 1]`.
    """

    file: str
    true: str
    predicted: str
    probability: float


def list_mistakes(
    test: Split, probabilities: Probabilities, limit: int
) -> list[Mistake]:
    """Tell which files were mistaken for what, in the order of `rank_mistakes`.

    Args:
        test: The images, with their files.
        probabilities: The model's, `(number, num_classes)`.
        limit: The most to tell.
    """
    files, names = test.files, test.class_names
    if files is None:
        return []
    predicted = probabilities.argmax(axis=1)
    return [
        Mistake(
            file=files[index],
            true=names[test.labels[index]],
            predicted=names[predicted[index]],
            probability=float(probabilities[index, predicted[index]]),
        )
        for index in rank_mistakes(test.labels, probabilities)[:limit]
    ]


def rank_mistakes(
    labels: npt.NDArray[np.int64], probabilities: Probabilities
) -> npt.NDArray[np.int64]:
    """The places of the images that were mistaken, the most confident first.

    Args:
        labels: The true classes, `(number,)`.
        probabilities: The model's, `(number, num_classes)`.
    """
    mistakes = np.flatnonzero(probabilities.argmax(axis=1) != labels)
    confidence = probabilities[mistakes].max(axis=1)
    return mistakes[np.argsort(-confidence, kind="stable")]
