"""How fast this machine multiplies matrices: the limit that training is held against.

    python benchmarks/matrix_rate.py

prints the best of ten products of 2048x2048 float32 matrices, in GFLOP/s, by NumPy and
by TensorFlow with oneDNN.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable

import numpy as np

from kerascnn.machine.tensorflow import load_tensorflow

SIDE = 2048


def rate(product: Callable[[], object]) -> float:
    """The rate of the fastest of ten products, in GFLOP/s."""
    product()
    seconds = []
    for _ in range(10):
        started = time.perf_counter()
        product()
        seconds.append(time.perf_counter() - started)
    return 2 * SIDE**3 / min(seconds) / 1e9


load_tensorflow()
import tensorflow as tf  # noqa: E402

a, b = np.random.default_rng(0).random((2, SIDE, SIDE), np.float32)
x, y = tf.constant(a), tf.constant(b)
print(
    json.dumps(
        {"numpy": rate(lambda: a @ b), "tensorflow": rate(lambda: (x @ y).numpy())}
    )
)
