"""TFLite files for one image at a time, as LiteRT.js takes them."""

from __future__ import annotations

from pathlib import Path

import keras

from kerascnn.exporting.tflite import Images, write_tflite


def write_for_page(
    model: keras.Model,
    target: Path,
    class_names: tuple[str, ...],
    *,
    quantization: str = "none",
    images: Images | None = None,
) -> None:
    """Write a TFLite file for batches of one image.

    LiteRT.js refuses a model whose batches may have any size.
    """
    write_tflite(
        model,
        target,
        class_names,
        quantization=quantization,
        images=images,
        batch_size=1,
    )
