"""TFLite files for one image at a time, as LiteRT.js takes them, and what they take."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
from ai_edge_litert import schema_py_generated as schema

from kerascnn.exporting.tflite import Images, write_tflite

TYPES = {schema.TensorType.FLOAT32: "float32", schema.TensorType.UINT8: "uint8"}


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


def describe_tensors(content: bytes) -> dict[str, dict[str, Any]]:
    """What a TFLite file takes and gives.

    Returns:
        For `input` and `output` the `dtype`, and `scale` and `zero` of bytes.
    """
    graph = schema.Model.GetRootAs(content, 0).Subgraphs(0)
    places = {"input": graph.Inputs(0), "output": graph.Outputs(0)}
    return {name: _describe(graph.Tensors(place)) for name, place in places.items()}


def _describe(tensor: Any) -> dict[str, Any]:
    dtype = TYPES[tensor.Type()]
    if dtype == "float32":
        return {"dtype": dtype, "scale": 1.0, "zero": 0}
    numbers = tensor.Quantization()
    return {
        "dtype": dtype,
        "scale": float(numbers.Scale(0)),
        "zero": int(numbers.ZeroPoint(0)),
    }
