"""What a model makes of the test images: its probabilities, and how good they are."""

from __future__ import annotations

import warnings
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from kerascnn.data import Split, load_dataset
from kerascnn.errors import ConfigError, RunError
from kerascnn.runs import Run

BATCH_SIZE = 256

# The bounds that Keras keeps probabilities within before it takes logarithms.
EPSILON = 1e-7

Probabilities = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """A model's answers to the test images of a data set.

    Attributes:
        source: The run or the file that the model is from.
        dataset: The name of the data set.
        test: Its test images, all of them, in their own order.
        probabilities: The model's answers, `(number, num_classes)`, in that order.
        metrics: What `compute_metrics` says of them.
    """

    source: Path
    dataset: str
    test: Split
    probabilities: Probabilities
    metrics: dict[str, Any]

    def to_dict(self) -> dict[str, Any]:
        """The metrics and what they are of, as plain values."""
        return {"source": str(self.source), "dataset": self.dataset, **self.metrics}


def evaluate_run(run: Run, *, batch_size: int = BATCH_SIZE) -> Evaluation:
    """Evaluate the model of a run on the test images of the run's data set.

    Args:
        run: A finished run.
        batch_size: Images at a time; it changes memory and time, not the result.

    Raises:
        RunError: The run has no model, or one that cannot be loaded or does not fit.
        ConfigError: A batch that does not fit into memory.
        DatasetError: Data that cannot be read.
    """
    return _evaluate(run.path, run.require_model(), run.config.dataset, batch_size)


def evaluate_file(
    path: Path, dataset: str = "mnist", *, batch_size: int = BATCH_SIZE
) -> Evaluation:
    """Evaluate the model in a `.keras` file on the test images of a data set.

    Args:
        path: The file. Its model takes raw pixels, from 0 to 255.
        dataset: A name of `DATASETS`.
        batch_size: As for `evaluate_run`.

    Raises:
        RunError: A model that cannot be loaded or does not fit the data.
        ConfigError: A batch that does not fit into memory.
        UnknownNameError: No data set of that name.
        DatasetError: Data that cannot be read.
    """
    return _evaluate(path, path, dataset, batch_size)


def _evaluate(source: Path, path: Path, dataset: str, batch_size: int) -> Evaluation:
    _, test = load_dataset(dataset)
    model = load_model(path)
    _check_shapes(model, test, path, dataset)
    probabilities = predict_probabilities(model, test.images, batch_size=batch_size)
    _check_probabilities(probabilities, path)
    return Evaluation(
        source=source,
        dataset=dataset,
        test=test,
        probabilities=probabilities,
        metrics=compute_metrics(probabilities, test.labels, test.class_names),
    )


def predict_probabilities(
    model: keras.Model,
    images: npt.NDArray[np.uint8],
    *,
    batch_size: int = BATCH_SIZE,
) -> Probabilities:
    """Ask a model about images, each exactly once.

    Args:
        model: A model from raw pixels to probabilities.
        images: Raw pixels, uint8, `(number, height, width, channels)`.
        batch_size: Images at a time; the last batch holds what is left.

    Returns:
        Probabilities, `(number, num_classes)`, in the order of the images.

    Raises:
        ConfigError: A batch that does not fit into memory.
    """
    return Predictor(model, batch_size=batch_size)(images)


class Predictor:
    """A model compiled to answer; it sees later changes of the model's weights.

    `model.predict` would spend seconds on its input pipeline, each time anew.

    Args:
        model: A model from raw pixels to probabilities.
        batch_size: Images at a time.
    """

    def __init__(self, model: keras.Model, *, batch_size: int = BATCH_SIZE) -> None:
        self.model = model
        self.batch_size = batch_size
        # One signature for every batch, the last and smaller one included.
        signature = tf.TensorSpec(model.input_shape, tf.uint8)
        self._compiled = tf.function(self._answer, input_signature=[signature])

    def __call__(self, images: npt.NDArray[np.uint8]) -> Probabilities:
        """Answer as `predict_probabilities` does."""
        num_classes = self.model.output_shape[-1]
        probabilities = np.empty((len(images), num_classes), np.float32)
        for start in range(0, len(images), self.batch_size):
            batch = slice(start, start + self.batch_size)
            try:
                probabilities[batch] = self._compiled(images[batch]).numpy()
            except tf.errors.ResourceExhaustedError as error:
                raise ConfigError(
                    f"{len(images[batch])} images at a time do not fit into memory. "
                    "Give a smaller --batch-size."
                ) from error
        return probabilities

    def _answer(self, images: tf.Tensor) -> tf.Tensor:
        probabilities = self.model(tf.cast(images, tf.float32), training=False)
        return tf.cast(probabilities, tf.float32)


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
    return float(loss), float((probabilities.argmax(axis=1) == labels).mean())


def load_model(path: Path) -> keras.Model:
    """Load the model in a `.keras` file; code that it may hold is not run.

    Raises:
        RunError: It holds no model, or one that cannot be loaded.
    """
    try:
        with open(path, "rb") as file:
            if not zipfile.is_zipfile(file):
                raise ValueError("it is not a zip archive, or cut short")
        with warnings.catch_warnings():
            # Keras only warns of weights that are missing, and makes up others.
            warnings.filterwarnings("error", "Skipping nested container")
            model = keras.models.load_model(path, compile=False, safe_mode=True)
        if not isinstance(model, keras.Model):
            raise ValueError(f"it holds a {type(model).__name__}, not a model")
    except (
        OSError,
        ValueError,
        TypeError,
        LookupError,
        UserWarning,
        zipfile.BadZipFile,
        zlib.error,
    ) as error:
        reason = " ".join(str(error).split()).split(". ")[0].rstrip(".")
        raise RunError(
            f"Cannot load a model from {path}: {reason}. Save it again with "
            "model.save, or train again."
        ) from error
    return model


def _check_shapes(model: keras.Model, test: Split, path: Path, dataset: str) -> None:
    expected = (None, *test.image_shape), (None, test.num_classes)
    # A model that was never built, or that takes several inputs, has no shape or many.
    actual = tuple(getattr(model, f"{end}_shape", None) for end in ("input", "output"))
    if not all(map(_fits, actual, expected)):
        raise RunError(
            f"The model in {path} takes {actual[0]} and gives {actual[1]}, but "
            f"{dataset} needs {expected[0]} and {expected[1]}. Choose the data that it "
            "was made for with --dataset, or another file."
        )


def _fits(actual: Any, expected: tuple[int | None, ...]) -> bool:
    """Whether a shape, in which `None` is any size, can be the one expected."""
    return (
        isinstance(actual, tuple)
        and len(actual) == len(expected)
        and actual[0] is None
        and all(
            have in (None, want) for have, want in zip(actual, expected, strict=True)
        )
    )


def _check_probabilities(probabilities: Probabilities, path: Path) -> None:
    # Models that compute in 16 bits are off by up to a hundredth.
    sums = probabilities.sum(axis=1)
    if not (probabilities >= 0).all() or not np.allclose(sums, 1, atol=0.02):
        raise RunError(
            f"The model in {path} does not give probabilities: those of the first "
            f"image sum to {sums[0]:.3g}. End it in softmax, or, where that is no "
            "number, train again."
        )


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
