"""TFLite files, for LiteRT: in 32 bits, or quantized."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from kerascnn.exporting.compaction import compact
from kerascnn.exporting.inference import for_inference
from kerascnn.exporting.tflite_metadata import (
    METADATA_NAME,
    describe_classifier,
    with_labels,
)

Images = npt.NDArray[np.uint8]
# The converter has no public name for it.
DENSE_BY_TENSOR = "_experimental_disable_per_channel_quantization_for_dense_layers"


def write_tflite(
    model: keras.Model,
    target: Path,
    class_names: tuple[str, ...],
    *,
    quantization: str = "none",
    images: Images | None = None,
    batch_size: int | None = None,
) -> None:
    """Write a TFLite file of built-in operations alone.

    Its signature takes `image`, raw pixels, `(number, height, width, channels)`, and
    gives `probabilities`, `(number, num_classes)`: float32, or uint8 for int8, where
    a probability is a step of 1/256. Batches have any size, or the one that is given.
    The names of the classes are in it as `labels.txt`, for whoever reads the metadata
    of TFLite files, or a zip archive.

    Raises:
        ConverterError: An operation that LiteRT does not have built in.
    """
    shape = (batch_size, *model.input_shape[1:])
    spec = tf.TensorSpec(shape, tf.float32, "image")
    model = for_inference(model)
    with tempfile.TemporaryDirectory() as folder:
        archive = keras.export.ExportArchive()
        archive.add_endpoint(
            "serving_default",
            lambda image: {"probabilities": model(image, training=False)},
            [spec],
        )
        archive.write_out(folder, verbose=False)
        converter = tf.lite.TFLiteConverter.from_saved_model(folder)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
        if quantization != "none":
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        if quantization == "float16":
            converter.target_spec.supported_types = [tf.float16]
        if quantization == "int8":
            # One scale for the weights of a dense layer, not one for each neuron:
            # LeNet-5's file would be a twentieth larger.
            setattr(converter, DENSE_BY_TENSOR, True)
            calibration = images if images is not None else np.empty(0)

            def representative() -> Iterator[list[npt.NDArray[np.float32]]]:
                for index in range(len(calibration)):
                    yield [calibration[index : index + 1].astype(np.float32)]

            converter.representative_dataset = representative
            converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
            converter.inference_input_type = tf.uint8
            converter.inference_output_type = tf.uint8
        metadata = {METADATA_NAME: describe_classifier(model.input_shape[-1])}
        content = compact(converter.convert(), metadata)
        target.write_bytes(with_labels(content, class_names))
