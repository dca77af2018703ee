"""Trainings one after another in a process: each as in a new one, bit for bit."""

import hashlib
import re
import zipfile

import pytest

from kerascnn.runs.folder import Run

PROGRAM = """
import json, random, sys
from pathlib import Path
from kerascnn.machine.tensorflow import load_tensorflow
load_tensorflow()
import keras, numpy as np, tensorflow as tf
from tensorflow.python.framework.config import is_op_determinism_enabled
from kerascnn.machine.reporter import LineReporter
from kerascnn.settings.config import TrainConfig
from kerascnn.training.train import train_model
SMALL = {"model": "lenet", "limit": 640, "epochs": 1, "validation_fraction": 0.01,
         "deterministic": True, "test": False, "augment": "digits"}
OTHER = {"optimizer": "adagrad", "ema": 0.9, "image_size": 32, "seed": 5}
TRAININGS = {
    "one": SMALL,
    "other": SMALL | OTHER,
    "16 bits": SMALL | OTHER | {"mixed_precision": True, "deterministic": False},
}
def state():
    return [random.getstate(), np.random.get_state()[1].tolist(),
            keras.config.dtype_policy().name, is_op_determinism_enabled()]
out, *names = sys.argv[1:]
for name in names:
    if name == "computing":
        tf.linalg.matmul(tf.ones((64, 64)), tf.ones((64, 64)))
        continue
    before = state()
    config = TrainConfig(**TRAININGS[name])
    train_model(config, Path(out), name=name, reporter=LineReporter())
    assert state() == before, name
"""


@pytest.fixture
def train(run_python, tmp_path_factory):
    """Train in a new process, one after another; what came of the last one."""

    def run(*names):
        out = tmp_path_factory.mktemp("runs")
        done = run_python("-c", PROGRAM, str(out), *names)
        assert done.returncode == 0, done.stderr
        return content(Run(out / names[-1])), done.stderr

    return run


def content(run):
    """What training decides: the model with the names in it, and each step's loss."""
    with zipfile.ZipFile(run.model_path) as file:
        # Keras writes addresses in memory, to tell shared objects.
        text = file.read("config.json").decode()
        config = re.sub(r'"shared_object_id": \d+', "", text)
        weights = hashlib.sha256(file.read("model.weights.h5")).hexdigest()
    return config, weights, (run.path / "steps.csv").read_text()


@pytest.mark.slow
def test_run_after_another_is_that_of_a_new_process(train):
    after, said = train("16 bits", "one")
    assert "keeps the threads" not in said
    alone, _ = train("one")
    assert after == alone


@pytest.mark.slow
def test_runs_in_either_order_are_those_of_new_processes(train):
    alone = {name: train(name)[0] for name in ("one", "other")}
    assert alone["one"] != alone["other"]
    assert train("one", "other")[0] == alone["other"]
    assert train("other", "one")[0] == alone["one"]


@pytest.mark.slow
def test_threads_that_cannot_be_set_are_told(train):
    _, said = train("computing", "one")
    (line,) = [line for line in said.splitlines() if "keeps the threads" in line]
    assert line.endswith("the result is not bit-for-bit that of a new process.")
