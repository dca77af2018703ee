"""Runs the C++ sources of a model in TensorFlow Lite Micro, as a chip would.

The model is read from the text of `model_data.cc`, and scales and the arena from that
of `model_settings.h`, so that what is tried is what will be compiled.
"""

from __future__ import annotations

import os
import re
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from tflite_micro.python.tflite_micro import runtime

MODEL = re.compile(r"\bkModel\[\] = \{([^}]*)\}")
CONSTANT = re.compile(r"^constexpr (?:int|float) (k\w+) = ([-+.\de]+)f?;", re.MULTILINE)
# A byte takes six letters there, and no model has more than 4 GB.
MAX_TEXT_BYTES = 6 * 4_000_000_000


class Runner:
    """A model in C++ with one input of pixels and one output of probabilities.

    Args:
        path: The folder of its sources.
        threads: Not used; TFLM has one.
    """

    # An image takes from milliseconds to minutes, and batches it has none.
    largest_batch = 1

    def __init__(self, path: str, threads: int | None) -> None:
        self.content = _model_in(_read(path, "model_data.cc"))
        settings = dict(CONSTANT.findall(_read(path, "model_settings.h")))
        try:
            self.input_steps = _steps(settings, "Input")
            self.output_steps = _steps(settings, "Output")
            arena = int(settings["kArenaMeasured"])
        except (KeyError, ValueError) as error:
            raise ValueError(f"model_settings.h is damaged at {error}") from error
        # TFLM takes every offset in a file for granted; LiteRT looks at them.
        Interpreter(model_content=self.content)
        self.interpreter = runtime.Interpreter.from_bytes(
            self.content, arena_size=arena
        )
        takes = self.interpreter.get_input_details(0)
        gives = self.interpreter.get_output_details(0)
        for details, steps in ((takes, self.input_steps), (gives, self.output_steps)):
            if details["dtype"] != np.uint8:
                raise ValueError("its input and output are no bytes")
            if steps != _steps_of(details):
                raise ValueError("model_settings.h has scales of another model")
        self.input_shape = [None, *map(int, takes["shape"][1:])]
        self.output_shape = [None, *map(int, gives["shape"][1:])]

    def __call__(self, images: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """From raw pixels, `(number, height, width, channels)`, to probabilities."""
        # QuantizePixel, in 32 bits and its order.
        size, of_zero = map(np.float32, self.input_steps)
        steps = images.astype(np.float32) / size + of_zero + np.float32(0.5)
        pixels = np.clip(steps, 0, 255).astype(np.uint8)
        scale, zero = self.output_steps
        answers = np.concatenate([self._answer(image) for image in pixels])
        return np.asarray((answers.astype(np.int32) - zero) * scale, np.float32)

    def _answer(self, image: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        self.interpreter.set_input(image[np.newaxis], 0)
        self.interpreter.invoke()
        return np.asarray(self.interpreter.get_output(0))


def _read(path: str, name: str) -> str:
    file = os.path.join(path, name)
    if os.path.getsize(file) > MAX_TEXT_BYTES:
        raise ValueError(f"{name} is larger than any model")
    with open(file, encoding="utf-8", errors="replace") as text:
        return text.read()


def _model_in(text: str) -> bytes:
    """The bytes of the array in `model_data.cc`."""
    found = MODEL.search(text)
    try:
        if found is None:
            raise ValueError("no kModel")
        return bytes.fromhex(found[1].replace("0x", "").replace(",", ""))
    except ValueError as error:
        raise ValueError(f"model_data.cc is damaged: {error}") from error


def _steps(settings: dict[str, str], end: str) -> tuple[float, int]:
    """What a byte stands for: the size of a step, in 32 bits, and the byte of 0."""
    scale = np.float32(settings[f"k{end}Scale"])
    return float(scale), int(settings[f"k{end}ZeroPoint"])


def _steps_of(details: dict[str, Any]) -> tuple[float, int]:
    """The same of a tensor."""
    steps = details["quantization_parameters"]
    return float(steps["scales"][0]), int(steps["zero_points"][0])
