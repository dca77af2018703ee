"""Settings that TensorFlow and Keras read from the environment at import."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_ALWAYS = {
    "KERAS_BACKEND": "tensorflow",
    # Warnings about missing GPU drivers are not for someone who trains on a CPU.
    "TF_CPP_MIN_LOG_LEVEL": "3",
}
_X86 = {
    # TensorFlow leaves oneDNN off on processors without AVX-512 VNNI, where it trains
    # these networks two to five times as fast.
    "TF_ENABLE_ONEDNN_OPTS": "1",
}


def fast_settings() -> dict[str, str]:
    """The environment variables that suit this machine, whatever is set now."""
    on_x86 = platform.machine().lower() in {"x86_64", "amd64", "i686"}
    return _ALWAYS | (_X86 if on_x86 else {})


def configure() -> None:
    """Set what is not set yet; call it before TensorFlow is imported.

    The command line does so at its start. Variables that the user has set win.
    """
    for name, value in fast_settings().items():
        os.environ.setdefault(name, value)


def python_path() -> dict[str, str]:
    """What lets a new process import this kerascnn, which need not be installed."""
    root = Path(__file__).parents[2]
    if root.name in {"site-packages", "dist-packages"}:
        return {}
    before = os.environ.get("PYTHONPATH")
    return {"PYTHONPATH": os.pathsep.join([str(root), *([before] if before else [])])}


def load_tensorflow() -> None:
    """Import TensorFlow without its words on missing GPU drivers and rounding.

    They are written by native code before any log level is read, so standard error
    itself is turned off for as long as the import takes; a Python error still comes
    through. Nothing happens where TensorFlow is imported already.
    """
    if "tensorflow" not in sys.modules:
        configure()
        with _silent_stderr():
            import keras  # noqa: F401
            import tensorflow  # noqa: F401


@contextmanager
def _silent_stderr() -> Iterator[None]:
    sys.stderr.flush()
    stderr = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)
        os.close(nowhere)
