"""SIGTERM ends a command as an error would: nothing is left of it."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import kerascnn


def test_sigterm_leaves_no_temporary_folder_and_no_process(exported, tmp_path):
    arguments = ("benchmark", str(exported / "model.tflite"), "--seconds", "60")
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "kerascnn", *arguments],
        cwd=tmp_path,
        env=os.environ
        | {"PYTHONPATH": str(Path(kerascnn.__file__).parents[1])}
        | {"TMPDIR": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    for line in process.stderr:  # the runtime has its process then
        if line.startswith("Timing "):
            break
    [folder] = tmp_path.glob("kerascnn-*")
    assert os.listdir(folder)
    [worker] = _children(process.pid)
    process.send_signal(signal.SIGTERM)
    assert process.communicate(timeout=30)[0] == ""
    assert process.returncode == 143
    assert list(tmp_path.iterdir()) == []
    deadline = time.monotonic() + 10
    while Path("/proc", worker).exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not Path("/proc", worker).exists()


def _children(pid):
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
