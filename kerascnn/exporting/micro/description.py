"""What the C++ sources say of a TFLite file: its shapes, scales and operators."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema

from kerascnn.errors import ExportError

# How TFLM's MicroMutableOpResolver registers the operators of the schema: those that
# image classifiers are converted to. Names by
# tensorflow/lite/micro/micro_mutable_op_resolver.h of
# https://github.com/tensorflow/tflite-micro.
REGISTRATIONS = {
    "ADD": "AddAdd",
    "AVERAGE_POOL_2D": "AddAveragePool2D",
    "CAST": "AddCast",
    "CONCATENATION": "AddConcatenation",
    "CONV_2D": "AddConv2D",
    "DEPTHWISE_CONV_2D": "AddDepthwiseConv2D",
    "DEQUANTIZE": "AddDequantize",
    "ELU": "AddElu",
    "FULLY_CONNECTED": "AddFullyConnected",
    "HARD_SWISH": "AddHardSwish",
    "LEAKY_RELU": "AddLeakyRelu",
    "LOGISTIC": "AddLogistic",
    "MAXIMUM": "AddMaximum",
    "MAX_POOL_2D": "AddMaxPool2D",
    "MEAN": "AddMean",
    "MINIMUM": "AddMinimum",
    "MUL": "AddMul",
    "PAD": "AddPad",
    "PADV2": "AddPadV2",
    "QUANTIZE": "AddQuantize",
    "RELU": "AddRelu",
    "RELU6": "AddRelu6",
    "RESHAPE": "AddReshape",
    "RESIZE_BILINEAR": "AddResizeBilinear",
    "RESIZE_NEAREST_NEIGHBOR": "AddResizeNearestNeighbor",
    "SOFTMAX": "AddSoftmax",
    "SQUEEZE": "AddSqueeze",
    "SUB": "AddSub",
    "TANH": "AddTanh",
    "TRANSPOSE": "AddTranspose",
}


@dataclass(frozen=True)
class Steps:
    """How bytes stand for numbers: a number is `scale * (byte - zero_point)`.

    Attributes:
        scale: The size of a step.
        zero_point: The byte that stands for 0.
    """

    scale: float
    zero_point: int


@dataclass(frozen=True)
class Description:
    """A TFLite file that takes an image in bytes and gives probabilities in bytes.

    Attributes:
        content: The file.
        image_shape: `(height, width, channels)`.
        input: What its input bytes stand for: raw pixels.
        output: What its output bytes stand for: probabilities.
        registrations: The methods of `MicroMutableOpResolver` that it needs.
    """

    content: bytes
    image_shape: tuple[int, int, int]
    input: Steps
    output: Steps
    registrations: tuple[str, ...]

    def quantize(self, pixels: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
        """The input bytes for raw pixels, as `QuantizePixel` of the sources."""
        # In 32 bits and this order, as a chip does it.
        scale, zero = np.float32(self.input.scale), np.float32(self.input.zero_point)
        steps = pixels.astype(np.float32) / scale + zero + np.float32(0.5)
        return np.asarray(np.clip(steps, 0, 255), np.uint8)


def describe(content: bytes) -> Description:
    """Read a TFLite file whose input and output are of uint8.

    Raises:
        ExportError: An operator that TFLM does not have.
    """
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(content, 0))
    [graph] = model.subgraphs
    [takes], [gives] = graph.inputs, graph.outputs
    _, height, width, channels = (int(side) for side in graph.tensors[takes].shape)
    return Description(
        content=content,
        image_shape=(height, width, channels),
        input=_steps(graph.tensors[takes]),
        output=_steps(graph.tensors[gives]),
        registrations=tuple(
            sorted({_registration(_name(code)) for code in model.operatorCodes})
        ),
    )


def _steps(tensor: Any) -> Steps:
    [scale], [zero_point] = tensor.quantization.scale, tensor.quantization.zeroPoint
    return Steps(float(scale), int(zero_point))


def _name(code: Any) -> str:
    """The schema's name of an operator."""
    # Files for old readers have it in the field that is deprecated.
    number = max(code.builtinCode, code.deprecatedBuiltinCode)
    names: dict[str, int] = dict(vars(schema.BuiltinOperator))
    return next(name for name, value in names.items() if value == number)


def _registration(name: str) -> str:
    if name not in REGISTRATIONS:
        raise ExportError(
            f"the model has the operator {name}, which is not among those that are "
            "written for TensorFlow Lite Micro. Export tflite instead."
        )
    return REGISTRATIONS[name]
