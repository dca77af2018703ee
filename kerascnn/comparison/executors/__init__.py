"""Where the trainings of a comparison go on: `EXECUTORS`, and the one interface.

Imports what a comparison consists of, runs and machine; Dask when it is used.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from kerascnn.comparison.executors.others import Others
from kerascnn.comparison.folder import ComparisonFolder
from kerascnn.comparison.plan import PlannedRun
from kerascnn.errors import ConfigError, MissingExtraError, shown
from kerascnn.registry import Entry, Registry


class Executor(Protocol):
    """Starts trainings, and tells which have ended."""

    @property
    def jobs(self) -> int:
        """How many trainings at most, as of now."""

    @property
    def running(self) -> Collection[str]:
        """The names of the runs that go on."""

    @property
    def others(self) -> Others:
        """Who else trains runs of the comparison."""

    def start(self, planned: PlannedRun) -> None:
        """Start a run, or go on with one that was stopped."""

    def wait(
        self, signals: list[int], tell: Callable[[], None]
    ) -> list[tuple[PlannedRun, int | None]]:
        """Wait for a run to end, or a signal, or a moment.

        Args:
            signals: Those that were received; it waits no longer when there is one.
            tell: Called about once a second.

        Returns:
            The runs that ended, each with the exit code of its process; `None` where it
            did not come to its end here, and is to be done again unless others do it.
        """

    def where(self, name: str) -> str:
        """On which worker a run goes on; nothing where that is not told."""


@dataclass(frozen=True, kw_only=True)
class ExecutorEntry(Entry):
    """A kind of executor.

    Attributes:
        target: What opens it: a context manager that takes the folder, the scheduler
            and the jobs, as `open_executor` does. In the end it stops what goes on.
        form: What `--scheduler` says for it, for people; nothing for the default.
        pattern: The same as a regular expression.
        package: The module that it needs, which comes with an extra.
        title: What that is called.
        extra: The extra of kerascnn.
    """

    form: str = ""
    pattern: str = ""
    package: str = ""
    title: str = ""
    extra: str = ""


EXECUTORS = Registry(
    "executor",
    ExecutorEntry(
        name="processes",
        target="kerascnn.comparison.executors.local:open_pool",
        summary="Processes of this machine.",
    ),
    ExecutorEntry(
        name="dask",
        target="kerascnn.comparison.executors.dask:open_cluster",
        summary="The workers of a Dask scheduler, or of one on this machine.",
        form="local:N, tcp://HOST:PORT or tls://HOST:PORT",
        pattern=r"local:[1-9]\d{0,3}|(tcp|tls)://[^\s/]+:\d{1,5}",
        package="distributed",
        title="Dask distributed",
        extra="cluster",
    ),
)


def find_executor(scheduler: str | None) -> ExecutorEntry:
    """The row that a scheduler stands for; what it needs is installed.

    Raises:
        ConfigError: A scheduler of no form that is known.
        MissingExtraError: Its package is not installed.
    """
    if scheduler is None:
        return next(iter(EXECUTORS.values()))
    rows = [row for row in EXECUTORS.values() if row.pattern]
    for row in rows:
        if isinstance(scheduler, str) and re.fullmatch(row.pattern, scheduler):
            from importlib.util import find_spec

            if find_spec(row.package) is None:
                raise MissingExtraError(row.title, row.extra)
            return row
    forms = " or ".join(row.form for row in rows)
    raise ConfigError(f"scheduler has to be {forms}, but got {shown(scheduler)}.")


def open_executor(
    folder: ComparisonFolder, scheduler: str | None = None, jobs: int | None = None
) -> AbstractContextManager[Executor]:
    """Open what trains the runs of a comparison.

    Args:
        folder: The comparison.
        scheduler: Where they are trained; on this machine where `None`.
        jobs: How many at once at most; as many as suit where `None`.

    Raises:
        ConfigError: A scheduler of no form that is known.
        MissingExtraError: Its package is not installed.
        RunError: It cannot be reached.
    """
    opened: AbstractContextManager[Executor] = find_executor(scheduler).load()(
        folder, scheduler, jobs
    )
    return opened
