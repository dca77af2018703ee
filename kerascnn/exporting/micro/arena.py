"""The arena of a model: the memory that TensorFlow Lite Micro needs for its tensors.

TFLM tells how much it used only after it was given enough; what is needed is found by
trying. Each try has a process of its own, since too small an arena may crash it.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt

from kerascnn.errors import ExportError

# TFLM aligns what it allocates to so many bytes.
ALIGNMENT = 16
SMALLEST, LARGEST = 1024, 2**31
# Kernels made for a chip take buffers that the reference kernels do not, and pointers
# of 64 bits are twice as large as the chip's: either may be more.
MARGIN = 0.25

# MODEL SIZE reads the input bytes, if any, and writes the output bytes.
TRY = """
import sys
import numpy as np
from tflite_micro.python.tflite_micro import runtime

model, size = sys.argv[1:]
interpreter = runtime.Interpreter.from_file(model, arena_size=int(size))
pixels = sys.stdin.buffer.read()
if pixels:
    shape = interpreter.get_input_details(0)["shape"]
    interpreter.set_input(np.frombuffer(pixels, np.uint8).reshape(shape), 0)
    interpreter.invoke()
    sys.stdout.buffer.write(interpreter.get_output(0).tobytes())
"""


def measure_arena(model: Path) -> int:
    """The smallest arena of a TFLite file in bytes, to 16, in TFLM on this machine.

    Raises:
        ExportError: Not even 2 GiB are enough, or TFLM cannot run it.
    """
    enough = SMALLEST
    while not _fits(model, enough):
        enough *= 2
        if enough > LARGEST:
            said = _try(model, LARGEST).stderr.decode(errors="replace").split("\n")
            reason = next((line for line in said if line.strip()), "it gives no reason")
            raise ExportError(
                f"TensorFlow Lite Micro cannot run it: {reason.strip()[:200]}"
            )
    too_small = enough // 2 if enough > SMALLEST else 0
    while enough - too_small > ALIGNMENT:
        middle = (enough + too_small) // 2 // ALIGNMENT * ALIGNMENT
        if _fits(model, middle):
            enough = middle
        else:
            too_small = middle
    return enough


def with_margin(measured: int) -> int:
    """What to reserve on a chip, in bytes."""
    return -int(-measured * (1 + MARGIN) // ALIGNMENT) * ALIGNMENT


def answer_of(
    model: Path, arena: int, pixels: npt.NDArray[np.uint8]
) -> npt.NDArray[np.uint8]:
    """The output bytes of a TFLite file for the input bytes of one image, by TFLM.

    Raises:
        ExportError: It gives none.
    """
    done = _try(model, arena, pixels.tobytes())
    if done.returncode:
        raise ExportError(
            f"TensorFlow Lite Micro does not run it in the {arena:,} bytes that it "
            "could be loaded in. Report this as a bug."
        )
    return np.frombuffer(done.stdout, np.uint8)


def _fits(model: Path, size: int) -> bool:
    return _try(model, size).returncode == 0


def _try(
    model: Path, size: int, pixels: bytes = b""
) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-c", TRY, str(model), str(size)],
        input=pixels,
        capture_output=True,
    )
