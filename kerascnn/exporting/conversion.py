"""Trained models in the formats of other runtimes.

    python -m kerascnn.exporting.conversion \\
        FORMAT QUANTIZATION MODEL TARGET NAMES [IMAGES]

converts one; `export.py` gives each conversion such a process, since converters hold on
to memory. NAMES is a JSON file of the class names, IMAGES a `.npy` file of training
images for the calibration of int8.
"""

from __future__ import annotations

import json
import math
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from kerascnn.machine.tensorflow import load_tensorflow

load_tensorflow()
import keras  # noqa: E402
import numpy as np  # noqa: E402
import numpy.typing as npt  # noqa: E402
import tensorflow as tf  # noqa: E402

from kerascnn.exporting.compaction import compact  # noqa: E402
from kerascnn.model_files.formats import FORMATS  # noqa: E402
from kerascnn.model_files.keras_model import load_model  # noqa: E402

Images = npt.NDArray[np.uint8]
OPSET = 18
# The converter has no public name for it.
DENSE_BY_TENSOR = "_experimental_disable_per_channel_quantization_for_dense_layers"


def write_saved_model(
    model: keras.Model, target: Path, class_names: tuple[str, ...], **_: object
) -> None:
    """Write a SavedModel that any client of TensorFlow or TensorFlow Serving can use.

    Signatures: `serving_default` takes raw pixels, `image`, uint8, `(number, height,
    width, channels)`; `encoded` takes `image_bytes`, PNG, JPEG, GIF or BMP files as
    strings, `(number,)`, which it scales to the model's size with their proportions
    kept. Both give `probabilities`, float32, `(number, num_classes)`, and `label`, the
    likeliest class's name, `(number,)`. `class_names` takes nothing and gives them all.
    """
    height, width, channels = model.input_shape[1:]
    names = tf.constant(class_names)

    def classify(image: tf.Tensor) -> dict[str, tf.Tensor]:
        probabilities = model(tf.cast(image, tf.float32), training=False)
        probabilities = tf.cast(probabilities, tf.float32)
        label = tf.gather(names, tf.argmax(probabilities, axis=-1))
        return {"probabilities": probabilities, "label": label}

    def decode(content: tf.Tensor) -> tf.Tensor:
        image = tf.io.decode_image(content, channels, expand_animations=False)
        image = tf.image.resize_with_pad(image, height, width, antialias=True)
        return tf.cast(tf.round(image), tf.uint8)

    def classify_encoded(image_bytes: tf.Tensor) -> dict[str, tf.Tensor]:
        image = tf.map_fn(decode, image_bytes, fn_output_signature=tf.uint8)
        return classify(tf.ensure_shape(image, (None, height, width, channels)))

    # The endpoints' variables are written by themselves, and those of a model that is
    # tracked a second time.
    archive = keras.export.ExportArchive()
    archive.add_endpoint(
        "serving_default",
        classify,
        [tf.TensorSpec((None, height, width, channels), tf.uint8, "image")],
    )
    archive.add_endpoint(
        "encoded", classify_encoded, [tf.TensorSpec((None,), tf.string, "image_bytes")]
    )
    archive.add_endpoint("class_names", lambda: {"class_names": names}, [])
    archive.write_out(target, verbose=False)


def write_tflite(
    model: keras.Model,
    target: Path,
    class_names: tuple[str, ...],
    *,
    quantization: str = "none",
    images: Images | None = None,
) -> None:
    """Write a TFLite file of built-in operations alone.

    Its signature takes `image`, raw pixels, `(number, height, width, channels)`, and
    gives `probabilities`, `(number, num_classes)`: float32, or uint8 for int8, where
    a probability is a step of 1/256.

    Raises:
        ConverterError: An operation that LiteRT does not have built in.
    """
    spec = tf.TensorSpec(model.input_shape, tf.float32, "image")
    model = _for_inference(model)
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
        target.write_bytes(compact(converter.convert()))


class _PlainFlatten(keras.layers.Flatten):  # type: ignore[misc]
    """Keras's `Flatten`, which does not ask how many images there are.

    That would be four operations of a TFLite file, which delegates to GPUs refuse.
    """

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        return tf.reshape(inputs, [-1, math.prod(inputs.shape[1:])])


def _for_inference(model: keras.Model) -> keras.Model:
    """Copy a model without what inference does not need.

    Keras's exporter to ONNX does not say that it is no training; models saved by
    version 0.1.0 that resize their images would then have dropout.
    """

    def exchange(layer: keras.Layer) -> keras.Layer:
        if isinstance(layer, keras.layers.Dropout):
            return keras.layers.Identity(name=layer.name)
        kind = type(layer)
        kind = _PlainFlatten if kind is keras.layers.Flatten else kind
        return kind.from_config(layer.get_config())

    copy = keras.models.clone_model(model, clone_function=exchange, recursive=True)
    copy.set_weights(model.get_weights())
    return copy


def write_onnx(
    model: keras.Model, target: Path, class_names: tuple[str, ...], **_: object
) -> None:
    """Write an ONNX file: `image`, float32 raw pixels, to `probabilities`.

    The names of the classes are in its metadata, `class_names`, one a line.
    """
    import onnx

    spec = keras.InputSpec(shape=model.input_shape, dtype="float32", name="image")
    _for_inference(model).export(
        str(target),
        format="onnx",
        verbose=False,
        input_signature=[spec],
        opset_version=OPSET,
    )
    content = onnx.load(str(target))
    _rename(content, content.graph.input[0].name, "image")
    _rename(content, content.graph.output[0].name, "probabilities")
    onnx.helper.set_model_props(content, {"class_names": "\n".join(class_names)})
    onnx.checker.check_model(content)
    onnx.save(content, str(target))


def _rename(content: object, old: str, new: str) -> None:
    """Rename a tensor of an ONNX graph wherever it is named."""
    graph = content.graph  # type: ignore[attr-defined]
    for value in (*graph.input, *graph.output):
        if value.name == old:
            value.name = new
    for node in graph.node:
        for names in (node.input, node.output):
            names[:] = [new if name == old else name for name in names]


def write_keras(
    model: keras.Model, target: Path, class_names: tuple[str, ...], **_: object
) -> None:
    """Write a `.keras` file of the model alone."""
    model.save(target)


def main() -> None:
    """Convert what the command line says."""
    kind, quantization, source, target, names, *images = sys.argv[1:]
    convert: Callable[..., None] = FORMATS[kind].load()
    path = Path(target)
    if path.is_dir():
        shutil.rmtree(path)
    convert(
        load_model(Path(source)),
        path,
        tuple(json.loads(Path(names).read_text("utf-8"))),
        quantization=quantization,
        images=np.load(images[0]) if images else None,
    )


if __name__ == "__main__":
    main()
