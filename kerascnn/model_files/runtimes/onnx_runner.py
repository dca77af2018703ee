"""Runs an ONNX file in ONNX Runtime."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnxruntime

TYPES = {"tensor(float)": np.float32, "tensor(uint8)": np.uint8}


class Runner:
    """An ONNX file with one input of pixels and one output of probabilities.

    Args:
        path: The file.
        threads: How many threads compute; the runtime's own number where `None`.
    """

    def __init__(self, path: str, threads: int | None) -> None:
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        if threads:
            options.intra_op_num_threads = threads
        self.session = onnxruntime.InferenceSession(
            path, options, providers=["CPUExecutionProvider"]
        )
        inputs, outputs = self.session.get_inputs(), self.session.get_outputs()
        if len(inputs) != 1 or len(outputs) != 1:
            raise ValueError(f"it takes {len(inputs)} inputs and gives {len(outputs)}")
        if inputs[0].type not in TYPES:
            raise ValueError(f"it takes {inputs[0].type}, not pixels")
        self.name, self.dtype = inputs[0].name, TYPES[inputs[0].type]
        self.input_shape = _shape(inputs[0].shape)
        self.output_shape = _shape(outputs[0].shape)

    def __call__(self, images: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """From raw pixels, `(number, height, width, channels)`, to probabilities."""
        [probabilities] = self.session.run(None, {self.name: images.astype(self.dtype)})
        return np.asarray(probabilities, np.float32)


def _shape(shape: list[int | str | None]) -> list[int | None]:
    """A shape, its sides of any size as `None`."""
    return [side if isinstance(side, int) and side > 0 else None for side in shape]
