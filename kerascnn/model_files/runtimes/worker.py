"""A process that loads one model file in its own runtime, and runs it.

    python worker.py RUNNER PATH [THREADS]

It writes a line of JSON when the model is loaded, and one for every order that it
reads. Run as a script it imports its runner and nothing of kerascnn's, so that a file
is tried as users elsewhere would run it. An error ends it, with a traceback whose last
line the other side shows.
"""

from __future__ import annotations

import importlib
import json
import os
import resource
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

WARM_UP = 5


class Worker:
    """Orders are its methods; what they return is sent back."""

    def __init__(self, runner: str, path: str, threads: int | None) -> None:
        started = time.perf_counter()
        module = importlib.import_module(runner)
        imported = time.perf_counter()
        self.run = module.Runner(path, threads)
        self.start = {
            "import_s": imported - started,
            "load_s": time.perf_counter() - imported,
            "input_shape": self.run.input_shape,
            "output_shape": self.run.output_shape,
        }

    def predict(self, images: str, answers: str, batch_size: int) -> dict[str, Any]:
        """Predict the images in one `.npy` file, into another."""
        pixels = np.load(images, allow_pickle=False)
        parts = [
            self.run(pixels[start : start + batch_size])
            for start in range(0, len(pixels), batch_size)
        ]
        np.save(answers, np.concatenate(parts))
        found = (name for name, module in sys.modules.items() if module is not None)
        return {"modules": sorted(name for name in found if "." not in name)}

    def time(self, images: str, batch_size: int, seconds: float) -> dict[str, Any]:
        """Predict batches of the images for so long; seconds of each call."""
        pixels = np.load(images, allow_pickle=False)
        pixels = np.resize(pixels, (max(len(pixels), batch_size), *pixels.shape[1:]))
        for _ in range(WARM_UP if batch_size == 1 else 1):
            self.run(pixels[:batch_size])
        taken: list[float] = []
        until = time.perf_counter() + seconds
        while len(taken) < 3 or time.perf_counter() < until:
            first = len(taken) * batch_size % (len(pixels) - batch_size + 1)
            batch = pixels[first : first + batch_size]
            started = time.perf_counter()
            self.run(batch)
            taken.append(time.perf_counter() - started)
        return {"seconds": taken}

    def memory(self) -> dict[str, Any]:
        """The most memory that the process has held, in bytes."""
        try:
            # What the parent held when it forked is in getrusage, and not in this.
            with open("/proc/self/status") as file:
                [line] = [line for line in file if line.startswith("VmHWM:")]
            return {"peak_bytes": int(line.split()[1]) * 1024}
        except OSError:
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            return {"peak_bytes": peak * (1 if sys.platform == "darwin" else 1024)}


def main() -> None:
    """Load, then answer until the input ends."""
    runner, path, *threads = sys.argv[1:]
    # What a runtime prints must not come between the answers.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def say(value: dict[str, Any]) -> None:
        answers.write(json.dumps(value) + "\n")
        answers.flush()

    worker = Worker(runner, path, int(threads[0]) if threads else None)
    orders: dict[str, Callable[..., dict[str, Any]]] = {
        "predict": worker.predict,
        "time": worker.time,
        "memory": worker.memory,
    }
    say(worker.start)
    for line in sys.stdin:
        order, arguments = json.loads(line)
        say(orders[order](**arguments))


if __name__ == "__main__":
    main()
