"""Memory that is not enough, in one line that says what to make smaller."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from kerascnn.errors import ConfigError

# oneDNN's own allocations fail in an error that says no more.
ONEDNN_WORDS = "could not create a memory object"


@contextmanager
def told_memory_errors(smaller: str) -> Iterator[None]:
    """Turn an allocation that failed, Python's or TensorFlow's, into one line.

    Args:
        smaller: What needs less memory: `"--batch-size or --image-size"`.

    Raises:
        ConfigError: There is not enough memory.
    """
    try:
        yield
    except Exception as error:
        if not _is_of_memory(error):
            raise
        raise ConfigError(
            f"The memory of this machine is not enough. Give a smaller {smaller}."
        ) from error


def _is_of_memory(error: Exception) -> bool:
    tensorflow = sys.modules.get("tensorflow")
    if tensorflow is None or not isinstance(error, tensorflow.errors.OpError):
        return isinstance(error, MemoryError)
    exhausted = isinstance(error, tensorflow.errors.ResourceExhaustedError)
    return exhausted or ONEDNN_WORDS in str(error)
