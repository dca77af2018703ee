"""Trainings on the workers of a Dask cluster, each in a process of its own."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import threading
import time
import uuid
import warnings
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import CancelledError, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from kerascnn.comparison.executors import worker
from kerascnn.comparison.executors.others import Others
from kerascnn.comparison.executors.training import command_of
from kerascnn.comparison.folder import ComparisonFolder
from kerascnn.comparison.plan import PlannedRun
from kerascnn.errors import KerasCNNError, RunError
from kerascnn.machine.lease import holder_of

if TYPE_CHECKING:
    from distributed import Client, Future

LOCAL = "local:"
# A scheduler that does not answer for so long is gone.
CONNECT_SECONDS = 10
POLL_SECONDS = 0.2
# So often workers that joined are looked for, and runs whose worker is lost.
LOOK_SECONDS = 5.0


class Cluster:
    """An `Executor` of the workers that a Dask scheduler has, as they come and go.

    Args:
        folder: The comparison, which all machines see under the same path.
        client: The connection to the scheduler.
        jobs: How many trainings at most; one a thread of the workers where `None`.
    """

    def __init__(
        self, folder: ComparisonFolder, client: Client, jobs: int | None
    ) -> None:
        self.others = Others(folder)
        self._folder = folder
        self._client = client
        self._limit = jobs
        self._session = uuid.uuid4().hex
        self._versions = worker.versions_here()
        self._digest = folder.protocol.digest()
        self._futures: dict[str, tuple[PlannedRun, Future[Any]]] = {}
        self._threads: dict[str, int] = {}
        self._looked_at = 0.0

    @property
    def jobs(self) -> int:
        """How many trainings at most: one a thread of the workers that there are."""
        threads = sum(self._look().values())
        return threads if self._limit is None else min(threads, self._limit)

    @property
    def running(self) -> Collection[str]:
        """The names of the runs that go on."""
        return self._futures.keys()

    def start(self, planned: PlannedRun) -> None:
        """Start a run, or go on with one that was stopped."""
        self._require_scheduler()
        future = self._client.submit(
            worker.train,
            key=f"{planned.name}-{uuid.uuid4().hex}",
            pure=False,
            path=str(self._folder.path),
            digest=self._digest,
            name=planned.name,
            command=command_of(self._folder, planned),
            expired=self.others.expired(planned),
            processes=self._processes(),
            versions=self._versions,
            session=self._session,
        )
        self._futures[planned.name] = planned, future

    def wait(
        self, signals: list[int], tell: Callable[[], None]
    ) -> list[tuple[PlannedRun, int | None]]:
        """Wait for a run to end, or a signal, or a moment."""
        until = time.monotonic() + LOOK_SECONDS
        told = 0.0
        while True:
            if time.monotonic() - told >= 1:
                tell()
                told = time.monotonic()
            done = [row for row in self._futures.values() if row[1].done()]
            if done or signals or time.monotonic() > until:
                break
            self._require_scheduler()
            time.sleep(POLL_SECONDS)
        ended = [(planned, _exit_code(future)) for planned, future in done]
        for planned, _ in ended:
            del self._futures[planned.name]
        return ended

    def where(self, name: str) -> str:
        """On which worker a run goes on."""
        return holder_of(self._folder.lease_path(name)) or ""

    def stop(self) -> None:
        """Tell the runs to stop, and wait until they have written their checkpoints."""
        while self._client.status == "running" and any(
            not future.done() and self.others.train(planned)
            for planned, future in self._futures.values()
        ):
            self._client.run(worker.stop, self._session, on_error="ignore")
            time.sleep(POLL_SECONDS)
        if self._client.status == "running":
            self._client.run(worker.stop, self._session, on_error="ignore")
            self._client.cancel([future for _, future in self._futures.values()])
        self._futures.clear()

    def _look(self) -> dict[str, int]:
        """The threads of the workers, by address, as of a moment ago."""
        if time.monotonic() - self._looked_at > LOOK_SECONDS:
            self._require_scheduler()
            with contextlib.suppress(OSError):  # `wait` tells of one that is gone
                self._threads = dict(self._client.nthreads())
            self._looked_at = time.monotonic()
        return self._threads

    def _processes(self) -> dict[str, int]:
        """How many trainings share the machine of each worker."""
        threads = self._look()
        hosts: Counter[str] = Counter()
        for address, count in threads.items():
            hosts[_host(address)] += count
        return {
            address: min(hosts[_host(address)], self.jobs or 1) for address in threads
        }

    def _require_scheduler(self) -> None:
        if self._client.status not in {"running", "connecting"}:
            raise RunError(
                "The connection to the Dask scheduler is lost. Its workers end the "
                "trainings, with checkpoints. Start scheduler and workers again, and "
                "then this command: it goes on."
            )


@contextmanager
def open_cluster(
    folder: ComparisonFolder, scheduler: str, jobs: int | None = None
) -> Iterator[Cluster]:
    """The workers of a scheduler, or of one that is started; see `open_executor`."""
    folder = ComparisonFolder(folder.path.absolute())
    with _quiet(), _connected(scheduler) as client:
        cluster = Cluster(folder, client, jobs)
        try:
            yield cluster
        finally:
            cluster.stop()


@contextmanager
def _connected(scheduler: str) -> Iterator[Client]:
    from distributed import Client
    from distributed.versions import VersionMismatchWarning

    with contextlib.ExitStack() as stack:
        address: Any = scheduler
        if scheduler.startswith(LOCAL):
            count = int(scheduler.removeprefix(LOCAL))
            address = stack.enter_context(_local_cluster(count))
        else:
            _require_answer(scheduler)
        with warnings.catch_warnings():
            # Each worker is asked for the versions that matter.
            warnings.simplefilter("ignore", VersionMismatchWarning)
            client = Client(address, timeout=CONNECT_SECONDS, set_as_default=False)
        with client:
            yield client


def _require_answer(scheduler: str) -> None:
    """Refuse an address where no scheduler is: a client waits for ever at some.

    Raises:
        RunError: Nothing is there, or something else.
    """
    try:
        # In a thread, since a notebook has a loop of its own in this one.
        with ThreadPoolExecutor(1) as thread:
            thread.submit(asyncio.run, _greet(scheduler)).result()
    # The bytes of something else can be taken for any length.
    except (OSError, ValueError, TypeError, OverflowError, MemoryError) as error:
        said = " ".join(str(error).split())
        raise RunError(
            f"No Dask scheduler answers at {scheduler} within {CONNECT_SECONDS} seconds"
            f"{f' ({said})' if said else ''}. Start one with: dask scheduler"
        ) from error


async def _greet(scheduler: str) -> None:
    from distributed import Security
    from distributed.comm import connect

    options = Security().get_connection_args("client")
    comm = await asyncio.wait_for(
        connect(scheduler, timeout=CONNECT_SECONDS, **options), CONNECT_SECONDS
    )
    comm.abort()


@contextmanager
def _local_cluster(count: int) -> Iterator[Any]:
    """Workers of one thread on this machine, which nobody else can reach."""
    from distributed import LocalCluster

    with _ignored_interrupts():
        cluster = LocalCluster(
            n_workers=count,
            threads_per_worker=1,
            host="127.0.0.1",
            dashboard_address=None,
            memory_limit=0,  # the memory is that of the trainings, which Dask sees not
            silence_logs=logging.CRITICAL,
        )
    with cluster:
        yield cluster


@contextmanager
def _ignored_interrupts() -> Iterator[None]:
    """Start processes that Ctrl-C does not end: this one stops them."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def _quiet() -> Iterator[None]:
    """Let Dask's loggers say nothing here; what matters is told in one line."""
    import distributed  # noqa: F401 - sets the levels of its loggers

    logger = logging.getLogger("distributed")
    before = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(before)


def _exit_code(future: Future[Any]) -> int | None:
    """What a task came to, which is done; see `Executor.wait`.

    Raises:
        RunError: The worker cannot train.
    """
    from distributed import KilledWorker

    try:
        code: int | None = future.result(timeout=CONNECT_SECONDS)
    except KerasCNNError:
        raise
    except (ImportError, AttributeError, RuntimeError) as error:
        # What Dask raises where a task cannot be unpacked.
        said = " ".join(str(error).split()).partition(". ")[0]
        raise RunError(
            f"The Dask scheduler or a worker cannot import this kerascnn ({said}). "
            "Install the same version on all machines, the scheduler's included."
        ) from error
    except (CancelledError, TimeoutError):
        return None  # the scheduler, or the worker with the answer, is gone
    except KilledWorker:
        return -signal.SIGKILL
    return code


def _host(address: str) -> str:
    return address.rpartition(":")[0]
