"""Trainings side by side on this machine, each in a process of its own."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager

from kerascnn.comparison.executors.others import Others
from kerascnn.comparison.executors.training import (
    GpuShares,
    command_of,
    start_training,
)
from kerascnn.comparison.folder import ComparisonFolder
from kerascnn.comparison.plan import PlannedRun
from kerascnn.machine.environment import usable_cores
from kerascnn.machine.gpus import usable_gpus

POLL_SECONDS = 0.2
# More processes than this would need more memory than most machines have.
MAX_DEFAULT_JOBS = 4


class Pool:
    """An `Executor` of processes that this one starts.

    Args:
        folder: The comparison.
        jobs: How many trainings at most, which share the cores.
        gpus: Those of the machine, from `usable_gpus`; each training sees one.
    """

    def __init__(
        self, folder: ComparisonFolder, jobs: int, gpus: Sequence[str] = ()
    ) -> None:
        self.jobs = jobs
        self.others = Others(folder)
        self._folder = folder
        self._gpus = GpuShares(gpus)
        self._processes: dict[str, tuple[PlannedRun, subprocess.Popen[bytes]]] = {}

    @property
    def running(self) -> Collection[str]:
        """The names of the runs that go on."""
        return self._processes.keys()

    def start(self, planned: PlannedRun) -> None:
        """Start a run, or go on with one that was stopped."""
        process = start_training(
            self._folder,
            planned.name,
            command_of(self._folder, planned),
            processes=self.jobs,
            gpu=self._gpus.take(planned.name),
        )
        self._processes[planned.name] = planned, process

    def wait(
        self, signals: list[int], tell: Callable[[], None]
    ) -> list[tuple[PlannedRun, int | None]]:
        """Wait for a run to end, or a signal, or a moment where others train."""
        polls = round(1 / POLL_SECONDS)
        for number in range(polls if not self._processes else 2**31):
            if number % polls == 0:
                tell()
            ended = [
                (planned, code)
                for planned, process in self._processes.values()
                if (code := process.poll()) is not None
            ]
            if ended or signals:
                break
            time.sleep(POLL_SECONDS)
        for planned, _ in ended:
            del self._processes[planned.name]
            self._gpus.give_back(planned.name)
        return [*ended]

    def where(self, name: str) -> str:
        """Nothing: all of them are here."""
        return ""

    def stop(self) -> None:
        """Tell the runs to stop, and wait until they have written their checkpoints."""
        for _, process in self._processes.values():
            process.terminate()
        for _, process in self._processes.values():
            process.wait()
        self._processes.clear()


def default_jobs(gpus: Sequence[str]) -> int:
    """How many trainings there are side by side: one a GPU, or one a core.

    Args:
        gpus: As in `Pool`.
    """
    return min(usable_cores(), len(gpus) or MAX_DEFAULT_JOBS)


@contextmanager
def open_pool(
    folder: ComparisonFolder, scheduler: str | None = None, jobs: int | None = None
) -> Iterator[Pool]:
    """A pool that leaves no process behind; see `open_executor`."""
    gpus = usable_gpus()
    pool = Pool(folder, jobs or default_jobs(gpus), gpus)
    try:
        yield pool
    finally:
        pool.stop()
