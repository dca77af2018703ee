"""Keras models at work: the probabilities that they predict for images."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from kerascnn.errors import ConfigError, ModelFileError

BATCH_SIZE = 256

Pixels = npt.NDArray[np.uint8 | np.float32]
Probabilities = npt.NDArray[np.float32]


def predict_probabilities(
    model: keras.Model,
    images: Pixels,
    *,
    batch_size: int = BATCH_SIZE,
) -> Probabilities:
    """Predict images, each exactly once.

    Args:
        model: A model from raw pixels to probabilities.
        images: Raw pixels, from 0 to 255, `(number, height, width, channels)`.
        batch_size: Images at a time; the last batch holds what is left.

    Returns:
        Probabilities, `(number, num_classes)`, in the order of the images.

    Raises:
        ConfigError: A batch that does not fit into memory.
        ModelFileError: A model of something else.
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
        self._functions: dict[str, Any] = {}

    def __call__(self, images: Pixels) -> Probabilities:
        """Predict as `predict_probabilities` does."""
        num_classes = _num_classes(self.model)
        function = self._function(images.dtype.name)
        probabilities = np.empty((len(images), num_classes), np.float32)

        def predict(start: int) -> None:
            batch = slice(start, start + self.batch_size)
            probabilities[batch] = function(tf.constant(images[batch])).numpy()

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

    def _function(self, dtype: str) -> Any:
        """The compiled model for pixels of a type, made when it is first needed."""
        if dtype not in self._functions:
            # One signature for every batch, the last and smaller one included.
            signature = tf.TensorSpec(self.model.input_shape, dtype)
            function = tf.function(
                self._predict, input_signature=[signature], autograph=False
            )
            # Else TensorFlow warns of many traces where many models are used.
            self._functions[dtype] = function.get_concrete_function()
        return self._functions[dtype]

    def _predict(self, images: tf.Tensor) -> tf.Tensor:
        probabilities = self.model(tf.cast(images, tf.float32), training=False)
        return tf.cast(probabilities, tf.float32)


def _num_classes(model: keras.Model) -> int:
    """How many probabilities a model gives for an image.

    Raises:
        ModelFileError: It takes something else than images, or gives something else.
    """
    # A model that was never built has no shapes, one of several inputs has lists.
    takes, gives = (getattr(model, f"{end}_shape", None) for end in ("input", "output"))
    match takes, gives:
        case (None, _, _, _), (None, int(count)):
            return count
    raise ModelFileError(
        f"The model takes {takes} and gives {gives}, but a classifier of images takes "
        "(None, height, width, channels) and gives (None, classes). Choose another."
    )
