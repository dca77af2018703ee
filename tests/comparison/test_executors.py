"""Which executor a scheduler stands for, and what it cannot do is told in a line."""

import contextlib
import importlib.util
import os
import re
import socket
import sys
import threading
from types import SimpleNamespace

import pytest

from kerascnn.comparison.executors import EXECUTORS, find_executor, open_executor
from kerascnn.errors import ConfigError, MissingExtraError, RunError


@pytest.mark.parametrize(
    ("scheduler", "name"),
    [
        (None, "processes"),
        ("local:1", "dask"),
        ("local:64", "dask"),
        ("tcp://10.0.0.1:8786", "dask"),
        ("tls://head.example.org:8786", "dask"),
        ("tcp://[::1]:8786", "dask"),
    ],
)
def test_scheduler_stands_for_an_executor(scheduler, name):
    pytest.importorskip("distributed", reason="comes with the extra cluster")
    assert find_executor(scheduler).name == name


@pytest.mark.parametrize(
    "scheduler",
    [
        *("", "local", "local:", "local:0", "local:-1", "local:2.5", "local:2 "),
        *("10.0.0.1:8786", "tcp://10.0.0.1", "tcp://:", "http://a:1", "tcp://a:1\n", 5),
    ],
)
def test_scheduler_of_no_form_is_refused(scheduler):
    message = "scheduler has to be local:N, tcp://HOST:PORT or tls://HOST:PORT, but"
    with pytest.raises(ConfigError, match=re.escape(message)):
        find_executor(scheduler)


def test_missing_extra_is_named(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"Dask distributed .*\[cluster\]"):
        find_executor("local:2")
    assert find_executor(None).name == "processes"


@pytest.mark.parametrize("name", list(EXECUTORS))
def test_every_row_can_be_loaded(name):
    assert callable(EXECUTORS[name].load())


def refusal(address, folder, monkeypatch):
    """What is said of a scheduler that does not answer."""
    pytest.importorskip("distributed", reason="comes with the extra cluster")
    from kerascnn.comparison.executors import dask

    monkeypatch.setattr(dask, "CONNECT_SECONDS", 1)
    with pytest.raises(RunError) as error, open_executor(folder, address):
        pass
    text = str(error.value)
    assert text.startswith(f"No Dask scheduler answers at {address} within 1 seconds")
    assert text.endswith(". Start one with: dask scheduler")
    assert "\n" not in text
    return text


@pytest.mark.parametrize(
    "address",
    [
        *("tcp://127.0.0.1:1", "tcp://127.0.0.1:99999"),
        *("tcp://nowhere.invalid:8786", "tls://127.0.0.1:1"),
    ],
)
def test_scheduler_out_of_reach_is_one_line(address, made, monkeypatch):
    refusal(address, made.make(), monkeypatch)


def test_tls_without_certificates_is_named(made, monkeypatch):
    assert "TLS" in refusal("tls://127.0.0.1:1", made.make(), monkeypatch)


@pytest.mark.parametrize("says", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n"])
def test_port_of_something_else_is_one_line(says, made, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer():
            connections = []  # kept open
            with contextlib.suppress(OSError):
                while True:
                    connections.append(server.accept()[0])
                    connections[-1].sendall(says)
            for connection in connections:
                connection.close()

        thread = threading.Thread(target=answer)
        thread.start()
        port = server.getsockname()[1]
        refusal(f"tcp://127.0.0.1:{port}", made.make(), monkeypatch)
        server.shutdown(socket.SHUT_RDWR)
        thread.join()


# What a worker refuses


@pytest.fixture
def task(made, monkeypatch):
    """Do a comparison's first run as a worker does, but for what is given."""
    from kerascnn.comparison.executors import worker
    from kerascnn.comparison.executors.training import command_of

    folder = made.make()
    planned = folder.left()[0]
    here = SimpleNamespace(address="tcp://10.0.0.2:4000")
    monkeypatch.setitem(
        sys.modules, "distributed", SimpleNamespace(get_worker=lambda: here)
    )

    def run(**given):
        task = {
            "path": str(folder.path),
            "digest": folder.protocol.digest(),
            "name": planned.name,
            "command": command_of(folder, planned),
            "expired": None,
            "processes": {},
            "versions": worker.versions_here(),
            "session": "one",
        }
        return worker.train(**task | given)

    run.folder, run.planned, run.stop = folder, planned, worker.stop
    return run


@pytest.mark.parametrize("name", ["kerascnn", "Python", "tensorflow", "keras"])
def test_worker_of_other_versions_is_named(task, name):
    from kerascnn.comparison.executors import worker

    versions = worker.versions_here()
    message = (
        f"The worker 10.0.0.2:4000 has {name} {versions[name]}, but the comparison was "
        "started with 0.0.1."
    )
    with pytest.raises(RunError, match=re.escape(message)):
        task(versions=versions | {name: "0.0.1"})


def test_worker_that_does_not_see_the_folder_is_named(task, made, tmp_path):
    message = "The worker 10.0.0.2:4000 does not see this comparison in "
    other = made.make(name="other", target=0.9)
    (tmp_path / "empty").mkdir()
    for folder in (tmp_path / "nowhere", tmp_path / "empty", other.path):
        with pytest.raises(RunError, match=re.escape(f"{message}{folder}")):
            task(path=str(folder))
    assert list((tmp_path / "empty").iterdir()) == []


def test_run_that_has_ended_is_not_trained_again(task, made):
    run = made.write_run(task.folder.runs_path, task.planned)
    before = (run.path / "metrics.json").stat().st_mtime_ns
    assert task() == 0
    assert (run.path / "metrics.json").stat().st_mtime_ns == before
    assert not task.folder.log_path(run.name).exists()


def test_run_that_another_worker_has_is_left_to_it(task):
    from kerascnn.machine.lease import holder_of, take

    folder = task.folder.lease_path(task.planned.name)
    lease = take(folder, "10.0.0.3:4000")
    assert task() is None
    assert lease.renew()
    assert holder_of(folder) == "10.0.0.3:4000"
    assert not task.folder.runs_path.exists()


def test_task_that_begins_after_the_stop_does_not_train(task):
    task.stop("another")
    assert task(session="another") is None
    assert not task.folder.lease_path(task.planned.name).exists()


def test_what_dask_sets_for_its_own_tasks_is_not_for_trainings(monkeypatch):
    pytest.importorskip("dask", reason="comes with the extra cluster")
    from kerascnn.comparison.executors import worker

    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        monkeypatch.setenv(name, "1")
    monkeypatch.setenv("MALLOC_TRIM_THRESHOLD_", "65536")
    monkeypatch.setenv("MKL_NUM_THREADS", "6")  # the user's own
    variables = worker._variables()
    assert variables["MKL_NUM_THREADS"] == "6"
    assert variables["PATH"] == os.environ["PATH"]
    gone = {"OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MALLOC_TRIM_THRESHOLD_"}
    assert gone & variables.keys() == set()
