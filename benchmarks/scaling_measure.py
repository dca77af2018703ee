"""One process and two that train the same batches by turns, a core for each process."""

from __future__ import annotations

import os
import socket
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from turns import ContenderError, Setting, environment, instruction_set_name

from kerascnn import Run

CONTENDERS = {"1 process": 1, "2 processes": 2}
# Images of an epoch.
IMAGES = {"lenet": 25_600, "resnet18": 2_560}
EPOCHS, MOST_S = 3, 900


def measure(network: str, turns: int) -> list[dict[str, Any]]:
    """Let one process and two train by turns; a row for each turn."""
    place = {"instruction_set": instruction_set_name("native"), "network": network}
    return [
        place
        | {"contender": contender, "turn": turn}
        | train(network, processes, IMAGES[network])
        for turn in range(turns)
        for contender, processes in CONTENDERS.items()
    ]


def train(network: str, processes: int, images: int) -> dict[str, Any]:
    """Train by so many processes together; numbers of the first one's run.

    The speed is that of the epochs after the first, in which TensorFlow traces.

    Raises:
        ContenderError: A process ended with an error, or there are fewer cores.
    """
    cores = sorted(os.sched_getaffinity(0))[:processes]
    if len(cores) < processes:
        raise ContenderError(f"{processes} processes need a core each.")
    _, optimizer, *sizes = Setting(network=network).arguments()
    words = [sys.executable, "-m", "kerascnn", "train", network, *sizes]
    words += ["--optimizer", optimizer, "--limit", str(images), "--name", "run"]
    words += ["--epochs", str(EPOCHS), "--validation-fraction", "0.02", "--no-test"]
    if processes > 1:
        words += ["--workers", ",".join(free_addresses(processes))]
    with tempfile.TemporaryDirectory() as folder:
        started = []
        for worker, core in enumerate(cores):
            own = ["--worker", str(worker)] if processes > 1 else []
            own += ["--out", f"{folder}/{worker}"]
            started.append(
                subprocess.Popen(
                    ["taskset", "--cpu-list", str(core), *words, *own],
                    stdout=subprocess.DEVNULL,
                    env=environment("native", "kerascnn"),
                )
            )
        try:
            if any(process.wait(MOST_S) for process in started):
                raise ContenderError(f"{network} by {processes} processes failed.")
        finally:
            for process in started:
                process.kill()
                process.wait()
        run = Run(Path(folder, "0", "run"))
        metrics = run.require_metrics()
        return {
            "images_per_second": statistics.median(
                run.history["images_per_second"][1:]
            ),
            "steps": metrics.steps,
            "training_loss": metrics.training_loss,
            "validation_accuracy": metrics.validation_accuracy,
        }


def free_addresses(count: int) -> list[str]:
    """Addresses of this machine on which nobody listens."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    addresses = ["{}:{}".format(*taken.getsockname()) for taken in sockets]
    for taken in sockets:
        taken.close()
    return addresses
