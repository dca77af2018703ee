"""The fast settings: what is set, what is left to the user, and whether they work."""

import os
import platform

import pytest

from kerascnn.machine.tensorflow import configure, fast_settings


@pytest.fixture
def no_settings(monkeypatch):
    """An environment in which nobody has set anything, put back afterwards."""
    for name in fast_settings():
        monkeypatch.setenv(name, "")  # so that it is put back
        monkeypatch.delenv(name)


@pytest.mark.usefixtures("no_settings")
def test_what_is_not_set_is_set():
    configure()
    assert {name: os.environ[name] for name in fast_settings()} == fast_settings()


@pytest.mark.usefixtures("no_settings")
def test_what_the_user_has_set_is_left(monkeypatch):
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", "0")
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "")
    configure()
    assert os.environ["TF_ENABLE_ONEDNN_OPTS"] == "0"
    assert os.environ["TF_CPP_MIN_LOG_LEVEL"] == ""
    assert os.environ["KERAS_BACKEND"] == "tensorflow"


@pytest.mark.parametrize(
    ("machine", "expected"),
    [("x86_64", "1"), ("AMD64", "1"), ("aarch64", None), ("arm64", None)],
)
def test_onednn_is_for_x86_alone(monkeypatch, machine, expected):
    monkeypatch.setattr(platform, "machine", lambda: machine)
    assert fast_settings().get("TF_ENABLE_ONEDNN_OPTS") == expected


SETTLED = """
import sys
from kerascnn.machine.tensorflow import load_tensorflow
load_tensorflow()
import keras
from tensorflow.python.util import _pywrap_util_port
print(keras.backend.backend(), _pywrap_util_port.IsMklEnabled())
print("stderr is back", file=sys.stderr)
"""


@pytest.mark.skipif(
    "TF_ENABLE_ONEDNN_OPTS" not in fast_settings(), reason="oneDNN is for x86"
)
@pytest.mark.parametrize(("given", "expected"), [(None, "True"), ("0", "False")])
def test_tensorflow_follows_the_settings(run_python, given, expected):
    done = run_python(
        "-c",
        SETTLED,
        KERAS_BACKEND=None,
        TF_CPP_MIN_LOG_LEVEL=None,
        TF_ENABLE_ONEDNN_OPTS=given,
    )
    assert done.stdout.split() == ["tensorflow", expected], done.stderr
    assert done.stderr == "stderr is back\n"
