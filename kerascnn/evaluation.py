"""What a model makes of the test images: its probabilities, and how good they are."""

from __future__ import annotations

import warnings
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from kerascnn.data import Split, load_dataset
from kerascnn.errors import ConfigError, RunError
from kerascnn.metrics import Probabilities, compute_metrics
from kerascnn.runs import Run

BATCH_SIZE = 256


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


def load_model(path: Path) -> keras.Model:
    """Load the model in a `.keras` file; code that it may hold is not run.

    Raises:
        RunError: It holds no model, or one that cannot be loaded.
    """
    try:
        with open(path, "rb") as file:
            if not zipfile.is_zipfile(file):
                raise ValueError("it is not a zip archive, or cut short")
            # Python's and Keras's versions word what they find in it differently.
            with zipfile.ZipFile(file) as archive:
                altered = archive.testzip()
        if altered:
            raise ValueError(f"{altered} in it was altered")
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
