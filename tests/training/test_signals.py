"""A training that a signal stops: its exit code, its checkpoint, and how to go on."""

import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import kerascnn
from kerascnn.runs.folder import Run

LENET = ("train", "lenet", "--epochs", "99", "--limit", "640")


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (signal.SIGINT, 130),
        pytest.param(signal.SIGTERM, 143, marks=pytest.mark.slow),
    ],
)
def test_signal_gives_the_exit_code_of_shells_and_a_checkpoint(tmp_path, number, code):
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "kerascnn", *LENET, "--out", "my runs"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(Path(kerascnn.__file__).parents[1])},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    for line in process.stderr:
        if line.startswith("epoch 1/99"):
            break
    process.send_signal(number)
    stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == code
    assert stdout == ""
    *_, last = stderr.splitlines()
    words = shlex.split(last)
    assert words[:2] == ["Stopped", "after"]
    assert words[-4:] == ["kerascnn", "train", "--resume", "my runs/lenet-sgd-1"]
    run = Run(tmp_path / "my runs" / "lenet-sgd-1")
    assert run.checkpoint_path.joinpath("state.npz").is_file()
    assert run.status == "unfinished"
