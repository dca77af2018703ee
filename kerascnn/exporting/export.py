"""Exported models, each checked against the model that it came from.

A file is converted in one process, loaded by the runtime of its users in another,
evaluated on the test images, and compared with the model's probabilities. Only then
does it get its name; one that fails is kept aside as `.rejected`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from kerascnn.data import Split
from kerascnn.data.facts import DatasetFacts
from kerascnn.data.splits import take
from kerascnn.errors import ConfigError, ExportError, ModelFileError
from kerascnn.evaluation.metrics import Probabilities, accuracy
from kerascnn.exporting.card import export_card
from kerascnn.exporting.checked_images import (
    agreement_in_words,
    images_in_words,
    predict_within,
)
from kerascnn.exporting.labels import LABELS_NAME, label_lines
from kerascnn.exporting.micro.memory import Limits, memory_of
from kerascnn.exporting.report import Export, ExportReport
from kerascnn.machine.files import (
    beside,
    place,
    translated_os_errors,
    write_json,
    write_text,
)
from kerascnn.machine.gpus import HIDDEN
from kerascnn.machine.tensorflow import fast_settings, python_path
from kerascnn.model_files.find import REPORT_NAME, artifact_of_run, size_bytes
from kerascnn.model_files.formats import DEFAULT_FORMATS, FORMATS, QUANTIZATIONS
from kerascnn.model_files.process import RuntimeProcess, require_modules
from kerascnn.runs.folder import Run

CALIBRATION_IMAGES = 512
SAMPLE_SEED = 0

Message = Callable[[str], None]


def export_run(
    run: Run,
    out: Path | None = None,
    *,
    formats: Sequence[str] = DEFAULT_FORMATS,
    quantizations: Sequence[str] = ("none",),
    tolerance: float | None = None,
    limit: int | None = None,
    arena_limit: int | None = None,
    flash_limit: int | None = None,
    message: Message = lambda text: None,
) -> list[Export]:
    """Export a run's model, and check every file.

    Args:
        run: A finished run.
        out: The folder of the files; where `None`, `export` in the run's.
        formats: Names of `FORMATS`.
        quantizations: Names of `QUANTIZATIONS`; a format takes those of its row.
        tolerance: For every file, instead of its own: the largest difference of a
            probability where numbers are rounded (`none`, `float16`), the largest share
            of images with another predicted class where they are quantized.
        limit: Check on so many test images, drawn evenly; on all where `None`, or on as
            many as the format's `check_s` allow.
        arena_limit: The RAM in bytes that the tensors of a `micro` export may take.
        flash_limit: The flash in bytes that its model may take.
        message: Gets a line for each thing that is done.

    Returns:
        The files, in the order asked for. Those with a `problem` were rejected.

    Raises:
        RunError: The run has no model, or a file cannot be written.
        ConfigError: A quantization that none of the formats has, a bad tolerance, or
            limits of memory without `micro`.
        ExportError: A model that cannot be converted, or that does not fit.
        MissingExtraError: A format whose packages are not installed.
        DatasetError: Images that cannot be read, or that are not as they were.
    """
    artifact = artifact_of_run(run)
    jobs = list(list_jobs(formats, quantizations))
    limits = Limits(arena_limit, flash_limit)
    limits.require_use(formats)
    if tolerance is not None and not 0 <= tolerance <= 1:
        raise ConfigError(f"The tolerance has to be in [0, 1], but got {tolerance}.")
    out = out or run.path / "export"
    with translated_os_errors(out):
        out.mkdir(parents=True, exist_ok=True)
    facts = artifact.dataset
    test = facts.load("test")
    calibration = None
    if any(QUANTIZATIONS[quantization].calibrated for _, quantization in jobs):
        training = facts.load("train")
        calibration = take(training, CALIBRATION_IMAGES, seed=SAMPLE_SEED).images
    if limit is not None:
        test = take(test, limit, seed=SAMPLE_SEED)
    message(f"{run.path}: evaluating the model on {len(test):,} test images")
    with RuntimeProcess(artifact.path, artifact.format) as process:
        reference = process.predict(test.images)
    exports = []
    for format, quantization in jobs:
        label = format if quantization == "none" else f"{format} {quantization}"
        target = out / FORMATS[format].file_name(quantization)
        with beside(target) as part:
            message(f"{label}: converting")
            convert(
                *(artifact.path, part, format, quantization, facts.class_names),
                calibration if QUANTIZATIONS[quantization].calibrated else None,
            )
            memory = memory_of(part)
            limits.check(memory, target)
            images = images_in_words(len(test), FORMATS[format].check_s)
            message(f"{label}: {memory.words}checking on {images}")
            export = check_file(
                part, test, reference, format, quantization, tolerance=tolerance
            )
            export = replace(
                export,
                temperature=artifact.temperature,
                arena_bytes=memory.arena_bytes,
                flash_bytes=memory.flash_bytes,
            )
            exports += place_exports([export], part, target)
        agreement = agreement_in_words(exports[-1], len(test))
        message(f"{label}: {exports[-1].problem or agreement}")
        write_report(run, out, facts, exports)
    return exports


def check_file(
    path: Path,
    test: Split,
    reference: Probabilities,
    format: str,
    quantization: str = "none",
    *,
    tolerance: float | None = None,
    member: int = 0,
) -> Export:
    """Run a file in its own runtime, and compare it with the model's probabilities.

    Args:
        path: The file, or the folder of a format of folders.
        test: The images to check on.
        reference: The model's probabilities, `(number, num_classes)`.
        format: A name of `FORMATS`.
        quantization: A name of `QUANTIZATIONS`.
        tolerance: As for `export_run`.
        member: Which model of a file that holds several.

    Returns:
        What was measured; `problem` says what is beyond the tolerance.
    """
    try:
        with RuntimeProcess(path, format, member=member) as process:
            seen, probabilities = predict_within(process, test, FORMATS[format].check_s)
    except ModelFileError as error:
        return Export(
            format=format,
            quantization=quantization,
            path=path,
            size_bytes=size_bytes(path),
            images=len(test),
            largest_difference=1.0,
            agreement=0.0,
            accuracy=0.0,
            accuracy_drop=accuracy(reference, test.labels),
            problem=str(error),
        )
    reference, labels = reference[seen], test.labels[seen]
    if probabilities.shape != reference.shape:
        raise ExportError(
            f"{path} gives {probabilities.shape[1:]} numbers an image, but the "
            f"model {reference.shape[1:]}. Report this as a bug of the converter."
        )
    export = Export(
        format=format,
        quantization=quantization,
        path=path,
        size_bytes=size_bytes(path),
        images=len(seen),
        largest_difference=float(
            np.nan_to_num(abs(probabilities - reference), nan=1.0).max()
        ),
        agreement=float((probabilities.argmax(1) == reference.argmax(1)).mean()),
        accuracy=accuracy(probabilities, labels),
        accuracy_drop=accuracy(reference, labels) - accuracy(probabilities, labels),
    )
    return replace(export, problem=_problem(export, tolerance))


def _problem(export: Export, tolerance: float | None) -> str:
    """What of an export is beyond what is accepted; empty where nothing is."""
    row = QUANTIZATIONS[export.quantization]
    if row.max_difference is not None:
        limit = row.max_difference if tolerance is None else tolerance
        if not export.largest_difference <= limit:
            return (
                f"a probability differs by {export.largest_difference:.2g}, more than "
                f"{limit:g}"
            )
    else:
        limit = row.max_disagreement if tolerance is None else tolerance
        if 1 - export.agreement > limit:
            return (
                f"{1 - export.agreement:.2%} of the images get another class, more "
                f"than {limit:.2%}"
            )
    drop = row.max_accuracy_drop
    if FORMATS[export.format].check_s is not None:
        # On the few images that time allows, a single one can be more than that: it is
        # accepted, as the least that they can tell.
        drop = max(drop, 1.001 / export.images)
    if export.accuracy_drop > drop:
        return (
            f"the accuracy is {100 * export.accuracy_drop:.2f} points lower, more than "
            f"{100 * row.max_accuracy_drop:.2f}"
        )
    return ""


def list_jobs(
    formats: Sequence[str], quantizations: Sequence[str]
) -> Iterator[tuple[str, str]]:
    """What to make, if all that it needs is there: formats and their quantizations.

    A format that has none of the quantizations is written in the first of its own.

    Raises:
        MissingExtraError: A format whose packages are not installed.
        ConfigError: A quantization that none of the formats has.
    """
    for name in formats:
        require_modules(FORMATS[name])
    for quantization in quantizations:
        having = [r.name for r in FORMATS.values() if quantization in r.quantizations]
        if quantization != "none" and not set(having) & set(formats):
            raise ConfigError(
                f"Quantization {quantization} applies to {', '.join(having)}, but the "
                f"formats are {', '.join(formats)}. Add --format {having[0]}, or leave "
                f"--quantize {quantization} out."
            )
    for format in dict.fromkeys(formats):
        known = FORMATS[format].quantizations
        asked = [name for name in dict.fromkeys(quantizations) if name in known]
        yield from ((format, name) for name in asked or known[:1])


def convert(
    model: Path,
    target: Path,
    format: str,
    quantization: str,
    class_names: Sequence[str],
    calibration: npt.NDArray[np.uint8] | None,
) -> None:
    """Convert in a process of its own, calibrated on the images given.

    Raises:
        ExportError: With what the converter says.
    """
    with tempfile.TemporaryDirectory(prefix="kerascnn-") as folder:
        names, reason = Path(folder) / "class_names.json", Path(folder) / "reason"
        names.write_text(json.dumps(class_names), "utf-8")
        writer = FORMATS[format].target
        paths = map(str, (model, target, reason, names))
        arguments = [writer, quantization, *paths]
        if calibration is not None:
            images = Path(folder) / "images.npy"
            np.save(images, calibration)
            arguments.append(str(images))
        done = subprocess.run(
            [sys.executable, "-m", "kerascnn.exporting.conversion", *arguments],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=fast_settings() | dict(os.environ) | HIDDEN | python_path(),
        )
        if done.returncode:
            said = f"the converter ended with exit code {done.returncode}"
            if reason.exists():
                said = reason.read_text("utf-8")
            raise ExportError(f"Cannot convert {model} to {format}: {said}")


def place_exports(exports: Sequence[Export], part: Path, target: Path) -> list[Export]:
    """Give a file its name, or that of a rejected one.

    Args:
        exports: What was measured of the model in it, or of each of several.
        part: The file as it was written.
        target: The name.

    Returns:
        The same, each with the path; a file is rejected with all that is in it.
    """
    rejected = any(export.problem for export in exports)
    if rejected:
        target = target.with_name(f"{target.name}.rejected")
    place(part, target)
    problem = "another model of the file disagrees" if rejected else ""
    return [
        replace(export, path=target, problem=export.problem or problem)
        for export in exports
    ]


def write_report(
    run: Run, out: Path, facts: DatasetFacts, exports: Sequence[Export]
) -> None:
    """Write what the folder holds, with what was exported into it before."""
    report = ExportReport(
        run=run.name,
        model=run.settings.model,
        dataset=facts,
        files=tuple(exports),
    ).after(out)
    write_json(out / REPORT_NAME, report.to_dict())
    write_text(out / LABELS_NAME, label_lines(facts.class_names))
    write_text(out / "README.md", export_card(report))
