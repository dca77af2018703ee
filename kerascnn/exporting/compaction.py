"""TFLite files in which nothing is written twice.

The converter writes a zero point of 8 bytes beside every channel's scale, for weights
and biases, all of them 0: a twentieth of MobileNet's int8 file. In a FlatBuffer equal
vectors may be one (https://flatbuffers.dev/internals/), and every reader takes that.
No setting of the converter takes LeNet-5's int8 file to 0.27 of its float32 file; this
does.
"""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from typing import Any

import flatbuffers
import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema

# What the schema asks of the vectors that hold weights.
WEIGHTS_ALIGNMENT = 16


def compact(content: bytes, metadata: Mapping[bytes, bytes] | None = None) -> bytes:
    """Write a TFLite file anew: equal vectors once, tensors by short names.

    Of several names for a tensor the first one stays, without the folders that all
    names of the graph have in common.

    Args:
        content: The file.
        metadata: Buffers to add, by the names that they have in `Model.metadata`.
    """
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(content, 0))
    for name, buffer in (metadata or {}).items():
        row = schema.MetadataT()
        row.name, row.buffer = name, len(model.buffers)
        model.metadata = [*(model.metadata or []), row]
        data = schema.BufferT()
        data.data = np.frombuffer(buffer, np.uint8)
        model.buffers.append(data)
    for graph in model.subgraphs:
        names = [tensor.name.partition(b";")[0] for tensor in graph.tensors]
        folders = [name.rpartition(b"/")[0] for name in names if b"/" in name]
        common = posixpath.commonpath(folders) + b"/" if folders else b""
        for tensor, name in zip(graph.tensors, names, strict=True):
            tensor.name = name.removeprefix(common)
    builder = _SharingBuilder(len(content))
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    return bytes(builder.Output())


class _SharingBuilder(flatbuffers.Builder):  # type: ignore[misc]
    """A builder that gives an equal vector the place that it has already."""

    def __init__(self, size: int) -> None:
        super().__init__(size)
        self.places: dict[tuple[str, bytes], int] = {}

    def CreateNumpyVector(self, x: npt.NDArray[Any]) -> int:  # noqa: N802
        """Write a vector, or find the one that is written."""
        key = x.dtype.str, x.tobytes()
        if key not in self.places:
            if x.dtype == np.uint8:
                self.Prep(WEIGHTS_ALIGNMENT, x.nbytes)
            self.places[key] = super().CreateNumpyVector(x)
        return self.places[key]
