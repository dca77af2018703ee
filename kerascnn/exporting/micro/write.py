"""C++ sources of a model of 8 bits, for TensorFlow Lite Micro (TFLM)."""

from __future__ import annotations

import tempfile
from pathlib import Path

import keras
import numpy as np
import numpy.typing as npt

from kerascnn.exporting.micro.arena import answer_of, measure_arena, with_margin
from kerascnn.exporting.micro.description import describe
from kerascnn.exporting.micro.sources import Sample, write_sources
from kerascnn.exporting.tflite import write_tflite
from kerascnn.model_files.keras_model import predict_probabilities

Images = npt.NDArray[np.uint8]

# Of so many images the sample is chosen.
CANDIDATES = 64
# By how much the likeliest class of the sample leads, at best: rounding leaves it the
# likeliest, while an answer of all or nothing would hide most mistakes.
LEAD = 0.5


def write_micro(
    model: keras.Model,
    target: Path,
    class_names: tuple[str, ...],
    *,
    quantization: str,
    images: Images,
) -> None:
    """Write a folder of C++ sources: model, settings, sample, self-test.

    The model is the TFLite file of 8 bits, byte for byte. Its arena is measured in TFLM
    on this machine; the settings have that size, and one with a margin.

    Args:
        model: A model from raw pixels to probabilities.
        target: The folder; it is made.
        class_names: In the order of the probabilities.
        quantization: `"int8"`.
        images: Training images, raw pixels, `(number, height, width, channels)`: to
            calibrate on; one of them is the sample.

    Raises:
        ExportError: An operator that TFLM does not have, or no arena is enough.
    """
    with tempfile.TemporaryDirectory(prefix="kerascnn-") as folder:
        file = Path(folder) / "model.tflite"
        write_tflite(model, file, class_names, quantization=quantization, images=images)
        description = describe(file.read_bytes())
        measured = measure_arena(file)
        image = _choose_sample(model, images[:CANDIDATES])
        answer = answer_of(file, measured, description.quantize(image))
    target.mkdir()
    write_sources(
        target,
        name=model.name.removesuffix("_classifier"),
        class_names=class_names,
        description=description,
        arena=(measured, with_margin(measured)),
        sample=Sample(image, answer),
    )


def _choose_sample(model: keras.Model, images: Images) -> Images:
    """The image, `(height, width, channels)`, whose lead is nearest to `LEAD`."""
    probabilities = np.sort(predict_probabilities(model, images))
    lead = probabilities[:, -1] - probabilities[:, -2]
    return np.asarray(images[abs(lead - LEAD).argmin()])
