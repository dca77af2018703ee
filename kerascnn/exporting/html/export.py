"""Models of one run or of two, exported as a page, and checked in Node."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

import numpy as np
import numpy.typing as npt

from kerascnn.data import Split
from kerascnn.data.splits import take
from kerascnn.errors import ConfigError, ExportError
from kerascnn.evaluation.metrics import Probabilities, accuracy
from kerascnn.exporting.checked_images import agreement_in_words
from kerascnn.exporting.export import (
    CALIBRATION_IMAGES,
    SAMPLE_SEED,
    Message,
    check_file,
    convert,
    list_jobs,
    place_exports,
    write_report,
)
from kerascnn.exporting.html.litertjs import load_litertjs
from kerascnn.exporting.html.page import PageModel, render_model_page
from kerascnn.exporting.report import Export
from kerascnn.machine.files import beside, write_text
from kerascnn.machine.numbers import (
    format_accuracy,
    format_counted,
    format_megabytes,
    format_rate,
)
from kerascnn.model_files.find import Artifact, artifact_of_run
from kerascnn.model_files.formats import (
    FORMATS,
    HTML,
    PAGE_MEGABYTES,
    QUANTIZATIONS,
)
from kerascnn.model_files.process import RuntimeProcess
from kerascnn.models import MODELS
from kerascnn.runs.card import card
from kerascnn.runs.folder import Run

# Test images of the self-test, and models side by side.
SELF_TEST_IMAGES = 200
MAX_MODELS = 2
# What of the data is the same for all models on a page, which prepares a picture once.
ALIKE = ("image_shape", "class_names", "background", "box", "resize")


@dataclass(frozen=True)
class _Reference:
    """A run, and what Keras says of the test images and of those of the self-test."""

    artifact: Artifact
    run: Run
    probabilities: Probabilities
    answers: npt.NDArray[np.float32]


def export_page(
    runs: Sequence[Run],
    out: Path | None = None,
    *,
    quantizations: Sequence[str] = ("none",),
    tolerance: float | None = None,
    limit: int | None = None,
    max_megabytes: float = PAGE_MEGABYTES,
    message: Message = lambda text: None,
) -> list[Export]:
    """Export runs as one page, and check each model in it by the page's own scripts.

    Args:
        runs: One finished run, or two for the same data.
        out: The folder of the page; where `None`, `export` in that of the first run.
        quantizations: Names of `QUANTIZATIONS`; each model is there in each of them.
        tolerance: As for `export_run`.
        limit: Check on so many test images, drawn evenly; on all where `None`.
        max_megabytes: A larger page is not written.
        message: Gets a line for each thing that is done.

    Returns:
        A record for each model on the page. Where one has a `problem`, the page was
        rejected.

    Raises:
        ConfigError: Runs for different data, or more than two models.
        ExportError: A page that is too large, a model that cannot be converted, or no
            LiteRT.js.
        RunError: A run has no model, or the page cannot be written.
        MissingExtraError: There is no Node.
        DatasetError: Images that cannot be read, or that are not as they were.
    """
    quantizations = [name for _, name in list_jobs([HTML], quantizations)]
    artifacts = [artifact_of_run(run) for run in runs]
    jobs = [*product(range(len(runs)), quantizations)]
    labels = _labels(runs, quantizations)
    _require_alike(artifacts, len(jobs))
    facts = artifacts[0].dataset
    runtime = load_litertjs(message)
    target = (out or runs[0].path / "export") / page_name(runs)
    test = facts.load("test")
    samples = take(test, SELF_TEST_IMAGES, seed=SAMPLE_SEED)
    if limit is not None:
        test = take(test, limit, seed=SAMPLE_SEED)
    references = []
    for run, artifact in zip(runs, artifacts, strict=True):
        message(f"{run.path}: evaluating the model on {len(test):,} test images")
        with RuntimeProcess(artifact.path, artifact.format) as process:
            probabilities = process.predict(test.images)
            answers = process.predict(samples.images)
        references.append(_Reference(artifact, run, probabilities, answers))
    calibration = None
    if any(QUANTIZATIONS[name].calibrated for name in quantizations):
        training = facts.load("train")
        calibration = take(training, CALIBRATION_IMAGES, seed=SAMPLE_SEED).images
    models = []
    for label, (index, quantization) in zip(labels, jobs, strict=True):
        reference = references[index]
        message(f"{label}: converting")
        content = _converted(reference.artifact, quantization, calibration)
        model = _page_model(reference, quantization, label, content, test)
        models.append(replace(model, tolerance=tolerance))
    title = f"{' and '.join(labels)} on {facts.title}"
    page = render_model_page(title, models, facts, samples, runtime)
    full = [model.content for model in models if model.quantization != "int8"]
    _require_small(len(page.encode()), sum(map(len, full)), max_megabytes)
    exports = []
    with beside(target) as part:
        write_text(part, page)
        for member, (index, quantization) in enumerate(jobs):
            message(f"{labels[member]}: checking on {len(test):,} images in Node")
            export = check_file(
                *(part, test, references[index].probabilities, HTML, quantization),
                tolerance=tolerance,
                member=member,
            )
            temperature = references[index].artifact.temperature
            exports.append(replace(export, temperature=temperature))
            agreement = agreement_in_words(export, len(test))
            message(f"{labels[member]}: {export.problem or agreement}")
        exports = place_exports(exports, part, target)
    if len(runs) == 1:
        write_report(runs[0], target.parent, facts, exports)
    return exports


def page_name(runs: Sequence[Run]) -> str:
    """What the page of some runs is called."""
    if len(runs) == 1:
        return FORMATS[HTML].file_name()
    return f"{'-and-'.join(run.name for run in runs)}.html"


def _require_alike(artifacts: Sequence[Artifact], number: int) -> None:
    """Refuse what cannot be on one page."""
    if number > MAX_MODELS:
        raise ConfigError(
            f"A page shows {MAX_MODELS} models side by side, but {number} were asked "
            "for. Name fewer runs, or one --quantize."
        )
    first = artifacts[0].dataset
    for artifact in artifacts[1:]:
        other = artifact.dataset
        if any(getattr(other, name) != getattr(first, name) for name in ALIKE):
            raise ConfigError(
                f"{artifact.source} is for {other.title}, but {artifacts[0].source} "
                f"for {first.title}. Give runs for the same data."
            )


def _require_small(size_bytes: int, full_bytes: int, max_megabytes: float) -> None:
    """Refuse a page that is too large.

    Args:
        size_bytes: The page's.
        full_bytes: Of the files in it whose numbers are not of 8 bits.
        max_megabytes: What it may have.
    """
    if size_bytes <= max_megabytes * 1e6:
        return
    # Three quarters of a file, packed as 4 letters for 3 bytes.
    suffices = full_bytes > 0 and size_bytes - full_bytes <= max_megabytes * 1e6
    smaller = (
        "--quantize int8, which takes about a quarter for each model"
        if suffices
        else "--max-megabytes for larger ones, or a smaller network"
    )
    raise ExportError(
        f"The page would have {format_megabytes(size_bytes, 1)} MB, more than the "
        f"{max_megabytes:g} MB that a page may have. Give {smaller}."
    )


def _converted(
    artifact: Artifact,
    quantization: str,
    calibration: npt.NDArray[np.uint8] | None,
) -> bytes:
    """The TFLite file of a model, for one image at a time."""
    with tempfile.TemporaryDirectory(prefix="kerascnn-") as folder:
        target = Path(folder) / "model.tflite"
        convert(
            *(artifact.path, target, HTML, quantization, artifact.dataset.class_names),
            calibration if QUANTIZATIONS[quantization].calibrated else None,
        )
        return target.read_bytes()


def _page_model(
    reference: _Reference, quantization: str, label: str, content: bytes, test: Split
) -> PageModel:
    run, metrics = reference.run, reference.run.require_metrics()
    settings = run.settings
    share = accuracy(reference.probabilities, test.labels)
    facts = {
        "Network": f"{MODELS[settings.model].title}, {metrics.parameters:,} parameters",
        "Data": run.dataset.title,
        "Training": f"{format_counted(metrics.epochs, 'epoch', 'epochs')} with "
        f"{settings.optimizer} at a learning rate of "
        f"{format_rate(settings.learning_rate)}",
        "Accuracy in Keras": f"{format_accuracy(share)} of {len(test):,} test images",
        "Numbers": QUANTIZATIONS[quantization].summary,
        "Size": f"{format_megabytes(len(content))} MB",
        "Run": run.name,
    }
    return PageModel(
        name=run.name,
        label=label,
        quantization=quantization,
        content=content,
        answers=reference.answers,
        facts=facts,
        card=card(run, metrics),
    )


def _labels(runs: Sequence[Run], quantizations: Sequence[str]) -> list[str]:
    """What to call each run in each quantization: by that in which they differ."""
    labels = [MODELS[run.settings.model].title for run in runs]
    if len(set(labels)) < len(runs):
        labels = [
            f"{label} with {run.settings.optimizer}"
            for label, run in zip(labels, runs, strict=True)
        ]
    if len(set(labels)) < len(runs):
        labels = [run.name for run in runs]
    if len(quantizations) > 1:
        ends = ["float32" if name == "none" else name for name in quantizations]
        return [f"{label}, {end}" for label, end in product(labels, ends)]
    return labels
