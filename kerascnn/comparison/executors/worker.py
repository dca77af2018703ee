"""What a Dask worker does of a comparison: one training, in a fresh process.

Dask may run a task twice, and may think that a worker is dead which is not. So the
training is done by who has the lease of the run, whatever Dask believes.
"""

from __future__ import annotations

import functools
import os
import platform
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from kerascnn import __version__
from kerascnn.comparison.executors import leased
from kerascnn.comparison.executors.training import GpuShares, start_training
from kerascnn.comparison.folder import ComparisonFolder
from kerascnn.errors import ConfigError, RunError
from kerascnn.machine.environment import package_version
from kerascnn.machine.gpus import usable_gpus
from kerascnn.machine.lease import take

POLL_SECONDS = 0.5
# Whose versions have to be the same everywhere.
PACKAGES = ("tensorflow", "keras", "distributed")

# Comparisons that this worker was told to stop.
_stopped: set[str] = set()


def train(
    *,
    path: str,
    digest: str,
    name: str,
    command: Sequence[str],
    expired: str | None,
    processes: Mapping[str, int],
    versions: Mapping[str, str | None],
    session: str,
) -> int | None:
    """Train a run, as the task of a worker.

    Args:
        path: The folder of the comparison, the same on all machines.
        digest: Of its plan.
        name: The run.
        command: From `command_of`.
        expired: A lease to be taken over; see `take`.
        processes: How many trainings share a worker's machine, by worker.
        versions: Those that this machine has to have.
        session: Whose training it is; see `stop`.

    Returns:
        The exit code of the training; `None` where another process has the run, or it
        was told to stop.

    Raises:
        RunError: The machine has other versions, or does not see the folder.
    """
    from distributed import get_worker

    worker = get_worker()
    address = worker.address.rpartition("/")[2]
    _check_versions(address, versions)
    folder = ComparisonFolder(Path(path))
    _check_folder(address, folder, digest)
    if session in _stopped:
        return None
    lease = take(folder.lease_path(name), address, expired)
    if lease is None:
        return None
    try:
        if (folder.runs_path / name / "metrics.json").exists():
            return 0
        process = start_training(
            folder,
            name,
            command,
            processes=processes.get(worker.address, worker.state.nthreads),
            gpu=_gpus().take(name),
            module=(leased.__name__, str(lease.path), lease.token),
            variables=_variables(),
            stdin=subprocess.PIPE,
        )
        is_stopped = False
        while (code := _poll(process)) is None:
            if session in _stopped or worker.status.name.startswith("clos"):
                is_stopped = True
                assert process.stdin is not None  # noqa: S101 - for the type checker
                process.stdin.close()
        return None if is_stopped or code == leased.LOST else code
    finally:
        _gpus().give_back(name)
        lease.release()


def stop(session: str) -> None:
    """Let the trainings of a comparison write their checkpoints and end."""
    _stopped.add(session)


def versions_here() -> dict[str, str | None]:
    """The versions that have to be the same on all machines of a comparison."""
    return {
        "kerascnn": __version__,
        "Python": ".".join(platform.python_version_tuple()[:2]),
        **{name: package_version(name) for name in PACKAGES},
    }


def _check_versions(address: str, versions: Mapping[str, str | None]) -> None:
    here = versions_here()
    for name, wanted in versions.items():
        if here.get(name) != wanted:
            raise RunError(
                f"The worker {address} has {name} {here.get(name)}, but the comparison "
                f"was started with {wanted}. Install the same on all machines."
            )


def _check_folder(address: str, folder: ComparisonFolder, digest: str) -> None:
    try:
        found = folder.protocol.digest()
    except (RunError, ConfigError, OSError):
        found = None
    if found != digest:
        raise RunError(
            f"The worker {address} does not see this comparison in {folder.path}. Put "
            "it into a folder that all machines share, under the same path."
        )


def _poll(process: subprocess.Popen[bytes]) -> int | None:
    try:
        return process.wait(POLL_SECONDS)
    except subprocess.TimeoutExpired:
        return None


@functools.cache
def _gpus() -> GpuShares:
    return GpuShares(usable_gpus())


def _variables() -> dict[str, str]:
    """The environment without what Dask sets for tasks that compute in threads."""
    import dask

    set_by_dask: dict[str, object] = dask.config.get(
        "distributed.nanny.pre-spawn-environ", {}
    )
    return {
        name: value
        for name, value in os.environ.items()
        if value != str(set_by_dask.get(name))
    }
