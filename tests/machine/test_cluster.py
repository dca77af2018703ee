"""Which processes train together, by words, by TF_CONFIG and by Slurm."""

import json
import socket

import pytest

from kerascnn.errors import ConfigError
from kerascnn.machine.cluster import Cluster, find_cluster

TWO = ("10.0.0.1:4000", "10.0.0.2:4000")
# What `srun --nodes 2 --ntasks-per-node 2` sets for the third task.
SLURM = {
    "SLURM_PROCID": "2",
    "SLURM_STEP_NUM_TASKS": "4",
    "SLURM_STEP_NODELIST": "node[07-08]",
    "SLURM_STEP_TASKS_PER_NODE": "2(x2)",
}


@pytest.fixture(autouse=True)
def alone(monkeypatch):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    for name in SLURM:
        monkeypatch.delenv(name, raising=False)


def tf_config(monkeypatch, cluster, kind="worker", index=0):
    value = {"cluster": cluster, "task": {"type": kind, "index": index}}
    monkeypatch.setenv("TF_CONFIG", json.dumps(value))


def refused(*words, **seconds):
    with pytest.raises(ConfigError) as caught:
        find_cluster(*words, **seconds)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_process_is_alone_where_nothing_is_said():
    assert find_cluster() is None


@pytest.mark.parametrize("workers", [",".join(TWO), ", ".join(TWO), TWO, list(TWO)])
def test_addresses_and_a_number_name_a_cluster(workers):
    cluster = find_cluster(workers, 1, start_seconds=5, lost_seconds=7)
    assert cluster == Cluster(workers=TWO, index=1, start_seconds=5, lost_seconds=7)
    assert (cluster.address, cluster.is_chief) == ("10.0.0.2:4000", False)
    assert cluster.name(0) == "worker 0 (10.0.0.1:4000)"


def test_tf_config_names_a_cluster_and_words_win(monkeypatch):
    tf_config(monkeypatch, {"worker": TWO}, index=1)
    assert find_cluster() == Cluster(workers=TWO, index=1)
    assert find_cluster("a:1,b:2", 0).workers == ("a:1", "b:2")


@pytest.mark.parametrize(
    ("kind", "index", "place"), [("chief", 0, 0), ("worker", 1, 2)]
)
def test_chief_of_tf_config_is_the_first_worker(monkeypatch, kind, index, place):
    cluster = {"worker": TWO, "chief": ["10.0.0.9:5"]}
    tf_config(monkeypatch, cluster, kind, index)
    assert find_cluster() == Cluster(workers=("10.0.0.9:5", *TWO), index=place)


@pytest.mark.parametrize("cluster", [{}, {"worker": TWO[:1]}])
def test_tf_config_of_one_worker_is_no_cluster(monkeypatch, cluster):
    tf_config(monkeypatch, cluster)
    assert find_cluster() is None


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "3", '{"cluster": {"worker": ["a:1", "b:1"]}}']
)
def test_tf_config_that_is_none_is_told(monkeypatch, text):
    monkeypatch.setenv("TF_CONFIG", text or "nothing")
    assert "TF_CONFIG has to be as TensorFlow has it" in refused()


@pytest.mark.parametrize("kind", ["ps", "evaluator"])
def test_jobs_that_a_training_does_not_know_are_told(monkeypatch, kind):
    tf_config(monkeypatch, {"worker": TWO, kind: ["c:1"]})
    assert f"a job '{kind}'" in refused()


def test_slurm_numbers_the_tasks_of_a_step(monkeypatch):
    for name, value in SLURM.items():
        monkeypatch.setenv(name, value)
    cluster = find_cluster("slurm")
    nodes = ("node07:8888", "node07:8889", "node08:8888", "node08:8889")
    assert cluster == Cluster(workers=nodes, index=2)
    assert "leave worker out" in refused("slurm", 1)


def test_one_task_of_slurm_is_alone(monkeypatch):
    for name, value in SLURM.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("SLURM_PROCID", "0")
    monkeypatch.setenv("SLURM_STEP_NUM_TASKS", "1")
    monkeypatch.setenv("SLURM_STEP_NODELIST", "node07")
    monkeypatch.setenv("SLURM_STEP_TASKS_PER_NODE", "1")
    assert find_cluster("slurm") is None


def test_slurm_without_a_step_is_told(monkeypatch):
    assert "SLURM_PROCID is not set" in refused("slurm")
    for name, value in SLURM.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("SLURM_STEP_NODELIST", "node[")
    assert "Slurm's variables name no workers" in refused("slurm")


@pytest.mark.parametrize(
    ("workers", "worker", "words"),
    [
        (TWO, None, "but not which of them this process is"),
        (None, 1, "but no workers are named"),
        (TWO, 2, "numbered from 0 to 1"),
        (TWO, -1, "numbered from 0 to 1"),
        (TWO[:1], 0, "2 to 1,024 workers, but there are 1"),
        (TWO[:1] * 2, 0, "Two workers have one address"),
        ("a:4000,b", 0, "has to be host:port, such as 10.0.0.2:4000, but got 'b'"),
        ("a:4000,b:0", 0, "but got 'b:0'"),
        ("a:4000,b:65536", 0, "but got 'b:65536'"),
        ("a:4000,:4000", 0, "but got ':4000'"),
        ("a:4000,", 0, "but got ''"),
    ],
)
def test_what_names_no_cluster_is_told(workers, worker, words):
    assert words in refused(workers, worker)


@pytest.mark.parametrize("seconds", [0, -1, 1e7, float("nan")])
def test_seconds_that_cannot_be_are_told(seconds):
    assert "lost_seconds has to be from 1" in refused(TWO, 0, lost_seconds=seconds)


def test_port_is_free_or_told():
    with socket.socket() as taken:
        taken.bind(("", 0))
        taken.listen()
        port = taken.getsockname()[1]
        cluster = Cluster(workers=(f"127.0.0.1:{port}", "b:1"), index=0)
        with pytest.raises(ConfigError, match=f"worker 0 .127.0.0.1:{port}.: Address"):
            cluster.require_free_port()
    cluster.require_free_port()
