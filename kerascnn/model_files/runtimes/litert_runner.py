"""Runs a TFLite file in LiteRT."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter

# The two kinds of bytes that a quantized model takes and gives.
QUANTIZED = (np.uint8, np.int8)


class Runner:
    """A TFLite file with one input of pixels and one output of probabilities.

    Args:
        path: The file.
        threads: How many threads compute; where `None`, as many as there are cores.
    """

    def __init__(self, path: str, threads: int | None) -> None:
        # Read here, since the interpreter's own words on a missing file mislead.
        with open(path, "rb") as file:
            content = file.read()
        if content[4:8] != b"TFL3":
            raise ValueError("it is not a TFLite file, or damaged")
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1
        self.interpreter = Interpreter(
            model_content=content, num_threads=threads or cores
        )
        inputs = self.interpreter.get_input_details()
        outputs = self.interpreter.get_output_details()
        if len(inputs) != 1 or len(outputs) != 1:
            raise ValueError(f"it takes {len(inputs)} inputs and gives {len(outputs)}")
        self.input, self.output = inputs[0], outputs[0]
        self.input_shape = _shape(self.input)
        self.output_shape = _shape(self.output)
        self.batch_size = 0

    def __call__(self, images: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """From raw pixels, `(number, height, width, channels)`, to probabilities."""
        if len(images) != self.batch_size:
            self.interpreter.resize_tensor_input(self.input["index"], images.shape)
            self.interpreter.allocate_tensors()
            self.batch_size = len(images)
        self.interpreter.set_tensor(self.input["index"], _to_input(images, self.input))
        self.interpreter.invoke()
        return _to_float(self.interpreter.get_tensor(self.output["index"]), self.output)


def _shape(details: dict[str, Any]) -> list[int | None]:
    """A tensor's shape, its batch of any size as `None`."""
    signature = details["shape_signature"]
    return [None if side < 0 else int(side) for side in signature]


def _to_input(
    images: np.ndarray[Any, Any], details: dict[str, Any]
) -> np.ndarray[Any, Any]:
    dtype = details["dtype"]
    if dtype not in QUANTIZED:
        return np.asarray(images, dtype)
    scale, zero = details["quantization"]
    limits = np.iinfo(dtype)
    steps = np.rint(images / scale) + zero
    return np.asarray(np.clip(steps, limits.min, limits.max), dtype)


def _to_float(
    values: np.ndarray[Any, Any], details: dict[str, Any]
) -> np.ndarray[Any, Any]:
    if details["dtype"] not in QUANTIZED:
        return values.astype(np.float32)
    scale, zero = details["quantization"]
    return np.asarray((values.astype(np.int32) - zero) * scale, np.float32)
