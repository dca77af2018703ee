"""Runs a network of `networks_torch.py`, named by the path, with random weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from networks_torch import BUILDERS, NUM_CLASSES

MARGIN = 2


class Runner:
    """One of the five networks, from raw pixels of 28x28 to probabilities.

    Args:
        path: Ends in the network's name.
        threads: How many threads compute; PyTorch's own number where `None`.
    """

    def __init__(self, path: str, threads: int | None) -> None:
        if threads:
            torch.set_num_threads(threads)
        network = BUILDERS[Path(path).name]()
        self.model = network.to(memory_format=torch.channels_last).eval()
        self.input_shape = (None, 28, 28, 1)
        self.output_shape = (None, NUM_CLASSES)

    @torch.inference_mode()
    def __call__(self, images: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """From raw pixels, `(number, height, width, channels)`, to probabilities."""
        x = torch.from_numpy(np.ascontiguousarray(images)).permute(0, 3, 1, 2) / 255
        x = torch.nn.functional.pad(x, (MARGIN,) * 4)
        x = x.contiguous(memory_format=torch.channels_last)
        return np.asarray(torch.softmax(self.model(x), dim=1))
