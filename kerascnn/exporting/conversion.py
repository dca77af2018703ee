"""The process that writes a trained model in another format.

    python -m kerascnn.exporting.conversion \\
        WRITER QUANTIZATION MODEL TARGET NAMES [IMAGES]

converts one; `export.py` gives each conversion such a process, since converters hold on
to memory. WRITER is the target of a format's row, NAMES a JSON file of the class names,
IMAGES a `.npy` file of training images to calibrate on.
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

from kerascnn.machine.tensorflow import load_tensorflow


def main() -> None:
    """Convert what the command line says."""
    load_tensorflow()
    import numpy as np

    from kerascnn.models.load import load_model
    from kerascnn.registry import load_target

    writer, quantization, source, target, names, *images = sys.argv[1:]
    path = Path(target)
    if path.is_dir():
        shutil.rmtree(path)
    load_target(writer)(
        load_model(Path(source)),
        path,
        tuple(json.loads(Path(names).read_text("utf-8"))),
        quantization=quantization,
        images=np.load(images[0]) if images else None,
    )


if __name__ == "__main__":
    main()
