"""How a training is started, on whatever machine: as a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence

from kerascnn.comparison.folder import ComparisonFolder
from kerascnn.comparison.plan import PlannedRun
from kerascnn.machine.gpus import VISIBLE
from kerascnn.machine.tensorflow import python_path
from kerascnn.machine.threads import share_of_cores


def command_of(folder: ComparisonFolder, planned: PlannedRun) -> list[str]:
    """The words after `kerascnn` that do a run from its beginning."""
    words = planned.command(folder.runs_path)[1:]
    if (first := folder.first_of(planned)) is not None:
        # On another machine, another way to compute a layer may suit.
        words += ["--computed-as", str(first.path)]
    return words


def start_training(
    folder: ComparisonFolder,
    name: str,
    command: Sequence[str],
    *,
    processes: int,
    gpu: str | None = None,
    module: Sequence[str] = ("kerascnn",),
    variables: Mapping[str, str] = os.environ,
    stdin: int = subprocess.DEVNULL,
) -> subprocess.Popen[bytes]:
    """Start a run, or go on with one that was stopped.

    Args:
        folder: The comparison.
        name: The run.
        command: From `command_of`.
        processes: How many trainings share the cores of the machine.
        gpu: The one that it sees; where `None`, what `variables` say.
        module: What is run, with arguments that go before the command.
        variables: Of the environment; the user's own.
        stdin: As for `Popen`.
    """
    run = folder.runs_path / name
    if (run / "config.json").exists():
        command = ["train", "--resume", str(run)]
    environment = {**variables, **share_of_cores(processes, variables), **python_path()}
    if gpu is not None:
        environment[VISIBLE] = gpu
    log = folder.log_path(name)
    log.parent.mkdir(parents=True, exist_ok=True)
    with open(log, "ab") as output:
        return subprocess.Popen(
            [sys.executable, "-P", "-m", *module, *command],
            stdin=stdin,
            stdout=output,
            stderr=output,
            env=environment,
            # Ctrl-C is for the one who waits for it; that one tells it, once.
            start_new_session=True,
        )


class GpuShares:
    """Which training sees which GPU, each one; more trainings share them evenly.

    Args:
        gpus: Those of the machine, from `usable_gpus`.
    """

    def __init__(self, gpus: Sequence[str]) -> None:
        self._gpus = gpus
        self._taken: dict[str, str] = {}
        self._lock = threading.Lock()

    def take(self, name: str) -> str | None:
        """The GPU of a training; `None` where there are none."""
        if not self._gpus:
            return None
        with self._lock:
            taken = list(self._taken.values())
            gpu = self._taken[name] = min(self._gpus, key=taken.count)
        return gpu

    def give_back(self, name: str) -> None:
        """Take note that a training has ended."""
        self._taken.pop(name, None)
