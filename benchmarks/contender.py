"""What every contender shares: it trains when told to, and says how long it took.

A contender is a process. It trains one step, says so, and then reads from standard
input how many steps to train next. So several can take turns on one machine, each
warm, and none waits for another to load.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import time
from collections.abc import Iterator

import numpy as np

from kerascnn import load_dataset

BATCH_SIZE = 128
IMAGE_SIZE = 32
LEARNING_RATE = 0.001
STARTED = time.perf_counter()

Arrays = tuple[np.ndarray, np.ndarray]


def parse() -> argparse.Namespace:
    """Read what to train: a network and an optimizer, and options of the contender."""
    parser = argparse.ArgumentParser()
    parser.add_argument("network")
    parser.add_argument("optimizer", choices=("sgd", "adagrad"))
    parser.add_argument("--channels-last", action="store_true")
    parser.add_argument("--compile", action="store_true")
    return parser.parse_args()


def load_mnist(margin: int = 2) -> tuple[Arrays, Arrays]:
    """Training and test images as scripts have them, and their labels.

    float32 in [0, 1], `(number, height, width, 1)`, with a margin of zeros.
    """
    around = ((0, 0), (margin, margin), (margin, margin), (0, 0))
    training, test = (
        (np.pad(split.images, around).astype(np.float32) / 255, split.labels)
        for split in load_dataset("mnist")
    )
    return training, test


def ready(imported: float, **more: object) -> None:
    """Say that the first step is done; `imported` is when the imports were."""
    now = time.perf_counter()
    say(import_s=imported - STARTED, first_step_s=now - imported, **more)


def orders() -> Iterator[int]:
    """The numbers of steps to train, as they come in; the peak of memory at the end."""
    for line in sys.stdin:
        yield int(line)
    kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    say(peak_mib=kib / 1024)


def say(**values: object) -> None:
    """Write one line of JSON."""
    print(json.dumps(values), flush=True)
