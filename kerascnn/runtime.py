"""Settings that TensorFlow and Keras read from the environment when they are imported."""

from __future__ import annotations

import os
import platform

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
