"""The state of a process: that of a new one inside, what was there afterwards."""

import random

import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorflow.python.framework import config

from kerascnn.machine.state import fresh_state


@pytest.fixture(autouse=True)
def _put_back():
    """The tests of this file change the process that all others run in."""
    with fresh_state():
        yield
        keras.config.set_dtype_policy("float32")


def draw():
    """A random number of each library."""
    return (
        random.random(),
        np.random.rand(),
        float(keras.random.uniform(())),
        float(tf.random.uniform(())),
    )


def disturb():
    keras.utils.set_random_seed(7)
    tf.config.experimental.enable_op_determinism()
    tf.config.run_functions_eagerly(True)
    keras.config.set_dtype_policy("mixed_bfloat16")
    keras.config.set_floatx("float16")
    keras.config.set_epsilon(1e-3)
    keras.config.set_image_data_format("channels_first")
    keras.layers.Dense(1)


@fresh_state()
def fail():
    disturb()
    raise ZeroDivisionError


def settings():
    return {
        "policy": keras.config.dtype_policy().name,
        "floatx": keras.config.floatx(),
        "epsilon": keras.config.epsilon(),
        "image_data_format": keras.config.image_data_format(),
        "eager": tf.config.functions_run_eagerly(),
        "deterministic": config.is_op_determinism_enabled(),
    }


def test_block_has_the_settings_of_a_new_process():
    new = {
        "policy": "float32",
        "floatx": "float32",
        "epsilon": 1e-7,
        "image_data_format": "channels_last",
        "eager": False,
        "deterministic": True,  # as was asked for, everywhere
    }
    disturb()
    with fresh_state():
        assert settings() == new
        assert keras.layers.Dense(1).name == "dense"


def test_settings_are_put_back_after_an_error():
    before = settings()
    with pytest.raises(ZeroDivisionError):
        fail()
    assert settings() == before


def test_random_numbers_go_on_as_if_nothing_had_been():
    keras.utils.set_random_seed(3)
    draw()
    expected = draw()
    keras.utils.set_random_seed(3)
    draw()
    with fresh_state():
        disturb()
        draw()
    assert draw() == expected


def test_there_is_no_seed_again_where_there_was_none():
    with fresh_state():
        disturb()
    numbers = []
    for _ in range(2):
        with fresh_state():
            disturb()
        numbers.append(float(tf.random.uniform(())))
    assert numbers[0] != numbers[1]


def test_counters_of_names_go_on():
    first = keras.layers.Dense(1).name
    with fresh_state():
        keras.layers.Dense(1)
    assert keras.layers.Dense(1).name == f"{first}_1"
