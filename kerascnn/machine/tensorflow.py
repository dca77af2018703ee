"""Settings that TensorFlow and Keras read from the environment at import."""

from __future__ import annotations

import functools
import os
import platform
import sys
import warnings
from pathlib import Path

from kerascnn.errors import ConfigError
from kerascnn.machine.silence import silent_stderr

_ALWAYS = {
    "KERAS_BACKEND": "tensorflow",
    # Warnings about missing GPU drivers are not for someone who trains on a CPU.
    "TF_CPP_MIN_LOG_LEVEL": "3",
    # Or each process takes the whole memory of a GPU.
    "TF_FORCE_GPU_ALLOW_GROWTH": "true",
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
    """Import TensorFlow with the fast settings; every use of it starts here.

    What its native code says of missing GPU drivers and of rounding is written before
    any log level is read, so standard error itself is turned off during the import; a
    Python error still comes through. Where TensorFlow is imported already, without the
    fast settings, one warning says so.

    Raises:
        ConfigError: Keras runs on another backend.
    """
    is_imported = "tensorflow" in sys.modules
    if is_imported:
        _warn_if_slow()
    configure()
    _check_backend()
    if not is_imported:
        with silent_stderr():
            import keras  # noqa: F401
            import tensorflow  # noqa: F401


@functools.cache  # one warning a process
def _warn_if_slow() -> None:
    """Warn where TensorFlow was imported without oneDNN, unless the user says so."""
    name = "TF_ENABLE_ONEDNN_OPTS"
    if name not in fast_settings() or os.environ.get(name) == "0":
        return
    # TensorFlow has no public function that tells.
    from tensorflow.python.util import _pywrap_util_port

    if not _pywrap_util_port.IsMklEnabled():
        warnings.warn(
            "TensorFlow was imported before kerascnn was first called, and runs "
            "without oneDNN: on this processor, training takes two to five times as "
            "long. Call kerascnn before you import TensorFlow, or set "
            f"{name}=1 in the environment.",
            RuntimeWarning,
            stacklevel=3,
        )


def _check_backend() -> None:
    """Refuse a Keras on another backend, if possible before it is imported."""
    keras = sys.modules.get("keras")
    backend = keras.backend.backend() if keras else os.environ["KERAS_BACKEND"]
    if backend != "tensorflow":
        raise ConfigError(
            f"Keras runs on {backend}, but kerascnn needs TensorFlow. Set "
            "KERAS_BACKEND=tensorflow before Keras is imported."
        )
