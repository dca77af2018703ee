"""GPUs, found without TensorFlow in a folder as the driver writes it."""

import os
import stat

import pytest

from kerascnn.machine import gpus
from kerascnn.machine.gpus import count_gpus, usable_gpus


@pytest.fixture
def proc(tmp_path):
    """A `/proc` with three GPUs, as NVIDIA's driver names them: by their bus."""
    for bus in ("0000:07:00.0", "0000:0f:00.0", "0000:47:00.0"):
        (tmp_path / "driver" / "nvidia" / "gpus" / bus).mkdir(parents=True)
    return tmp_path


@pytest.mark.parametrize(
    ("visible", "usable"),
    [
        (None, ["0", "1", "2"]),
        ("2,0", ["2", "0"]),
        (" 1 , GPU-8f2c ", ["1", "GPU-8f2c"]),
        ("MIG-1/2/3", ["MIG-1/2/3"]),
        ("", []),
        ("-1", []),
        ("NoDevFiles", []),
        # What comes after a number that is none, CUDA does not see.
        ("0,-1,2", ["0"]),
        ("0,3,2", ["0"]),
    ],
)
def test_usable_are_those_that_the_variable_leaves(monkeypatch, proc, visible, usable):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert usable_gpus(proc) == usable


def test_machine_without_a_driver_has_none(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    for visible in ("0", "GPU-8f2c"):
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
        assert usable_gpus(tmp_path) == []


def test_where_the_system_does_not_tell_the_drivers_program_does(monkeypatch, tmp_path):
    program = tmp_path / "nvidia-smi"
    program.write_text(
        "#!/bin/sh\n"
        "echo 'GPU 0: NVIDIA A100-SXM4-40GB (UUID: GPU-5d5ba0d6)'\n"
        "echo '  MIG 1g.5gb      Device  0: (UUID: MIG-c6d4f1ef)'\n"
        "echo 'GPU 1: NVIDIA A100-SXM4-40GB (UUID: GPU-9a8b7c6d)'\n"
    )
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    assert count_gpus(tmp_path) == 2
    program.write_text("#!/bin/sh\nexit 9\n")
    assert count_gpus(tmp_path) == 0


def test_hidden_leaves_none(monkeypatch, proc):
    for name, value in gpus.HIDDEN.items():
        monkeypatch.setenv(name, value)
    assert usable_gpus(proc) == []
