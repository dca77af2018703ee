"""Threads: parts of a batch, shares of a machine, and what runtimes are told."""

import pytest

from kerascnn.machine import threads
from kerascnn.machine.threads import (
    choose_parallelism,
    runtime_variables,
    share_of_cores,
)


def choose(*, cores, batch_size=64, splits_batches=True, intra=0, inter=0):
    """Parts, threads of an operation and operations side by side."""
    chosen = choose_parallelism(
        batch_size,
        splits_batches=splits_batches,
        cores=cores,
        intra_op_threads=intra,
        inter_op_threads=inter,
    )
    return chosen.batch_parts, chosen.intra_op_threads, chosen.inter_op_threads


@pytest.mark.parametrize(
    ("cores", "batch_size", "parts"),
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
def test_each_core_has_an_equal_part(cores, batch_size, parts):
    chosen = choose(cores=cores, batch_size=batch_size)
    assert chosen == (parts, cores // parts, parts)


def test_batches_that_are_not_split_are_left_whole():
    assert choose(cores=4, splits_batches=False) == (1, 4, 4)


def test_threads_that_tensorflow_was_told_of_stay():
    assert choose(cores=2, intra=3) == (2, 3, 2)
    assert choose(cores=2, inter=1) == (2, 2, 1)
    assert choose(cores=4, splits_batches=False, intra=3) == (1, 3, 4)


def test_processes_share_the_cores_and_variables_of_the_user_stay(monkeypatch):
    monkeypatch.setattr(threads, "usable_cores", lambda: 8)
    for name in (threads.INTRA_OP, threads.OPENMP):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(threads.INTER_OP, "5")
    assert share_of_cores(3) == {threads.INTRA_OP: "2", threads.OPENMP: "2"}
    assert share_of_cores(20) == {threads.INTRA_OP: "1", threads.OPENMP: "1"}
    assert share_of_cores(1) == {}


def test_runtime_has_the_threads_that_were_asked_for():
    assert runtime_variables(None) == {}
    assert runtime_variables(3) == {
        "TF_NUM_INTRAOP_THREADS": "3",
        "TF_NUM_INTEROP_THREADS": "1",
        "OMP_NUM_THREADS": "3",
    }
