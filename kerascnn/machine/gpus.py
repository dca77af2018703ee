"""The GPUs of this machine, found without TensorFlow, and which a process may see."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from kerascnn.machine.environment import PROC

# CUDA's variable: the GPUs that a process sees, by number or name, in their new order.
VISIBLE = "CUDA_VISIBLE_DEVICES"
# For a process that is to see none.
HIDDEN = {VISIBLE: "-1"}


def usable_gpus(proc: Path = PROC) -> list[str]:
    """The GPUs that processes started here may use, as `VISIBLE` names them.

    Args:
        proc: Where Linux tells of devices.
    """
    return visible_gpus(count_gpus(proc))


def visible_gpus(count: int) -> list[str]:
    """Those of so many GPUs that `VISIBLE` leaves to a process, as it names them."""
    names = os.environ.get(VISIBLE)
    if names is None:
        return [str(number) for number in range(count)]
    return list(_valid(names.split(","), count))


def count_gpus(proc: Path = PROC) -> int:
    """How many GPUs NVIDIA's driver knows, whatever processes may see of them.

    Args:
        proc: Where Linux tells of devices. Elsewhere the driver's own program does.
    """
    folder = proc / "driver" / "nvidia" / "gpus"
    if folder.is_dir():
        return sum(1 for _ in folder.iterdir())
    program = shutil.which("nvidia-smi")
    if program is None:
        return 0
    try:
        done = subprocess.run(
            [program, "--list-gpus"], capture_output=True, text=True, timeout=30
        )
    except (OSError, subprocess.SubprocessError):
        return 0
    return sum(line.startswith("GPU ") for line in done.stdout.splitlines())


def _valid(names: list[str], count: int) -> Iterator[str]:
    """The names that CUDA takes: those before the first that is none."""
    for name in map(str.strip, names):
        is_number = name.isdecimal() and int(name) < count
        if not (is_number or (count and name.startswith(("GPU-", "MIG-")))):
            return
        yield name
