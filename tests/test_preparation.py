"""In how many parts a batch is computed, and with how many threads."""

from types import SimpleNamespace

import pytest
import tensorflow as tf

from kerascnn.config import TrainConfig
from kerascnn.preparation import split_batches

ONE_DEVICE = SimpleNamespace(num_replicas_in_sync=1)


@pytest.fixture
def threads(monkeypatch):
    """What TensorFlow is told; this process of the tests has computed already."""
    told = {}
    for kind in ("intra", "inter"):
        monkeypatch.delenv(f"TF_NUM_{kind.upper()}OP_THREADS", raising=False)
        monkeypatch.setattr(
            f"tensorflow.config.threading.set_{kind}_op_parallelism_threads",
            lambda number, kind=kind: told.update({kind: number}),
        )
    return told


def parts(monkeypatch, *, cores, strategy=ONE_DEVICE, **settings):
    monkeypatch.setattr("kerascnn.preparation.usable_cores", lambda: cores)
    config = TrainConfig(**{"model": "lenet", "batch_size": 64} | settings)
    return split_batches(config.resolve(), strategy)


@pytest.mark.parametrize(
    ("cores", "batch_size", "expected"),
    [
        (1, 64, 1),
        (2, 64, 2),
        (3, 64, 2),
        (8, 64, 4),
        (2, 31, 1),
        (2, 30, 1),
        (3, 48, 3),
    ],
)
def test_each_core_has_an_equal_part(monkeypatch, threads, cores, batch_size, expected):
    assert parts(monkeypatch, cores=cores, batch_size=batch_size) == expected
    assert threads == {"intra": cores // expected, "inter": expected}


@pytest.mark.parametrize(
    "settings",
    [
        {"model": "resnet18"},
        {"fast_layers": False},
        {"strategy": SimpleNamespace(num_replicas_in_sync=2)},
    ],
    ids=str,
)
def test_other_trainings_are_left_whole(monkeypatch, threads, settings):
    assert parts(monkeypatch, cores=4, **settings) == 1
    assert not threads


def test_threads_of_the_environment_win(monkeypatch, threads):
    monkeypatch.setenv("TF_NUM_INTRAOP_THREADS", "3")
    assert parts(monkeypatch, cores=2) == 2
    assert not threads


def test_threads_stay_where_tensorflow_has_computed(monkeypatch):
    tf.constant(1)
    before = tf.config.threading.get_intra_op_parallelism_threads()
    assert parts(monkeypatch, cores=2) == 2
    assert tf.config.threading.get_intra_op_parallelism_threads() == before
