"""Model files run in kerascnn's own process, or else in one of their own."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from kerascnn.errors import KerasCNNError, ModelFileError
from kerascnn.machine.tensorflow import load_tensorflow
from kerascnn.model_files.formats import FORMATS, TIMEOUT_S
from kerascnn.model_files.process import RuntimeProcess, cannot_run

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


def open_model(
    path: Path, format: str, *, trust: bool = False, timeout_s: float = TIMEOUT_S
) -> RuntimeHere | RuntimeProcess:
    """Load a model file, in this process where its format allows it; a context.

    Args:
        path: The file, or the folder of a format of folders.
        format: A name of `FORMATS`.
        trust: As for `RuntimeProcess`.
        timeout_s: Likewise.

    Raises:
        ModelFileError: The file cannot be loaded.
        MissingExtraError: The runtime is not installed.
    """
    if FORMATS[format].in_process:
        return RuntimeHere(path, format)
    return RuntimeProcess(path, format, trust=trust, timeout_s=timeout_s)


class RuntimeHere:
    """A model file, loaded by its runtime in this process; a context.

    Args:
        path: The file.
        format: A name of `FORMATS`, whose row says `in_process`.

    Attributes:
        shapes: Shapes of the input and the output, with `None` for any number.

    Raises:
        ModelFileError: The file cannot be loaded.
    """

    def __init__(self, path: Path, format: str) -> None:
        load_tensorflow()
        module = import_module(
            f"kerascnn.model_files.runtimes.{FORMATS[format].runner}"
        )
        self.path = path
        self.runner = module.Runner(str(path), None)
        self.shapes: tuple[Any, Any] = (
            self.runner.input_shape,
            self.runner.output_shape,
        )

    def __enter__(self) -> RuntimeHere:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        pass

    def predict(
        self, images: npt.NDArray[np.uint8 | np.float32], *, batch_size: int = 256
    ) -> npt.NDArray[np.float32]:
        """Predict as `RuntimeProcess.predict` does."""
        import numpy as np

        try:
            return np.concatenate(
                [
                    self.runner(images[start : start + batch_size])
                    for start in range(0, len(images), batch_size)
                ]
            )
        except KerasCNNError:
            raise
        except Exception as error:  # what a layer raises over a setting may be anything
            kind = type(error).__name__
            raise ModelFileError(cannot_run(self.path, kind, str(error))) from error
