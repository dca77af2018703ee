"""A comparison killed with SIGKILL goes on, and does nothing twice."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import kerascnn

COMPARE = [
    *(sys.executable, "-m", "kerascnn", "compare", "lenet", "--limit", "500"),
    *("--epochs", "1", "--seeds", "2", "--trials", "3", "--json"),
    *("--tuning-epochs", "1"),
]


@pytest.fixture
def start(tmp_path):
    """Start the comparison in the background, in a group of its own."""

    def begin():
        return subprocess.Popen(
            [*COMPARE, "--out", tmp_path / "comparison"],
            env=os.environ | {"PYTHONPATH": str(Path(kerascnn.__file__).parents[1])},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    return begin


def endings(folder):
    """When each run ended, by name: it changes if one is done again."""
    return {
        path.parent.name: path.stat().st_mtime_ns
        for path in (folder / "runs").glob("*/metrics.json")
    }


@pytest.mark.slow
def test_comparison_killed_three_times_does_what_is_left(start, tmp_path):
    folder = tmp_path / "comparison"
    seen = {}
    for count in (1, 4, 7):
        process = start()
        deadline = time.monotonic() + 240
        while len(endings(folder)) < count:
            assert process.poll() is None, process.stderr.read()
            assert time.monotonic() < deadline
            time.sleep(0.05)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert not (folder / "test.json").exists()
        assert endings(folder).items() >= seen.items()
        seen = endings(folder)
    # And once more when the labels have been joined, and nothing is drawn yet.
    process = start()
    while not (folder / "test.json").exists():
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert not (folder / "results.json").exists()
    joined = (folder / "test.json").read_bytes()
    assert endings(folder).items() >= seen.items()
    seen = endings(folder)
    out, err = (process := start()).communicate(timeout=400)
    assert process.returncode == 0, err
    assert endings(folder) == seen
    assert (folder / "test.json").read_bytes() == joined
    results = json.loads(out)
    assert results == json.loads((folder / "results.json").read_text())
    (network,) = results["networks"]
    test = json.loads((folder / "test.json").read_text())["runs"]
    for row in network["optimizers"]:
        assert len(row["runs"]) == 2
        for run in row["runs"]:
            assert run["test_correct"] == test[run["name"]]["correct"]
            assert run["test_accuracy"] == run["test_correct"] / 10_000
    # Pairs begin alike: the same loss in the first step.
    for seed in (1, 2):
        first = {
            (folder / "runs" / f"lenet-{name}-seed-{seed}" / "steps.csv")
            .read_text()
            .splitlines()[1]
            .split(",")[2][:5]
            for name in ("sgd", "adagrad")
        }
        assert len(first) == 1
    # And once more: the table at once, and nothing is done again.
    before, started = endings(folder), time.monotonic()
    again, err = (process := start()).communicate(timeout=60)
    assert (again, err) == (out, "")
    assert time.monotonic() - started < 10
    assert endings(folder) == before
