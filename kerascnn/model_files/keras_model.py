"""Keras models loaded from a file in safe mode, and their predictions of images."""

from __future__ import annotations

import warnings
import zipfile
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from kerascnn.errors import ConfigError, ModelFileError

BATCH_SIZE = 256

Probabilities = npt.NDArray[np.float32]


def predict_probabilities(
    model: keras.Model,
    images: npt.NDArray[np.uint8],
    *,
    batch_size: int = BATCH_SIZE,
) -> Probabilities:
    """Predict images, each exactly once.

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
    """A model compiled for prediction; it sees later changes of the model's weights.

    `model.predict` would spend seconds on its input pipeline, each time anew.

    Args:
        model: A model from raw pixels to probabilities.
        batch_size: Images at a time.
        workers: Batches side by side.
    """

    def __init__(
        self, model: keras.Model, *, batch_size: int = BATCH_SIZE, workers: int = 1
    ) -> None:
        self.model = model
        self.batch_size = batch_size
        self.workers = workers
        # One signature for every batch, the last and smaller one included.
        signature = tf.TensorSpec(model.input_shape, tf.uint8)
        self._compiled = tf.function(
            self._predict, input_signature=[signature], autograph=False
        )

    def __call__(self, images: npt.NDArray[np.uint8]) -> Probabilities:
        """Predict as `predict_probabilities` does."""
        num_classes = self.model.output_shape[-1]
        probabilities = np.empty((len(images), num_classes), np.float32)

        def predict(start: int) -> None:
            batch = slice(start, start + self.batch_size)
            probabilities[batch] = self._compiled(images[batch]).numpy()

        starts = range(0, len(images), self.batch_size)
        try:
            with ThreadPoolExecutor(self.workers) as pool:
                list(pool.map(predict, starts))
        except tf.errors.ResourceExhaustedError as error:
            raise ConfigError(
                f"{min(self.batch_size, len(images))} images at a time do not fit into "
                "memory. Give a smaller --batch-size."
            ) from error
        return probabilities

    def _predict(self, images: tf.Tensor) -> tf.Tensor:
        probabilities = self.model(tf.cast(images, tf.float32), training=False)
        return tf.cast(probabilities, tf.float32)


def load_model(path: Path) -> keras.Model:
    """Load the model in a `.keras` file; code that it may hold is not run.

    Raises:
        ModelFileError: It holds no model, or one that cannot be loaded.
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
        raise ModelFileError(
            f"Cannot load a model from {path}: {reason}. Save it again with "
            "model.save, or train again."
        ) from error
    return model
