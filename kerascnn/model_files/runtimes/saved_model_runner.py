"""Runs a SavedModel in plain TensorFlow."""

from __future__ import annotations

import os
import sys
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# TensorFlow imports Keras where it finds it; a SavedModel has to run without.
sys.modules["keras"] = None  # type: ignore[assignment]

import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402
from saved_model_operations import (  # type: ignore[import-not-found]  # noqa: E402
    check_files,
    check_operations,
)

SIGNATURE = "serving_default"


class Runner:
    """A SavedModel with a signature from a batch of pixels to probabilities.

    Args:
        path: Its folder.
        threads: Not used; TensorFlow reads its threads from the environment.
        trust: Whether to run it whatever operations it has.
    """

    def __init__(self, path: str, threads: int | None, trust: bool = False) -> None:
        check_files(path)
        if not trust:
            check_operations(path)
        self.model = tf.saved_model.load(path)
        if SIGNATURE not in self.model.signatures:
            raise ValueError(f"it has no signature {SIGNATURE!r}")
        self.signature = self.model.signatures[SIGNATURE]
        _, inputs = self.signature.structured_input_signature
        if len(inputs) != 1:
            raise ValueError(f"its signature takes {len(inputs)} inputs, not one")
        [(self.name, spec)] = inputs.items()
        self.dtype = spec.dtype
        outputs = self.signature.structured_outputs
        self.output = "probabilities" if "probabilities" in outputs else min(outputs)
        self.input_shape = spec.shape.as_list()
        self.output_shape = outputs[self.output].shape.as_list()

    def __call__(self, images: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """From raw pixels, `(number, height, width, channels)`, to probabilities."""
        x = tf.cast(images, self.dtype)
        probabilities = self.signature(**{self.name: x})[self.output]
        return np.asarray(probabilities, np.float32)
