"""Trainings side by side on this machine, each in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from kerascnn.comparison.folder import ComparisonFolder
from kerascnn.comparison.plan import PlannedRun
from kerascnn.errors import RunError
from kerascnn.machine.environment import usable_cores
from kerascnn.machine.gpus import VISIBLE
from kerascnn.machine.tensorflow import python_path
from kerascnn.machine.threads import share_of_cores
from kerascnn.runs.folder import Run

POLL_SECONDS = 0.2
# More processes than this would need more memory than most machines have.
MAX_DEFAULT_JOBS = 4


@dataclass
class Pool:
    """Trainings that go on.

    Attributes:
        folder: Where they belong to.
        jobs: How many at most, which share the cores.
        gpus: Those of the machine, from `usable_gpus`; each training sees one.
        running: The processes, by run.
        taken: The GPU of each process, by run.
    """

    folder: ComparisonFolder
    jobs: int
    gpus: Sequence[str] = ()
    running: dict[str, tuple[PlannedRun, subprocess.Popen[bytes]]] = field(
        default_factory=dict
    )
    taken: dict[str, str] = field(default_factory=dict)

    def has(self, run: PlannedRun) -> bool:
        """Whether a run goes on here, or in a process of others, or has just ended."""
        found = self.folder.run(run)
        # In this order: one that ends while it is looked at is seen by the second.
        return run.name in self.running or is_busy(found) or found.has("metrics.json")

    def start(self, planned: PlannedRun) -> None:
        """Start a run, or go on with one that was stopped."""
        run = self.folder.run(planned)
        if (run.path / "config.json").exists():
            words = ["train", "--resume", str(run.path)]
        else:
            words = planned.command(self.folder.runs_path)[1:]
            if (first := self.folder.first_of(planned)) is not None:
                # On another machine, another way to compute a layer may suit.
                words += ["--computed-as", str(first.path)]
        environment = os.environ | share_of_cores(self.jobs) | python_path()
        if self.gpus:
            taken = list(self.taken.values())
            gpu = min(self.gpus, key=taken.count)
            self.taken[planned.name] = environment[VISIBLE] = gpu
        log = self.folder.log_path(planned)
        log.parent.mkdir(parents=True, exist_ok=True)
        with open(log, "ab") as output:
            process = subprocess.Popen(
                [sys.executable, "-P", "-m", "kerascnn", *words],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=environment,
                # Ctrl-C is for this process; it tells the others, once.
                start_new_session=True,
            )
        self.running[planned.name] = (planned, process)

    def wait(
        self, signals: list[int], tell: Callable[[], None]
    ) -> list[tuple[PlannedRun, int]]:
        """Wait for a run to end, or a signal, or a moment where others train.

        Args:
            signals: Those that were received; it waits no longer when there is one.
            tell: Called about once a second.

        Returns:
            The runs that ended, each with the exit code of its process.
        """
        polls = round(1 / POLL_SECONDS)
        for number in range(polls if not self.running else 2**31):
            if number % polls == 0:
                tell()
            ended = [
                (planned, code)
                for planned, process in self.running.values()
                if (code := process.poll()) is not None
            ]
            if ended or signals:
                break
            time.sleep(POLL_SECONDS)
        for planned, _ in ended:
            del self.running[planned.name]
            self.taken.pop(planned.name, None)
        return ended

    def stop(self) -> None:
        """Tell the runs to stop, and wait until they have written their checkpoints."""
        for _, process in self.running.values():
            process.terminate()
        for _, process in self.running.values():
            process.wait()
        self.running.clear()
        self.taken.clear()


def default_jobs(gpus: Sequence[str]) -> int:
    """How many trainings there are side by side: one a GPU, or one a core.

    Args:
        gpus: As in `Pool`.
    """
    return min(usable_cores(), len(gpus) or MAX_DEFAULT_JOBS)


@contextmanager
def open_pool(
    folder: ComparisonFolder, jobs: int, gpus: Sequence[str] = ()
) -> Iterator[Pool]:
    """A pool that leaves no process behind."""
    pool = Pool(folder, jobs, gpus)
    try:
        yield pool
    finally:
        pool.stop()


def is_busy(run: Run) -> bool:
    """Whether another process trains a run: one that a killed comparison left, say."""
    if not run.path.is_dir():
        return False
    try:
        with run.locked():
            return False
    except RunError:
        return True
