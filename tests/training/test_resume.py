"""Runs killed with SIGKILL go on, and end in the same bits as if they had not been."""

import json
import os
import random
import shutil
import subprocess
import sys
import time

import keras
import numpy as np
import pytest

from kerascnn.machine.environment import usable_cores
from kerascnn.runs.folder import Run

TRAIN = [
    *(sys.executable, "-m", "kerascnn", "train", "lenet", "--deterministic"),
    *("--limit", "6400", "--epochs", "3", "--no-test", "--checkpoint-seconds", "0"),
    *("--validation-fraction", "0.01", "--augment", "--batch-size", "32"),
]


def train(out, *arguments):
    subprocess.run(
        [*TRAIN, "--out", out, "--name", "run", *arguments],
        check=True,
        capture_output=True,
    )
    return Run(out / "run")


def resume(run, **options):
    """A process that goes on with a run."""
    command = [*TRAIN[:4], "--resume", str(run.path), "--json"]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options
    )


def outcome(run):
    """Weights, and all of the history that is not a time."""
    model = keras.models.load_model(run.model_path)
    times = {"seconds", "images_per_second"}
    history = [
        {name: value for name, value in row.items() if name not in times}
        for row in run.epochs
    ]
    weights = [keras.ops.convert_to_numpy(weight) for weight in model.weights]
    return weights, history, (run.path / "steps.csv").read_text()


def assert_same_outcome(found, expected):
    for mine, theirs in zip(found[0], expected[0], strict=True):
        np.testing.assert_array_equal(mine, theirs)
    assert found[1:] == expected[1:]


def kill_when(process, condition, timeout=60):
    """Send SIGKILL as soon as a condition holds; tell whether it came to that."""
    deadline = time.monotonic() + timeout
    while process.poll() is None and time.monotonic() < deadline:
        if condition():
            process.kill()
            break
        time.sleep(0.002)
    process.communicate()
    return process.returncode == -9


def steps_in_checkpoint(run):
    """Steps that the checkpoint has; 0 where there is none."""
    try:
        with np.load(run.checkpoint_path / "state.npz") as arrays:
            return json.loads(bytes(arrays["state"]))["step"]
    except FileNotFoundError:
        return 0


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    return outcome(train(tmp_path_factory.mktemp("whole")))


@pytest.fixture(scope="module")
def killed(tmp_path_factory):
    """A run that was killed within its first epochs."""
    out = tmp_path_factory.mktemp("killed")
    run = Run(out / "run")
    first = subprocess.Popen(
        [*TRAIN, "--out", out, "--name", "run"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert kill_when(first, lambda: steps_in_checkpoint(run) % 200 > 0)
    assert 0 < steps_in_checkpoint(run) < 600
    assert run.status == "unfinished"
    return run


@pytest.fixture
def run(killed, tmp_path):
    """A copy of that run, to go on with."""
    return Run(shutil.copytree(killed.path, tmp_path / "run"))


def test_run_killed_within_an_epoch_ends_in_the_same_bits(run, uninterrupted):
    out, err = (process := resume(run)).communicate()
    assert process.returncode == 0, err.decode()
    assert b"Going on after" in err
    assert b"bit-for-bit" not in err
    assert json.loads(out)["status"] == "finished"
    assert_same_outcome(outcome(run), uninterrupted)


@pytest.mark.slow
@pytest.mark.skipif(
    not hasattr(os, "sched_setaffinity") or usable_cores() < 2,
    reason="cores cannot be taken from a process, or there is one alone",
)
def test_run_that_goes_on_with_one_core_ends_in_the_same_bits(run, uninterrupted):
    core = min(os.sched_getaffinity(0))
    process = resume(
        run,
        preexec_fn=lambda: os.sched_setaffinity(0, {core}),
        env=os.environ | {"TF_NUM_INTRAOP_THREADS": "3"},  # the run's threads win
    )
    _, err = process.communicate()
    assert process.returncode == 0, err.decode()
    assert b"bit-for-bit" not in err
    assert run.computation.parallelism.batch_parts > 1
    assert_same_outcome(outcome(run), uninterrupted)


@pytest.mark.slow
def test_run_that_goes_on_elsewhere_says_that_its_bits_will_differ(run):
    environment = run.environment
    here = environment["computation"]["instruction_set"]
    environment["computation"]["instruction_set"] = "AVX"
    run.write_json("environment.json", environment)
    _, err = (process := resume(run)).communicate()
    assert process.returncode == 0, err.decode()
    (line,) = [line for line in err.decode().splitlines() if "bit-for-bit" in line]
    assert line == (
        f"{run.path} will not be bit-for-bit identical to an uninterrupted run: "
        f"instruction set AVX then, {here} now."
    )


@pytest.mark.slow
def test_run_killed_at_thirty_random_moments_ends_in_the_same_bits(
    tmp_path, uninterrupted
):
    rng = random.Random(0)
    run = Run(tmp_path / "run")
    process = subprocess.Popen(
        [*TRAIN, "--out", tmp_path, "--name", "run"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    kills = 0
    while kills < 30:
        # From start-up over training to the writing of the results.
        due = time.monotonic() + rng.uniform(1, 9)
        kills += kill_when(process, lambda due=due: time.monotonic() > due)
        if run.status == "finished":
            assert_same_outcome(outcome(run), uninterrupted)
            number = len([*tmp_path.glob("finished-*")])  # not each is after a kill
            run.path.rename(tmp_path / f"finished-{number}")
        if (run.path / "config.json").exists():
            process = resume(run)
        else:
            process = subprocess.Popen(
                [*TRAIN, "--out", tmp_path, "--name", "run"],
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
    _, err = process.communicate()
    assert process.returncode == 0, err.decode()
    assert_same_outcome(outcome(run), uninterrupted)
    assert not [path for path in run.path.iterdir() if path.name.startswith(".part")]
