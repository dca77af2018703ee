"""What Python, NumPy, Keras and TensorFlow share in a process, set aside for a call.

A training sets seeds, op determinism and the dtype policy, and names its layers by
Keras's counters. With all of these as in a new process, its result does not depend on
what ran before; put back afterwards, it does not disturb what runs next.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import keras
import numpy as np
import tensorflow as tf

# Neither library has a public way to read its seed, nor TensorFlow one to put op
# determinism back.
from keras.src.backend.common import global_state
from tensorflow.python.eager import context
from tensorflow.python.framework import config


@contextmanager
def fresh_state() -> Iterator[None]:
    """Give the block the state of a new process, and put back what was there.

    That is Keras's dtype policy, its settings and its counters of names, and whether
    functions run eagerly. Random numbers go on afterwards where they were; the block
    sets a seed of its own. Op determinism is disabled afterwards if it was; one that is
    enabled stays so inside, for whoever did so wants it everywhere. Threads are not
    covered: TensorFlow keeps those that it began with.
    """
    with ExitStack() as stack:
        stack.callback(random.setstate, random.getstate())
        stack.callback(np.random.set_state, np.random.get_state())
        _set_aside_keras(stack)
        _set_aside_tensorflow(stack)
        yield


def _set_aside_keras(stack: ExitStack) -> None:
    # One thread's attributes: dtype policy, seed, and the numbers in layers' names.
    state = vars(global_state.GLOBAL_STATE_TRACKER)
    before = dict(state)
    state.clear()

    def put_back() -> None:
        state.clear()
        state.update(before)

    stack.callback(put_back)
    for read, write, value in (
        (keras.config.floatx, keras.config.set_floatx, "float32"),
        (keras.config.epsilon, keras.config.set_epsilon, 1e-7),
        (
            keras.config.image_data_format,
            keras.config.set_image_data_format,
            "channels_last",
        ),
    ):
        stack.callback(write, read())
        write(value)


def _set_aside_tensorflow(stack: ExitStack) -> None:
    was_deterministic = config.is_op_determinism_enabled()
    ran_eagerly = tf.config.functions_run_eagerly()
    shared = context.context()
    seed, generator = shared._seed, getattr(shared, "_rng", None)

    def put_back() -> None:
        if not was_deterministic:
            config.disable_op_determinism()
        tf.config.run_functions_eagerly(ran_eagerly)
        tf.random.set_seed(seed)
        if generator is not None:  # else there was no seed, and is none again
            shared._rng = generator

    stack.callback(put_back)
    tf.config.run_functions_eagerly(False)
