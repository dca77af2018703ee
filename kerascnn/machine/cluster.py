"""Which processes train one network together, and which of them this one is.

Said by the user, by TensorFlow's `TF_CONFIG`, or by Slurm. The first worker is the
chief: it alone writes.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from kerascnn.errors import ConfigError, shown
from kerascnn.machine.tensorflow import load_tensorflow

SLURM = "slurm"
START_SECONDS = 600.0
# By TensorFlow's own defaults a worker is lost that three times in a row has not
# answered within ten seconds, asked every thirty.
LOST_SECONDS = 60.0
# Workers that a cluster may have: more than anyone has trained such networks on.
MAX_WORKERS = 1024


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """The processes that train one network together, and this process's place.

    Attributes:
        workers: Their addresses, `"host:port"`; the first is the chief's.
        index: Which of them this process is.
        start_seconds: How long a worker waits for the others to start.
        lost_seconds: After how long without an answer a worker counts as lost.

    Raises:
        ConfigError: Addresses that are none, or no place among them.
    """

    workers: tuple[str, ...]
    index: int
    start_seconds: float = START_SECONDS
    lost_seconds: float = LOST_SECONDS

    def __post_init__(self) -> None:
        for address in self.workers:
            _check_address(address)
        if not 1 < len(self.workers) <= MAX_WORKERS:
            raise ConfigError(
                f"A cluster has 2 to {MAX_WORKERS:,} workers, but there are "
                f"{len(self.workers)}. Train alone without --workers, or name them "
                "all, such as --workers a:4000,b:4000."
            )
        if len(set(self.workers)) < len(self.workers):
            raise ConfigError(
                "Two workers have one address: "
                f"{shown(','.join(self.workers))}. Give each its own port."
            )
        if type(self.index) is not int or not 0 <= self.index < len(self.workers):
            raise ConfigError(
                f"worker is {shown(self.index)}, but the workers are numbered from 0 "
                f"to {len(self.workers) - 1}. Give this process its own number."
            )
        for name in ("start_seconds", "lost_seconds"):
            seconds = getattr(self, name)
            if not 1 <= seconds <= 1e6:
                raise ConfigError(
                    f"{name} has to be from 1 to 1,000,000, but got {shown(seconds)}."
                )

    @property
    def is_chief(self) -> bool:
        """Whether this process is the one that writes."""
        return self.index == 0

    @property
    def address(self) -> str:
        """That of this process."""
        return self.workers[self.index]

    def name(self, index: int) -> str:
        """A worker's number and address, for messages."""
        return f"worker {index} ({self.workers[index]})"

    def require_free_port(self) -> None:
        """Refuse a port of this process that another one has.

        Raises:
            ConfigError: With its number.
        """
        port = int(self.address.rpartition(":")[2])
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("", port))
            except OSError as error:
                raise ConfigError(
                    f"Cannot listen as {self.name(self.index)}: {error.strerror}. "
                    "Give every worker a port that is free, and each process a number "
                    "of its own."
                ) from error


def find_cluster(
    workers: str | Sequence[str] | None = None,
    worker: int | None = None,
    **seconds: float,
) -> Cluster | None:
    """Which cluster this process belongs to.

    Args:
        workers: Addresses of all workers, in one text with commas or one by one, the
            chief first; `"slurm"` for the tasks of the Slurm step that this process is
            one of; where `None`, what the variable `TF_CONFIG` says.
        worker: The number of this process among those that are named.
        **seconds: `start_seconds` and `lost_seconds` of the cluster.

    Returns:
        `None` where this process trains alone.

    Raises:
        ConfigError: Something that is no cluster, or without this process's place.
    """
    if workers is None and worker is not None:
        raise ConfigError(
            f"worker is {shown(worker)}, but no workers are named. Name them all, such "
            "as --workers a:4000,b:4000."
        )
    if workers == SLURM:
        if worker is not None:
            raise ConfigError("Slurm numbers its workers itself: leave worker out.")
        addresses, index = _of_slurm()
    elif workers is not None:
        named = workers.split(",") if isinstance(workers, str) else workers
        addresses = [address.strip() for address in named]
        if worker is None:
            raise ConfigError(
                f"{len(addresses)} workers are named, but not which of them this "
                "process is. Give its number: --worker 0 for the first."
            )
        index = worker
    elif text := os.environ.get("TF_CONFIG"):
        addresses, index = _of_tf_config(text)
    else:
        return None
    if len(addresses) < 2 and workers in (None, SLURM):
        return None
    return Cluster(workers=tuple(addresses), index=index, **seconds)


def _of_tf_config(text: str) -> tuple[list[str], int]:
    """Addresses and index from TensorFlow's variable; a job `chief` comes first."""
    expected = (
        'TF_CONFIG has to be as TensorFlow has it, {"cluster": {"worker": ["a:4000", '
        '"b:4000"]}, "task": {"type": "worker", "index": 0}}'
    )
    try:
        config: Any = json.loads(text)
        jobs, task = config.get("cluster", {}), config.get("task", {})
        others = set(jobs) - {"chief", "worker"}
        addresses = [*jobs.get("chief", []), *jobs.get("worker", [])]
        index = int(task["index"]) if addresses else 0
        kind = task["type"] if addresses else "worker"
    except (ValueError, TypeError, AttributeError, LookupError) as error:
        raise ConfigError(f"{expected}, but it is {shown(text)}.") from error
    if others or kind not in {"chief", "worker"}:
        raise ConfigError(
            f"TF_CONFIG has a job {shown(min(others, default=kind))}, which a training "
            "here does not know: all are chief or worker."
        )
    if kind == "worker":
        index += len(jobs.get("chief", []))
    return addresses, index


def _of_slurm() -> tuple[list[str], int]:
    """Addresses and index from Slurm's variables, read by TensorFlow's resolver."""
    needed = ("PROCID", "STEP_NUM_TASKS", "STEP_NODELIST", "STEP_TASKS_PER_NODE")
    missing = [f"SLURM_{name}" for name in needed if f"SLURM_{name}" not in os.environ]
    if missing:
        raise ConfigError(
            f"workers is {SLURM!r}, but {missing[0]} is not set: this process is in no "
            "step of Slurm. Start it with srun, or name the workers."
        )
    load_tensorflow()
    import tensorflow as tf

    try:
        # Which GPUs a task sees is for Slurm to say.
        resolver = tf.distribute.cluster_resolver.SlurmClusterResolver(
            gpus_per_node=MAX_WORKERS, gpus_per_task=1, auto_set_gpu=False
        )
        return resolver.cluster_spec().as_dict()["worker"], int(resolver.task_id)
    except (RuntimeError, ValueError, LookupError) as error:
        raise ConfigError(f"Slurm's variables name no workers: {error}") from error


def _check_address(address: object) -> None:
    host, _, port = str(address).rpartition(":")
    if not (isinstance(address, str) and host and port.isdecimal()) or not (
        0 < int(port) < 2**16
    ):
        raise ConfigError(
            f"A worker's address has to be host:port, such as 10.0.0.2:4000, but got "
            f"{shown(address)}."
        )
