"""A comparison on Dask workers: those that die, and a scheduler that does.

All of them are processes on loopback, which train LeNet-5 on some hundred images.
"""

import contextlib
import json
import signal
import socket
import subprocess
import time

import pytest

import kerascnn
from kerascnn.machine.lease import holder_of

pytest.importorskip("distributed", reason="comes with the extra cluster")

SETTINGS = (
    *("lenet", "--limit", "1000", "--epochs", "4", "--seeds", "2", "--no-tune"),
    *("--jobs", "2"),
)
# What a worker of another version does.
OTHER_VERSION = "import kerascnn; kerascnn.__version__ = '0.0.9'"


def free_port():
    with contextlib.closing(socket.socket()) as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def wait_for(condition, *processes, seconds=90):
    """Wait until something holds, as long as some processes live."""
    deadline = time.monotonic() + seconds
    while not condition():
        for process in processes:
            assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.fixture
def compare(start, tmp_path):
    """Start a comparison in a folder of the test."""

    def begin(*words, out="cluster", before="pass"):
        program = f"{before}\nfrom kerascnn.cli import main\nmain()\n"
        return start(
            *("-c", program, "compare", *SETTINGS, *words, "--out", tmp_path / out),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    return begin


@pytest.fixture
def dask(start, tmp_path):
    """Start a scheduler, and workers by name, whose addresses tell of their port."""

    class Dask:
        def __init__(self):
            self.port = free_port()
            self.address = f"tcp://127.0.0.1:{self.port}"

        def scheduler(self, before="pass", **variables):
            options = ("--port", self.port)
            return self._start(
                "scheduler", *options, before=before, variables=variables
            )

        def worker(self, port, before="pass"):
            return self._start(
                *("worker", self.address, "--worker-port", port, "--nthreads", 1),
                *("--no-nanny", "--local-directory", tmp_path / "dask"),
                before=before,
            )

        def _start(self, name, *options, before="pass", variables=()):
            return start(
                "-c",
                f"{before}\nfrom distributed.cli.dask_{name} import main\nmain()\n",
                *(*options, "--host", "127.0.0.1", "--no-dashboard"),
                variables=variables,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )

    return Dask()


def holders(folder):
    """Which worker trains which run, as the leases tell."""
    found = {path.name: holder_of(path) for path in folder.glob("leases/*")}
    return {name: holder for name, holder in found.items() if holder}


def begun(folder, workers):
    """The runs that have begun on some workers, each with its worker."""
    return [
        (name, holder)
        for name, holder in holders(folder).items()
        if holder in workers and (folder / "runs" / name).exists()
    ]


def endings(folder):
    """When each run ended, by name: it changes if one is done again."""
    return {
        path.parent.name: path.stat().st_mtime_ns
        for path in (folder / "runs").glob("*/metrics.json")
    }


def numbers(folder):
    """All of the results but times and paths."""

    def without_times(value):
        if isinstance(value, dict):
            return {
                name: without_times(part)
                for name, part in value.items()
                if "second" not in name and not name.endswith("_at") and name != "plans"
            }
        if isinstance(value, list):
            return [without_times(part) for part in value]
        return value

    return without_times(json.loads((folder / "results.json").read_text()))


def histories(folder):
    """The losses and accuracies of every step of every run."""
    return {
        path.parent.name: path.read_text()
        for path in (folder / "runs").glob("*/steps.csv")
    }


def trainings(folder, name):
    """How many times a run was begun or resumed, as its log tells."""
    text = (folder / "logs" / f"{name}.log").read_text()
    return sum(" images of mnist" in line for line in text.splitlines())


@pytest.mark.slow
def test_workers_that_are_killed_cost_nothing(compare, dask, tmp_path):
    """The numbers are those of a comparison on this machine alone."""
    local = compare(out="local")
    assert local.wait(120) == 0
    folder = tmp_path / "cluster"
    dask.scheduler()
    workers = {}
    for _ in range(4):
        port = free_port()
        workers[f"127.0.0.1:{port}"] = dask.worker(port)
    process = compare("--scheduler", dask.address)
    for _ in range(2):
        wait_for(lambda: begun(folder, workers), process)
        name, holder = begun(folder, workers)[0]
        assert name not in endings(folder)
        workers.pop(holder).kill()
    out, err = process.communicate(timeout=200)
    assert process.returncode == 0, err
    assert "worker" not in err
    assert "Report:" in out
    assert numbers(folder) == numbers(tmp_path / "local")
    assert histories(folder) == histories(tmp_path / "local")
    assert holders(folder) == {}
    assert sum(trainings(folder, name) for name in endings(folder)) == 6


SOON = "from kerascnn.machine import lease; lease.EXPIRY_SECONDS = 8"


@pytest.mark.slow
def test_machine_that_freezes_loses_its_training_and_writes_no_more(
    compare, dask, tmp_path
):
    """Dask gives a worker up after some seconds here, and the lease expires in 8."""
    import psutil

    folder = tmp_path / "cluster"
    dask.scheduler(DASK_DISTRIBUTED__SCHEDULER__WORKER_TTL="5s")
    workers = {}
    for _ in range(2):
        port = free_port()
        workers[f"127.0.0.1:{port}"] = dask.worker(port)
    process = compare("--scheduler", dask.address, before=SOON)
    wait_for(lambda: begun(folder, workers), process)
    name, holder = begun(folder, workers)[0]
    worker = psutil.Process(workers[holder].pid)
    frozen = [*worker.children(), worker]
    for part in frozen:
        part.suspend()
    _, err = process.communicate(timeout=100)
    assert process.returncode == 0, err
    assert f"{name} goes on elsewhere, or later" in err
    before = {path: path.read_bytes() for path in folder.glob(f"runs/{name}/*.*")}
    for part in frozen:
        part.resume()
    assert psutil.wait_procs(frozen[:1], timeout=30)[1] == []
    after = {path: path.read_bytes() for path in folder.glob(f"runs/{name}/*.*")}
    assert before == after
    assert holders(folder) == {}


@pytest.mark.slow
def test_comparison_goes_on_after_a_signal_and_a_scheduler_that_was_killed(
    compare, dask, tmp_path
):
    folder = tmp_path / "cluster"
    scheduler = dask.scheduler()
    workers = [dask.worker(free_port()) for _ in range(2)]
    process = compare("--scheduler", dask.address)
    wait_for(lambda: list(folder.glob("runs/*/history.csv")), process)
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 143, err
    address = f"kerascnn compare --scheduler {dask.address} --out {folder}"
    assert err.splitlines()[-1].endswith(f"Go on with: {address}")
    # The trainings have written checkpoints, and nobody has the runs any more.
    assert holders(folder) == {}
    stopped = {path.parent.name for path in folder.glob("runs/*/checkpoint")}
    assert stopped - set(endings(folder))

    process = compare("--scheduler", dask.address)
    wait_for(lambda: endings(folder) and holders(folder), process)
    scheduler.kill()
    _, err = process.communicate(timeout=60)
    assert process.returncode == 1, err
    last = err.splitlines()[-1]
    assert last.startswith("Error: The connection to the Dask scheduler is lost.")
    for worker in workers:
        worker.wait(60)
    wait_for(lambda: holders(folder) == {})
    assert not (folder / "results.json").exists()

    seen = endings(folder)
    dask.scheduler()
    dask.worker(free_port())
    process = compare("--scheduler", dask.address)
    _, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert len(endings(folder)) == 4
    assert endings(folder).items() >= seen.items()


@pytest.mark.slow
def test_workers_of_this_machine_train_as_it_does(compare, tmp_path):
    cluster, local = compare("--scheduler", "local:2"), compare(out="local")
    for process in (cluster, local):
        _, err = process.communicate(timeout=150)
        assert process.returncode == 0, err
    assert numbers(tmp_path / "cluster") == numbers(tmp_path / "local")


@pytest.mark.slow
def test_worker_of_another_version_is_refused(compare, dask, tmp_path):
    dask.scheduler()
    port = free_port()
    dask.worker(port, OTHER_VERSION)
    process = compare("--scheduler", dask.address)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert err.splitlines()[-1] == (
        f"Error: The worker 127.0.0.1:{port} has kerascnn 0.0.9, but the comparison "
        f"was started with {kerascnn.__version__}. Install the same on all machines."
    )
    assert not (tmp_path / "cluster" / "runs").exists()


@pytest.mark.slow
def test_scheduler_without_kerascnn_is_one_line(compare, dask, tmp_path):
    block = "import sys; sys.modules['kerascnn'] = None"
    dask.scheduler(block)
    dask.worker(free_port())
    process = compare("--scheduler", dask.address)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert err.splitlines()[-1].startswith(
        "Error: The Dask scheduler or a worker cannot import this kerascnn ("
    )
    assert "Traceback" not in err
    assert not (tmp_path / "cluster" / "runs").exists()


TWICE = """
import sys, time
from distributed import Client
from kerascnn.comparison.executors import worker
from kerascnn.comparison.executors.training import command_of
from kerascnn.comparison.folder import ComparisonFolder
from pathlib import Path

if __name__ == "__main__":
    folder = ComparisonFolder(Path(sys.argv[1]))
    planned = folder.left()[0]
    with Client(n_workers=3, threads_per_worker=1, dashboard_address=None) as client:
        task = dict(
            path=str(folder.path),
            digest=folder.protocol.digest(),
            name=planned.name,
            command=command_of(folder, planned),
            expired=None,
            processes={},
            versions=worker.versions_here(),
            session="one",
        )
        futures = [
            client.submit(worker.train, **task, pure=False, workers=[address])
            for address in client.nthreads()
        ]
        print(sorted(future.result() is None for future in futures))
        print(client.submit(worker.train, **task, pure=False).result())
"""


@pytest.mark.slow
def test_task_that_runs_several_times_at_once_trains_once(made, run_python, tmp_path):
    folder = made.make(limit=500, epochs=1)
    script = tmp_path / "twice.py"
    script.write_text(TWICE)
    done = run_python(script, folder.path.absolute())
    # Those that did not get the lease leave the run to the one that did.
    assert done.stdout.splitlines() == ["[False, True, True]", "0"], done.stderr
    [name] = endings(folder.path)
    assert trainings(folder.path, name) == 1
    assert holders(folder.path) == {}
