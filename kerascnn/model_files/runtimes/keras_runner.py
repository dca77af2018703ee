"""Runs a `.keras` file in Keras; code that it may hold is not run."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from kerascnn.model_files.keras_model import Predictor
from kerascnn.models.load import load_model


class Runner:
    """A `.keras` file with a model from pixels to probabilities.

    Args:
        path: The file.
        threads: Not used; TensorFlow reads its threads from the environment.
    """

    def __init__(self, path: str, threads: int | None) -> None:
        model = load_model(Path(path))
        self.model = model
        # One that was never built, or that takes several inputs, has no shape or many.
        self.input_shape = getattr(model, "input_shape", None)
        self.output_shape = getattr(model, "output_shape", None)

    @cached_property
    def predict(self) -> Predictor:
        """The model compiled, once it is known to be one of images."""
        return Predictor(self.model, batch_size=2**31)

    def __call__(self, images: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """From raw pixels, `(number, height, width, channels)`, to probabilities."""
        return self.predict(images)
