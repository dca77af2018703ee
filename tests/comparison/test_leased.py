"""A training under a lease ends when the lease does, or its worker."""

import subprocess
import time

import pytest

from kerascnn.comparison.executors.leased import LOST
from kerascnn.machine import lease as module
from kerascnn.machine.lease import Watch, holder_of, take
from kerascnn.runs.folder import Run

# Renews more often than a test should wait for.
PROGRAM = (
    "import sys; from kerascnn.machine import lease; lease.RENEW_SECONDS = 0.1; "
    "from kerascnn.comparison.executors import leased; leased.main(*sys.argv[1:])"
)


@pytest.fixture
def start_leased(start, tmp_path):
    """Start a command under a lease."""

    def begin(lease, *words):
        return start(
            *("-P", "-c", PROGRAM, lease.path, lease.token, *words),
            cwd=tmp_path,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    return begin


def train(start_leased, lease):
    """Start a training that would take long, and wait until it has begun."""
    process = start_leased(
        *(lease, "train", "lenet", "--limit", "500", "--epochs", "1000"),
        *("--out", ".", "--name", "run"),
    )
    run = Run(lease.path.parents[1] / "run")
    while not run.has("history.csv"):
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)
    return process, run


def test_command_runs_as_it_does_without_and_releases_the_lease(start_leased, tmp_path):
    lease = take(tmp_path / "lease", "here")
    process = start_leased(lease, "models", "--json")
    # Its input stays open: at its end, it would stop.
    out, err = process.stdout.read(), process.stderr.read()
    assert (process.wait(60), err) == (0, "")
    assert '"lenet"' in out
    assert holder_of(tmp_path / "lease") is None


@pytest.mark.slow
def test_training_that_lost_its_lease_ends_at_once_and_writes_nothing(
    start_leased, tmp_path, monkeypatch
):
    lease = take(tmp_path / "lease", "slow")
    process, run = train(start_leased, lease)
    # Another sees it unchanged for long enough, since it takes so little for it.
    monkeypatch.setattr(module, "EXPIRY_SECONDS", 0)
    other = None
    while other is None:
        watch = Watch()
        watch.is_held(tmp_path / "lease")
        other = take(tmp_path / "lease", "other", watch.expired(tmp_path / "lease"))
    # Its input stays open, or it would stop for that.
    assert process.wait(20) == LOST, process.stderr.read()
    assert other.renew()
    assert holder_of(tmp_path / "lease") == "other"
    with run.locked():
        assert run.metrics is None


@pytest.mark.slow
def test_training_stops_with_a_checkpoint_when_its_worker_is_gone(
    start_leased, tmp_path
):
    process, run = train(start_leased, take(tmp_path / "lease", "here"))
    assert holder_of(tmp_path / "lease") == "here"
    process.stdin.close()
    assert process.wait(20) == 143
    assert "kerascnn train --resume" in process.stderr.read()
    assert run.checkpoint_path.is_dir()
    assert holder_of(tmp_path / "lease") is None
