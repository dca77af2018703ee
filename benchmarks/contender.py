"""What every contender shares: it trains when told to, and says how long it took.

A contender is a process. It trains one step, says so, and then reads from standard
input how many steps to train next. So several can take turns on one machine, each
warm, and none waits for another to load.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator

import numpy as np

from kerascnn import load_dataset

MNIST_SIZE, LARGEST_WITH_MARGIN = 28, 32
LEARNING_RATE = 0.001
STARTED = time.perf_counter()

Arrays = tuple[np.ndarray, np.ndarray]


def parser() -> argparse.ArgumentParser:
    """What every contender is told: a network, an optimizer, sizes, a precision."""
    parser = argparse.ArgumentParser()
    parser.add_argument("network")
    parser.add_argument("optimizer", choices=("sgd", "adagrad"))
    parser.add_argument("--image-size", type=int, default=32)
    parser.add_argument("--stem", default="paper")
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--bfloat16", action="store_true")
    return parser


def load_mnist(size: int) -> Arrays:
    """Training images as scripts have them, and their labels.

    float32 in [0, 1], `(number, height, width, 1)`, with a margin of zeros up to 32
    pixels a side. For larger sizes they stay at 28, and are resized in the step.
    """
    margin = (size - MNIST_SIZE) // 2 if size <= LARGEST_WITH_MARGIN else 0
    around = ((0, 0), (margin, margin), (margin, margin), (0, 0))
    training, _ = load_dataset("mnist")
    return np.pad(training.images, around).astype(np.float32) / 255, training.labels


def ready(imported: float, **more: object) -> None:
    """Say that the first step is done; `imported` is when the imports were."""
    now = time.perf_counter()
    say(import_s=imported - STARTED, first_step_s=now - imported, **more)


def orders() -> Iterator[int]:
    """The numbers of steps to train, as they come in."""
    for line in sys.stdin:
        yield int(line)


def say(**values: object) -> None:
    """Write one line of JSON."""
    print(json.dumps(values), flush=True)
