"""Model files in the runtimes that their users have, each in a process of its own.

A runtime is native code, and a damaged file can crash it: then the process is lost, and
nothing else.
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
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from kerascnn.errors import MissingExtraError, ModelFileError
from kerascnn.machine.tensorflow import fast_settings, python_path
from kerascnn.machine.threads import runtime_variables
from kerascnn.model_files.formats import FORMATS, FormatEntry

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

RUNTIMES = Path(__file__).parent / "runtimes"


def require_modules(row: FormatEntry) -> None:
    """Refuse a format whose packages are not installed.

    Raises:
        MissingExtraError: With the extra that installs them.
    """
    for module in row.needs:
        if importlib.util.find_spec(module) is None:
            raise MissingExtraError(module, row.extra)


class RuntimeProcess:
    """A model file, loaded by its runtime in a new process; a context.

    Args:
        path: The file, or the folder of a format of folders.
        format: A name of `FORMATS`.
        threads: How many threads compute; the runtime's own number where `None`.

    Attributes:
        start: Seconds of its start: `import_s` of the runtime, `load_s` of the model.
        shapes: Shapes of the input and the output, with `None` for any number.

    Raises:
        ModelFileError: The file cannot be loaded.
        MissingExtraError: The runtime is not installed.
    """

    def __init__(self, path: Path, format: str, *, threads: int | None = None) -> None:
        row = FORMATS[format]
        require_modules(row)
        self.path = path
        self.folder = tempfile.TemporaryDirectory(prefix="kerascnn-")
        self.images = Path(self.folder.name) / "images.npy"
        self.answers = Path(self.folder.name) / "answers.npy"
        self.errors = open(Path(self.folder.name) / "errors", "w+b")  # noqa: SIM115
        arguments = [
            row.runner,
            str(path.absolute()),
            *([str(threads)] if threads else []),
        ]
        self.process = subprocess.Popen(
            [sys.executable, str(RUNTIMES / "worker.py"), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            text=True,
            encoding="utf-8",
            env=_environment(threads, with_kerascnn=row.in_process),
        )
        try:
            self.start = self._read()
        except ModelFileError:
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
        self.process.kill()
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
            ModelFileError: It cannot.
        """
        import numpy as np

        np.save(self.images, images)
        answer = self._order(
            "predict",
            images=str(self.images),
            answers=str(self.answers),
            batch_size=batch_size,
        )
        self.modules: list[str] = answer["modules"]
        probabilities: npt.NDArray[np.float32] = np.load(self.answers)
        return probabilities

    def time(
        self, images: npt.NDArray[np.uint8], *, batch_size: int, seconds: float
    ) -> list[float]:
        """Seconds of each call with a batch of the images, for about so long.

        Raises:
            ModelFileError: It cannot answer.
        """
        import numpy as np

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
        line = self.process.stdout.readline() if self.process.stdout else ""
        if line:
            answer: dict[str, Any] = json.loads(line)
            return answer
        raise ModelFileError(self._reason())

    def _reason(self) -> str:
        """Why the process ended: the last line of its traceback, or its signal."""
        code = self.process.wait()
        self.errors.seek(0)
        lines = self.errors.read().decode(errors="replace").strip().splitlines()
        if code < 0:
            name = signal.Signals(-code).name
            reason = f"its runtime crashed ({name}), so it is damaged"
        else:
            last = lines[-1] if lines else f"Error: the runtime ended with code {code}"
            reason = " ".join(last.partition(": ")[2].split())
        if reason.startswith("Cannot load"):  # one of kerascnn's own, and whole
            return reason
        reason = reason.removeprefix("[ONNXRuntimeError] : ").split(". ")[0]
        return (
            f"Cannot run the model in {self.path}: {reason.rstrip('.')[:300]}. Export "
            "it again, or train again."
        )


def _environment(threads: int | None, *, with_kerascnn: bool) -> dict[str, str]:
    """The environment of a runtime's process; only kerascnn's own finds it there."""
    environment = fast_settings() | dict(os.environ)
    if with_kerascnn:
        environment |= python_path()
    return environment | runtime_variables(threads)
