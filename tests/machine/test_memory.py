"""Memory that is not enough is one line, whoever asked for it."""

import numpy as np
import pytest
import tensorflow as tf

from kerascnn.errors import ConfigError
from kerascnn.machine.memory import told_memory_errors


def numpy():
    np.empty(2**58)


def tensorflow():
    tf.zeros([2**40, 2**15])


def onednn():
    message = "Status: 1, message: could not create a memory object, in file x.cc:1"
    raise tf.errors.AbortedError(None, None, message)


# TensorFlow tries for ten seconds.
@pytest.mark.parametrize(
    "allocate", [numpy, pytest.param(tensorflow, marks=pytest.mark.slow), onednn]
)
def test_allocation_that_fails_says_what_to_make_smaller(allocate):
    with (
        pytest.raises(ConfigError, match=r"not enough\. Give a smaller --batch-size"),
        told_memory_errors("--batch-size"),
    ):
        allocate()


def test_other_errors_stay_what_they_are():
    with pytest.raises(ZeroDivisionError), told_memory_errors("--batch-size"):
        _ = 1 / 0
