"""The formats of model files, and what each of them has to keep to when exported."""

from __future__ import annotations

from dataclasses import dataclass

from kerascnn.registry import Entry, Registry


@dataclass(frozen=True, kw_only=True)
class FormatEntry(Entry):
    """A format; its target converts a model into it.

    Attributes:
        suffix: How names of such files end; a SavedModel is a folder, without one.
        runner: The module in `kerascnn.model_files.process` that runs such files.
        runtime: The distribution that it needs.
        needs: Modules, not of kerascnn's own dependencies, that it needs.
        extra: The extra of kerascnn that installs them.
    """

    suffix: str
    runner: str
    runtime: str
    needs: tuple[str, ...] = ()
    extra: str = ""


FORMATS = Registry(
    "format",
    FormatEntry(
        name="saved-model",
        target="kerascnn.exporting.conversion:write_saved_model",
        summary="TensorFlow and TensorFlow Serving; a folder.",
        suffix="",
        runner="saved_model_runner",
        runtime="tensorflow",
    ),
    FormatEntry(
        name="tflite",
        target="kerascnn.exporting.conversion:write_tflite",
        summary="Android, microprocessors, browsers: LiteRT, built-in operations only.",
        suffix=".tflite",
        runner="litert_runner",
        runtime="ai-edge-litert",
    ),
    FormatEntry(
        name="onnx",
        target="kerascnn.exporting.conversion:write_onnx",
        summary="ONNX Runtime, and what else reads ONNX.",
        suffix=".onnx",
        runner="onnx_runner",
        runtime="onnxruntime",
        needs=("onnx", "tf2onnx", "onnxruntime"),
        extra="onnx",
    ),
    FormatEntry(
        name="keras",
        target="kerascnn.exporting.conversion:write_keras",
        summary="Keras itself.",
        suffix=".keras",
        runner="keras_runner",
        runtime="keras",
    ),
)


@dataclass(frozen=True, kw_only=True)
class Quantization:
    """How weights and activations are stored in a TFLite file, and what that may cost.

    Attributes:
        name: What users type.
        summary: One line.
        max_difference: The largest difference of a probability from Keras's that is
            accepted, where the numbers are the same but for rounding; else `None`.
        max_disagreement: The largest share of images whose likeliest class may differ.
        max_accuracy_drop: By how much the accuracy may be lower, in `[0, 1]`.
    """

    name: str
    summary: str
    max_difference: float | None = None
    max_disagreement: float = 0.02
    max_accuracy_drop: float = 0.003


QUANTIZATIONS = {
    row.name: row
    for row in (
        Quantization(name="none", summary="32 bits.", max_difference=1e-4),
        Quantization(name="float16", summary="weights of 16 bits", max_difference=0.02),
        Quantization(name="dynamic", summary="weights of 8 bits"),
        Quantization(name="int8", summary="8 bits throughout, uint8 in and out"),
    )
}
