"""Memory that is not enough, in one line that says what to make smaller."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from kerascnn.errors import ConfigError


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
        if not isinstance(error, (MemoryError, *_tensorflow_errors())):
            raise
        raise ConfigError(
            f"The memory of this machine is not enough. Give a smaller {smaller}."
        ) from error


def _tensorflow_errors() -> tuple[type[Exception], ...]:
    """Its error of memory, where TensorFlow is imported."""
    tensorflow = sys.modules.get("tensorflow")
    return (tensorflow.errors.ResourceExhaustedError,) if tensorflow else ()
