"""Model files in the runtimes that their users have, each in a process of its own.

A runtime is native code, and a damaged file can crash it or keep it busy for ever: then
the process is lost, and nothing else.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from kerascnn.errors import ConfigError, MissingExtraError, ModelFileError
from kerascnn.machine.gpus import HIDDEN
from kerascnn.machine.tensorflow import fast_settings, python_path
from kerascnn.machine.threads import runtime_variables
from kerascnn.model_files.formats import FORMATS, TIMEOUT_S, FormatEntry

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

# How runtimes say that an allocation failed.
OUT_OF_MEMORY = ("OOM when allocating", "std::bad_alloc", "Failed to allocate memory")

RUNTIMES = Path(__file__).parent / "runtimes"


def require_modules(row: FormatEntry) -> None:
    """Refuse a format whose packages are not installed.

    Raises:
        MissingExtraError: With the extra that installs them.
    """
    for module in row.needs:
        if importlib.util.find_spec(module) is None:
            raise MissingExtraError(module, row.extra, row.machines)


def cannot_run(path: Path, kind: str, reason: str) -> str:
    """What is said of an error that a runtime raised.

    Args:
        path: The model.
        kind: The name of the error's class, for one without a text.
        reason: Its text.
    """
    if "MemoryError" in kind or any(words in reason for words in OUT_OF_MEMORY):
        return (
            f"The memory of this machine is not enough to run {path} so. Give a "
            "smaller --batch-size."
        )
    reason = " ".join(reason.removeprefix("[ONNXRuntimeError] : ").split())
    reason = reason.split(". ")[0].rstrip(".")[:300]
    return (
        f"Cannot run the model in {path}: {reason or kind}. Export it again, or train "
        "again."
    )


class RuntimeProcess:
    """A model file, loaded by its runtime in a new process; a context.

    Args:
        path: The file, or the folder of a format of folders.
        format: A name of `FORMATS`.
        threads: How many threads compute; the runtime's own number where `None`.
        trust: Whether to run a SavedModel whatever operations it has.
        member: Which model of a file that holds several, from 0.
        timeout_s: After how many seconds without progress the process is ended.

    Attributes:
        start: Seconds of its start: `import_s` of the runtime, `load_s` of the model.
        shapes: Shapes of the input and the output, with `None` for any number.

    Raises:
        ModelFileError: The file cannot be loaded, or not in time.
        MissingExtraError: The runtime is not installed.
        ConfigError: A time limit that is none.
    """

    def __init__(
        self,
        path: Path,
        format: str,
        *,
        threads: int | None = None,
        trust: bool = False,
        member: int = 0,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        row = FORMATS[format]
        require_modules(row)
        if not 0 < timeout_s <= threading.TIMEOUT_MAX:
            raise ConfigError(
                f"timeout_s has to be a number of seconds above 0, not {timeout_s}."
            )
        self.path = path
        self.timeout_s = timeout_s
        self.timed_out = False
        options: dict[str, Any] = {"threads": threads}
        if row.is_program:
            options["trust"] = trust
        if row.joins:
            options["member"] = member
        with self._room():
            self.folder = tempfile.TemporaryDirectory(prefix="kerascnn-")
            self.images = Path(self.folder.name) / "images.npy"
            self.answers = Path(self.folder.name) / "answers.npy"
            self.errors = open(Path(self.folder.name) / "errors", "w+b")  # noqa: SIM115
        self.process = subprocess.Popen(
            [
                *(sys.executable, str(RUNTIMES / "worker.py")),
                *(row.runner, str(path.absolute()), json.dumps(options)),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            text=True,
            encoding="utf-8",
            env=_environment(threads, with_kerascnn=row.in_process),
            process_group=0,  # ended with all that it may have started
        )
        try:
            self.start = self._read()
        except BaseException:
            self.close()
            raise
        self.shapes = tuple(
            tuple(self.start[name] or ()) for name in ("input_shape", "output_shape")
        )

    def __enter__(self) -> RuntimeProcess:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the process."""
        self._kill()
        self.process.communicate()
        self.errors.close()
        self.folder.cleanup()

    def predict(
        self, images: npt.NDArray[np.uint8 | np.float32], *, batch_size: int = 256
    ) -> npt.NDArray[np.float32]:
        """Predict raw pixels `(number, height, width, channels)`.

        Returns:
            Probabilities, `(number, num_classes)`.

        Raises:
            ModelFileError: It cannot, or not in time.
        """
        import numpy as np

        with self._room():
            np.save(self.images, images)
        answer = self._order(
            "predict",
            images=str(self.images),
            answers=str(self.answers),
            batch_size=batch_size,
        )
        self.modules: list[str] = answer["modules"]
        probabilities: npt.NDArray[np.float32] = np.load(self.answers)
        if probabilities.ndim != 2 or len(probabilities) != len(images):
            raise ModelFileError(
                f"The model in {self.path} gives {probabilities.shape} for "
                f"{len(images):,} images, not probabilities for each. Choose another "
                "file."
            )
        return probabilities

    def time(
        self, images: npt.NDArray[np.uint8], *, batch_size: int, seconds: float
    ) -> list[float]:
        """Seconds of each call with a batch of the images, for about so long.

        Raises:
            ModelFileError: It cannot answer, or not in time.
        """
        import numpy as np

        with self._room():
            np.save(self.images, images)
        answer = self._order(
            "time", images=str(self.images), batch_size=batch_size, seconds=seconds
        )
        return [float(value) for value in answer["seconds"]]

    def peak_bytes(self) -> int:
        """The most memory that the process has held."""
        return int(self._order("memory")["peak_bytes"])

    def _order(self, name: str, **arguments: Any) -> dict[str, Any]:
        if self.process.stdin:
            # Where it has ended, reading tells why.
            with contextlib.suppress(BrokenPipeError):
                self.process.stdin.write(json.dumps([name, arguments]) + "\n")
                self.process.stdin.flush()
        return self._read()

    def _read(self) -> dict[str, Any]:
        while line := self._line():
            answer: dict[str, Any] = json.loads(line)
            if "error" in answer:
                raise ModelFileError(self._explain(*answer["error"]))
            if answer:
                return answer
        raise ModelFileError(self._end())

    def _line(self) -> str:
        """The next line of the process, which is ended where none comes in time."""
        timer = threading.Timer(self.timeout_s, self._time_out)
        timer.daemon = True  # or the program would wait for it if a signal came now
        try:
            timer.start()
            return self.process.stdout.readline() if self.process.stdout else ""
        finally:
            timer.cancel()

    def _time_out(self) -> None:
        self.timed_out = True
        self._kill()

    def _kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)

    def _explain(self, kind: str, reason: str) -> str:
        """What is said of an error in the process."""
        if reason.startswith("Cannot "):  # one of ours, and whole
            return reason
        return cannot_run(self.path, kind, reason)

    def _end(self) -> str:
        """Why the process ended without a word."""
        code = self.process.wait()
        if self.timed_out:
            return (
                f"The model in {self.path} made no progress within {self.timeout_s:g} "
                "seconds. Give a longer --timeout, or another model."
            )
        if code < 0:
            if -code == signal.SIGKILL:
                return (
                    f"The runtime of {self.path} was killed (SIGKILL), as Linux does "
                    "where memory ends. Give a smaller --batch-size."
                )
            name = signal.Signals(-code).name
            return self._explain("", f"its runtime crashed ({name}), so it is damaged")
        self.errors.seek(0)
        lines = self.errors.read().decode(errors="replace").split("\n")
        last = next((line for line in reversed(lines) if line.strip()), "")
        return self._explain("", f"the runtime ended with code {code} {last}".strip())

    @contextmanager
    def _room(self) -> Iterator[None]:
        """Turn an error of writing what a runtime is to read into one line."""
        try:
            yield
        except OSError as error:
            raise ModelFileError(
                f"Cannot hand images to the runtime of {self.path}: "
                f"{error.strerror or error}. Make room for temporary files, or name "
                "another folder for them in TMPDIR."
            ) from error


def _environment(threads: int | None, *, with_kerascnn: bool) -> dict[str, str]:
    """The environment of a runtime's process; only kerascnn's own finds it there.

    All runtimes compute on the processor: their answers can be compared, and GPUs
    round float32 products to ten bits of mantissa.
    """
    environment = fast_settings() | dict(os.environ) | HIDDEN
    if with_kerascnn:
        environment |= python_path()
    return environment | runtime_variables(threads)
