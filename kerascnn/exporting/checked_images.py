"""Which test images a check is on: all, or those that there is time for."""

from __future__ import annotations

import time

import numpy as np
import numpy.typing as npt

from kerascnn.data import Split
from kerascnn.evaluation.metrics import Probabilities, wilson_interval
from kerascnn.exporting.report import Export
from kerascnn.machine.numbers import format_accuracy, format_count
from kerascnn.model_files.process import RuntimeProcess

ORDER_SEED = 0
# A check whose time is limited is on so many images, whatever they take.
FEWEST_IMAGES = 100


def predict_within(
    process: RuntimeProcess, test: Split, seconds: float | None
) -> tuple[npt.NDArray[np.int64], Probabilities]:
    """Predict all images, or as many as there is time for, drawn evenly.

    Args:
        process: The file at work.
        test: The images.
        seconds: For all of them; `None` where they may take what they take.

    Returns:
        The places in `test` of the images, and their probabilities.
    """
    if seconds is None:
        return np.arange(len(test), dtype=np.int64), process.predict(test.images)
    order = np.random.default_rng(ORDER_SEED).permutation(len(test))
    started = time.monotonic()
    first, rest = order[:FEWEST_IMAGES], order[FEWEST_IMAGES:]
    parts = [process.predict(test.select(first).images)]
    for_each = (time.monotonic() - started) / len(first)
    rest = rest[: max(0, int(seconds / for_each) - len(first))]
    if len(rest):
        parts.append(process.predict(test.select(rest).images))
    return np.concatenate([first, rest]), np.concatenate(parts)


def images_in_words(available: int, seconds: float | None) -> str:
    """On how many of the images a check will be."""
    if seconds is None:
        return f"{available:,} images"
    return f"as many of {available:,} images as {seconds:g} seconds allow"


def agreement_in_words(export: Export, available: int) -> str:
    """How well a file agrees; where not all images were seen, with an interval."""
    images = format_count(export.images)
    if not export.largest_difference:
        return f"gives the model's own probabilities on {images} images"
    differing = round((1 - export.agreement) * export.images)
    words = f"{format_count(differing)} of {images} classes differ"
    if export.images < available:
        low, high = wilson_interval(1 - export.agreement, export.images)
        words += f", 95% interval {format_accuracy(low)} to {format_accuracy(high)}"
    return (
        f"agrees within tolerance ({words}, largest difference "
        f"{export.largest_difference:.2g})"
    )
