"""A process that loads one model file in its own runtime, and runs it.

    python worker.py RUNNER PATH OPTIONS

It writes a line of JSON when the model is loaded, one for every order that it reads,
and others that say no more than that it gets on. Run as a script it imports its runner
and nothing of kerascnn's, so that a file is tried as users elsewhere would run it. An
error ends it, and is its last line; the other side shows it. It also ends when nobody
is left to give orders, whatever it is at.
"""

from __future__ import annotations

import importlib
import json
import os
import queue
import resource
import sys
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any

import numpy as np

WARM_UP = 5
# Seconds between lines that say that it gets on.
BEAT_S = 1.0

Say = Callable[[dict[str, Any]], None]


class Worker:
    """Orders are its methods; what they return is sent back."""

    def __init__(
        self, runner: str, path: str, options: dict[str, Any], say: Say
    ) -> None:
        self.say = say
        self.said = 0.0
        started = time.perf_counter()
        module = importlib.import_module(runner)
        imported = time.perf_counter()
        self.run = module.Runner(path, **options)
        self.start = {
            "import_s": imported - started,
            "load_s": time.perf_counter() - imported,
            "input_shape": self.run.input_shape,
            "output_shape": self.run.output_shape,
        }

    def beat(self) -> None:
        """Say now and then that it gets on."""
        if time.monotonic() - self.said > BEAT_S:
            self.said = time.monotonic()
            self.say({})

    def predict(self, images: str, answers: str, batch_size: int) -> dict[str, Any]:
        """Predict the images in one `.npy` file, into another."""
        pixels = np.load(images, allow_pickle=False)
        batch_size = min(batch_size, getattr(self.run, "largest_batch", batch_size))
        parts = []
        for start in range(0, len(pixels), batch_size):
            self.beat()
            parts.append(self.run(pixels[start : start + batch_size]))
        try:
            np.save(answers, np.concatenate(parts))
        except OSError as error:
            raise OSError(
                f"Cannot write {answers}: {error.strerror or error}. Make room there, "
                "or name another folder for temporary files in TMPDIR."
            ) from error
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
            self.beat()
            started = time.perf_counter()
            self.run(batch)
            taken.append(time.perf_counter() - started)
        return {"seconds": taken}

    def memory(self) -> dict[str, Any]:
        """The most memory that the process has held, in bytes; or its runner's own."""
        process_id = getattr(self.run, "process_id", "self")
        try:
            # What the parent held when it forked is in getrusage, and not in this.
            with open(f"/proc/{process_id}/status") as file:
                [line] = [line for line in file if line.startswith("VmHWM:")]
            return {"peak_bytes": int(line.split()[1]) * 1024}
        except OSError:
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            return {"peak_bytes": peak * (1 if sys.platform == "darwin" else 1024)}


def main() -> None:
    """Load, then answer until the input ends."""
    runner, path, options = sys.argv[1:]
    # What a runtime prints must not come between the answers.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def say(value: dict[str, Any]) -> None:
        answers.write(json.dumps(value) + "\n")
        answers.flush()

    def tell(
        kind: type[BaseException], error: BaseException, trace: TracebackType | None
    ) -> None:
        sys.__excepthook__(kind, error, trace)
        say({"error": [kind.__name__, " ".join(str(error).split())]})

    sys.excepthook = tell
    given: queue.SimpleQueue[str] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=[given], daemon=True).start()
    worker = Worker(runner, path, json.loads(options), say)
    orders: dict[str, Callable[..., dict[str, Any]]] = {
        "predict": worker.predict,
        "time": worker.time,
        "memory": worker.memory,
    }
    say(worker.start)
    while True:
        order, arguments = json.loads(given.get())
        say(orders[order](**arguments))


def _listen(given: queue.SimpleQueue[str]) -> None:
    """Pass orders on; without anybody to give them, end even an endless model."""
    for line in sys.stdin:
        given.put(line)
    os._exit(0)


if __name__ == "__main__":
    main()
