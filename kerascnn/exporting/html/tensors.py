"""What a TFLite file takes and gives, for the scripts of a page."""

from __future__ import annotations

from typing import Any

from ai_edge_litert import schema_py_generated as schema

TYPES = {schema.TensorType.FLOAT32: "float32", schema.TensorType.UINT8: "uint8"}


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
