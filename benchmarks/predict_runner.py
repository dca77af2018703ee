"""Runs a `.keras` file by `model.predict`, as most scripts do."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np


class Runner:
    """A `.keras` file with a model from pixels to probabilities.

    Args:
        path: The file.
        threads: Not used; `model.predict` has TensorFlow's own number.
    """

    def __init__(self, path: str, threads: int | None) -> None:
        self.model = keras.models.load_model(path, compile=False)
        self.input_shape = self.model.input_shape
        self.output_shape = self.model.output_shape

    def __call__(self, images: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """From raw pixels, `(number, height, width, channels)`, to probabilities."""
        return np.asarray(self.model.predict(images, batch_size=len(images), verbose=0))
