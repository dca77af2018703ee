"""How fast this machine multiplies matrices: the limit that training is held against.

    python benchmarks/matrix_rate.py

prints the best of twenty products of 2048x2048 matrices, in operations per second:
`float32`, the better of NumPy and TensorFlow with oneDNN, and `bfloat16`, by
TensorFlow, where the processor has it.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable

import numpy as np

from kerascnn.machine.environment import computes_bfloat16
from kerascnn.machine.tensorflow import load_tensorflow

SIDE, TURNS = 2048, 20


def rate(product: Callable[[], object]) -> float:
    """The rate of the fastest product, in operations per second."""
    product()
    seconds = []
    for _ in range(TURNS):
        started = time.perf_counter()
        product()
        seconds.append(time.perf_counter() - started)
    return 2 * SIDE**3 / min(seconds)


load_tensorflow()
import tensorflow as tf  # noqa: E402

a, b = np.random.default_rng(0).random((2, SIDE, SIDE), np.float32)
x, y = tf.constant(a), tf.constant(b)
rates = {"float32": max(rate(lambda: a @ b), rate(lambda: (x @ y).numpy()))}
# Where oneDNN is told to pass for AVX2, TensorFlow crashes in bfloat16.
if computes_bfloat16() and "ONEDNN_MAX_CPU_ISA" not in os.environ:
    x, y = (tf.cast(value, tf.bfloat16) for value in (x, y))
    rates["bfloat16"] = rate(lambda: (x @ y).numpy())
print(json.dumps(rates))
