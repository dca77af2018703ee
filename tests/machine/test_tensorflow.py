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


# TensorFlow as it is imported on a processor where oneDNN is off by default.
LATE = """
import os, sys, warnings
before, later = sys.argv[1:]
os.environ["TF_ENABLE_ONEDNN_OPTS"] = before
import tensorflow
os.environ.pop("TF_ENABLE_ONEDNN_OPTS")
if later:
    os.environ["TF_ENABLE_ONEDNN_OPTS"] = later
from kerascnn.machine.tensorflow import load_tensorflow
warnings.simplefilter("always")
with warnings.catch_warnings(record=True) as caught:
    load_tensorflow()
    load_tensorflow()
for warning in caught:
    print(warning.category.__name__, warning.message)
"""


@pytest.mark.slow
@pytest.mark.skipif(
    "TF_ENABLE_ONEDNN_OPTS" not in fast_settings(), reason="oneDNN is for x86"
)
@pytest.mark.parametrize(
    ("before", "later", "count"),
    [("0", "", 1), ("0", "1", 1), ("0", "0", 0), ("1", "", 0)],
    ids=["slow", "set too late", "off as the user wants", "fast"],
)
def test_tensorflow_imported_slow_gets_one_warning(run_python, before, later, count):
    done = run_python("-c", LATE, before, later)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) == count
    for line in lines:
        assert line.startswith("RuntimeWarning TensorFlow was imported before")
        assert "set TF_ENABLE_ONEDNN_OPTS=1" in line


# A Keras on another backend, without the packages of one.
OTHER = """
import sys, types
if sys.argv[1] == "imported":
    keras = types.ModuleType("keras")
    keras.backend = types.SimpleNamespace(backend=lambda: "jax")
    sys.modules["keras"] = keras
from kerascnn.errors import ConfigError
from kerascnn.machine.tensorflow import load_tensorflow
try:
    load_tensorflow()
except ConfigError as error:
    print(error)
print("tensorflow" in sys.modules)
"""


@pytest.mark.parametrize(
    ("when", "backend"), [("imported", None), ("asked for", "jax")]
)
def test_another_backend_is_refused_before_anything_loads(run_python, when, backend):
    done = run_python("-c", OTHER, when, KERAS_BACKEND=backend)
    assert done.stdout.splitlines() == [
        "Keras runs on jax, but kerascnn needs TensorFlow. Set "
        "KERAS_BACKEND=tensorflow before Keras is imported.",
        "False",
    ], done.stderr
