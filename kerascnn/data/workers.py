"""Work on many files side by side, in processes that may crash.

They are started anew, by the name of the function, and not by `multiprocessing`: that
would import the caller's script again, or copy a process in which TensorFlow runs.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from importlib import import_module
from queue import SimpleQueue
from typing import IO, Any

from kerascnn.errors import DatasetError, KerasCNNError, shown
from kerascnn.machine.environment import usable_cores
from kerascnn.machine.tensorflow import python_path
from kerascnn.machine.threads import share_of_cores

# Fewer are done before the processes have started.
FEW = 200
# Items that a process is given at a time, and how many such lots wait for each, so that
# none is idle and the memory does not grow with the number of items.
LOT = 16
LOTS_AHEAD = 4


def map_files(
    task: str, items: Sequence[Any], told: Callable[[int], None]
) -> Generator[Any, None, None]:
    """Apply a function to items, a process a core; here where they are few.

    Close the iterator, or go to its end: then no process is left.

    Args:
        task: The function, as `"package.module:function"`, from one value that JSON has
            to another.
        items: What it is applied to: a file's name, say.
        told: Called with the number of items that are done, now and then.

    Returns:
        The results, in the order of the items. An item at which a process died, for
        want of memory or by a decoder's fault, has `None`.

    Raises:
        DatasetError: The function raised an error, or no process could be started.
    """
    if len(items) < FEW:
        for number, item in enumerate(items, start=1):
            result = _apply(task, item)
            told(number)
            yield result
        return
    lots = [items[start : start + LOT] for start in range(0, len(items), LOT)]
    done = 0
    with _Crew(task, min(usable_cores(), len(lots))) as crew:
        for results in crew.map(lots):
            done += len(results)
            told(done)
            yield from results


class _Crew:
    """Processes, each with a thread of this one that waits for it; a context."""

    def __init__(self, task: str, count: int) -> None:
        self.ahead = count * LOTS_AHEAD
        self.workers = [_Worker(task, count) for _ in range(count)]
        self.idle: SimpleQueue[_Worker] = SimpleQueue()
        self.threads = ThreadPoolExecutor(count)
        self.is_over = False

    def __enter__(self) -> _Crew:
        for worker in self.workers:
            self.idle.put(worker)
        return self

    def __exit__(self, *raised: object) -> None:
        self.is_over = True
        for worker in self.workers:
            worker.kill()  # which also wakes its thread
        self.threads.shutdown(cancel_futures=True)
        for worker in self.workers:
            worker.close()

    def map(self, lots: Sequence[Sequence[Any]]) -> Iterator[list[Any]]:
        """The results of each lot, in order."""
        waiting: deque[Future[list[Any]]] = deque()
        for lot in lots:
            if len(waiting) >= self.ahead:
                yield waiting.popleft().result()
            waiting.append(self.threads.submit(self._work, lot))
        while waiting:
            yield waiting.popleft().result()

    def _work(self, lot: Sequence[Any]) -> list[Any]:
        worker = self.idle.get()
        try:
            results: list[Any] = []
            while len(results) < len(lot) and not self.is_over:
                rest = lot[len(results) :]
                got = worker.work(rest)
                results += got
                if len(got) < len(rest) and not self.is_over:
                    results.append(None)  # it died at this one
            return results
        finally:
            self.idle.put(worker)


class _Worker:
    """One process, started when there is work and none is there."""

    def __init__(self, task: str, count: int) -> None:
        self.task = task
        self.count = count
        self.process: subprocess.Popen[str] | None = None
        self.lock = threading.Lock()
        self.is_over = False

    def work(self, items: Sequence[Any]) -> list[Any]:
        """The results of the items, up to the one at which the process died."""
        process = self._started()
        if process is None:
            return []
        results: list[Any] = []
        with contextlib.suppress(BrokenPipeError):  # then there is nothing to read
            _pipe(process.stdin).write(json.dumps(list(items)) + "\n")
            _pipe(process.stdin).flush()
        for _ in items:
            answer = _read(process)
            if answer is None:
                self.close()
                break
            results.append(answer["result"])
        return results

    def kill(self) -> None:
        """End the process at once, and let no other be started."""
        with self.lock:
            self.is_over = True
            if self.process:
                self.process.kill()

    def close(self) -> None:
        """Take away what is left of the process."""
        with self.lock:
            process, self.process = self.process, None
        if process:
            process.kill()
            for pipe in (process.stdin, process.stdout):
                with contextlib.suppress(BrokenPipeError):
                    _pipe(pipe).close()
            process.wait()

    def _started(self) -> subprocess.Popen[str] | None:
        """The process; `None` where none may be started any more."""
        with self.lock:
            if self.is_over:
                return None
            if self.process:
                return self.process
            self.process = process = _start(self.task, self.count)
        if _read(process) is None and not self.is_over:
            code = process.wait()
            raise DatasetError(
                f"A process to read pictures ended at its start, with code {code}. "
                "Free some memory, and try again."
            )
        return process


def _start(task: str, count: int) -> subprocess.Popen[str]:
    try:
        return subprocess.Popen(
            [sys.executable, "-P", "-m", "kerascnn.data.workers", task],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # decoders write to it as they like
            text=True,
            encoding="ascii",
            env=os.environ | share_of_cores(count) | python_path(),
            process_group=0,  # Ctrl-C is for this process, which ends the others
        )
    except OSError as error:
        raise DatasetError(
            f"Cannot start a process to read pictures: {error.strerror or error}. Stop "
            "some other programs, and try again."
        ) from error


def _read(process: subprocess.Popen[str]) -> dict[str, Any] | None:
    """The next answer of a process; `None` where it has died.

    Raises:
        DatasetError: The answer is that the function raised an error.
    """
    line = _pipe(process.stdout).readline()
    if not line.endswith("\n"):
        return None
    answer: dict[str, Any] = json.loads(line)
    if "error" in answer:
        raise DatasetError(answer["error"])
    return answer


def _pipe(pipe: IO[str] | None) -> IO[str]:
    if pipe is None:
        raise ValueError("the process was started without this pipe")
    return pipe


def _apply(task: str, item: Any) -> Any:
    """Apply the function to an item; any error is one line.

    Raises:
        DatasetError: The function raised an error.
    """
    try:
        return _function(task)(item)
    except KerasCNNError as error:
        raise DatasetError(str(error)) from error
    except Exception as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        raise DatasetError(
            f"{task} failed at {shown(item)} ({reason[:300]}). Take it away, and "
            "report it."
        ) from error


def _function(task: str) -> Callable[[Any], Any]:
    module, _, name = task.partition(":")
    function: Callable[[Any], Any] = getattr(import_module(module), name)
    return function


def _serve(task: str) -> None:
    """Answer lines of items, a line each, until the other side has gone."""
    answers = os.fdopen(os.dup(1), "w", encoding="ascii")
    os.dup2(2, 1)  # what a library prints is no answer

    def answer(**values: Any) -> None:
        answers.write(json.dumps(values) + "\n")
        answers.flush()

    lots: SimpleQueue[str] = SimpleQueue()
    threading.Thread(target=_listen, args=[lots], daemon=True).start()
    try:
        _function(task)
        answer()
        while True:
            for item in json.loads(lots.get()):
                answer(result=_apply(task, item))
    except (DatasetError, ImportError, AttributeError) as error:
        answer(error=str(error))


def _listen(lots: SimpleQueue[str]) -> None:
    """Take what comes, and end this process, whatever it does, when nothing can."""
    for line in sys.stdin:
        lots.put(line)
    os._exit(0)


if __name__ == "__main__":
    _serve(sys.argv[1])
