"""ONNX files, for ONNX Runtime and what else reads ONNX."""

from __future__ import annotations

from pathlib import Path

import keras

from kerascnn.exporting.inference import for_inference
from kerascnn.exporting.labels import label_lines

OPSET = 18


def write_onnx(
    model: keras.Model, target: Path, class_names: tuple[str, ...], **_: object
) -> None:
    """Write an ONNX file: `image`, float32 raw pixels, to `probabilities`.

    The names of the classes are in its metadata, `class_names`, one a line.
    """
    import onnx

    spec = keras.InputSpec(shape=model.input_shape, dtype="float32", name="image")
    for_inference(model).export(
        str(target),
        format="onnx",
        verbose=False,
        input_signature=[spec],
        opset_version=OPSET,
    )
    names = label_lines(class_names).removesuffix("\n")
    content = onnx.load(str(target))
    _rename(content, content.graph.input[0].name, "image")
    _rename(content, content.graph.output[0].name, "probabilities")
    onnx.helper.set_model_props(content, {"class_names": names})
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
