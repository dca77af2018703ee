"""What several test files share."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import kerascnn
from kerascnn import runtime

runtime.configure()  # as the command line does, before a test imports TensorFlow

PACKAGE = Path(kerascnn.__file__).parent


def pytest_report_header():
    """Say which kerascnn is tested: `pytest` takes the installed one."""
    return f"kerascnn: {PACKAGE}"


@pytest.fixture
def run_python(tmp_path):
    """Run Python on some arguments in a new process, with the kerascnn under test.

    It starts in an empty folder, with the environment of the tests and `variables`; a
    variable that is `None` is taken away.
    """

    def run(*arguments, **variables):
        changed = os.environ | {"PYTHONPATH": str(PACKAGE.parent)} | variables
        return subprocess.run(
            [sys.executable, "-P", *arguments],
            cwd=tmp_path,
            env={name: value for name, value in changed.items() if value is not None},
            capture_output=True,
            text=True,
            timeout=120,
        )

    return run


@pytest.fixture(scope="session")
def splits():
    """The training and the test images of MNIST."""
    from kerascnn.data import load_dataset

    return load_dataset("mnist")


@pytest.fixture(scope="session")
def lenet(splits):
    """A LeNet that has seen a few thousand digits: mostly right, not always."""
    import keras

    from kerascnn.models import build_model

    train, _ = splits
    keras.utils.set_random_seed(0)
    model = build_model("lenet", (28, 28, 1), 10)
    model.compile(keras.optimizers.Adam(0.002), "sparse_categorical_crossentropy")
    for start in range(0, 60 * 64, 64):
        batch = slice(start, start + 64)
        model.train_on_batch(train.images[batch], train.labels[batch])
    return model
