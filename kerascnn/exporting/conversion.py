"""The process that writes a trained model in another format.

    python -m kerascnn.exporting.conversion \\
        WRITER QUANTIZATION MODEL TARGET REASON NAMES [IMAGES]

converts one; `export.py` gives each conversion such a process, since converters hold on
to memory. WRITER is the target of a format's row, NAMES a JSON file of the class names,
IMAGES a `.npy` file of training images to calibrate on. Why a model cannot be converted
is written to the file REASON, in a line: what else is said, converters print as well.
"""

from __future__ import annotations

import json
import re
import shutil
import sys
from pathlib import Path

from kerascnn.errors import KerasCNNError
from kerascnn.machine.tensorflow import load_tensorflow

# Where in its own form of the graph TensorFlow Lite's converter met a problem.
LOCATION = re.compile(r"<unknown>:0: error: (?:loc\(.*\): )?")
MAX_REASON = 300


def main() -> None:
    """Convert what the command line says; the exit code is 1 where it cannot be."""
    writer, quantization, source, target, reason, names, *images = sys.argv[1:]
    class_names = tuple(json.loads(Path(names).read_text("utf-8")))
    try:
        convert(writer, quantization, source, target, class_names, *images)
    except Exception as error:
        Path(reason).write_text(_one_line(error), "utf-8")
        sys.exit(1)


def convert(
    writer: str,
    quantization: str,
    source: str,
    target: str,
    class_names: tuple[str, ...],
    images: str | None = None,
) -> None:
    """Write a trained model in another format."""
    load_tensorflow()
    import numpy as np

    from kerascnn.models.load import load_model
    from kerascnn.registry import load_target

    path = Path(target)
    if path.is_dir():
        shutil.rmtree(path)
    load_target(writer)(
        load_model(Path(source)),
        path,
        class_names,
        quantization=quantization,
        images=None if images is None else np.load(images),
    )


def _one_line(error: Exception) -> str:
    """The first line of an error, with its kind where the words are not ours."""
    line = next(iter(str(error).strip().splitlines()), "")
    text = " ".join(LOCATION.sub(" ", line).split())[:MAX_REASON]
    return (
        text if isinstance(error, KerasCNNError) else f"{type(error).__name__}: {text}"
    )


if __name__ == "__main__":
    main()
