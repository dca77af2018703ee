"""Runs a `.keras` file in Keras; code that it may hold is not run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from kerascnn.model_files.keras_model import Predictor, load_model


class Runner:
    """A `.keras` file with a model from pixels to probabilities.

    Args:
        path: The file.
        threads: Not used; TensorFlow reads its threads from the environment.
    """

    def __init__(self, path: str, threads: int | None) -> None:
        model = load_model(Path(path))
        self.input_shape = model.input_shape
        self.output_shape = model.output_shape
        self.predict = Predictor(model, batch_size=2**31)

    def __call__(self, images: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """From raw pixels, `(number, height, width, channels)`, to probabilities."""
        return self.predict(images)
