"""Models on disk side by side: size, start, latency, throughput, memory, accuracy."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import Any

import numpy as np

from kerascnn.data.splits import take
from kerascnn.errors import ModelFileError
from kerascnn.evaluation.metrics import accuracy
from kerascnn.model_files.find import Artifact
from kerascnn.model_files.formats import FORMATS, TIMEOUT_S
from kerascnn.model_files.process import RuntimeProcess

BATCH_SIZES = (8, 32, 128)
ROUNDS = 3
SAMPLE_SEED = 0
# What is recommended may lose so much of the best accuracy, in `[0, 1]`.
ACCURACY_MARGIN = 0.003
# Latencies nearer than this, as a ratio, are taken as equal.
LATENCY_MARGIN = 1.05

Message = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """What was measured of one model.

    Attributes:
        file: What was named: a run's folder or a file.
        format: A name of `FORMATS`.
        runtime: What ran it, with its version.
        size_bytes: Of the file, or of all in the folder.
        load_s: Seconds to load the model, without importing the runtime.
        latency_ms: Of one image: the median call, in milliseconds.
        latency_p95_ms: What 95% of the calls stayed below.
        images_per_second: By batch size, from the median call.
        peak_bytes: The most memory that the process held.
        accuracy: The share of correct predictions of test images.
        images: How many test images there were.
    """

    file: str
    format: str
    runtime: str
    size_bytes: int
    load_s: float
    latency_ms: float
    latency_p95_ms: float
    images_per_second: dict[int, float]
    peak_bytes: int
    accuracy: float
    images: int

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


@dataclass(frozen=True, kw_only=True)
class Benchmark:
    """What was measured of several models.

    Attributes:
        models: A measurement of each, in the order asked for.
        threads: How many a runtime could use; its own choice where `None`.
    """

    models: tuple[Measurement, ...]
    threads: int | None = None

    @property
    def recommended(self) -> Measurement | None:
        """The model to ship, as `recommend` chooses it; `None` of a single one."""
        return recommend(self.models) if len(self.models) > 1 else None

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "threads": self.threads,
            "recommended": self.recommended and self.recommended.file,
            "models": [row.to_dict() for row in self.models],
        }


def benchmark_artifacts(
    artifacts: Sequence[Artifact],
    *,
    batch_sizes: Sequence[int] = BATCH_SIZES,
    threads: int | None = None,
    seconds: float = 2.0,
    limit: int | None = None,
    trust: bool = False,
    timeout_s: float = TIMEOUT_S,
    message: Message = lambda text: None,
) -> Benchmark:
    """Measure models, each in a process of its own; they take turns.

    Args:
        artifacts: The models, all for one data set.
        batch_sizes: Images a call for the throughput; one is always measured, as the
            latency.
        threads: How many threads a runtime may use; its own choice where `None`.
        seconds: How long each model is timed at each batch size.
        limit: Test images for the accuracy; all where `None`.
        trust: Whether to run SavedModels whatever operations they have.
        timeout_s: The longest that a runtime may take to load a model, or for a batch.
        message: Gets a line for each thing that is done.

    Returns:
        A measurement of each model, and which to ship.

    Raises:
        ModelFileError: A model that cannot be run, or models for different data.
        MissingExtraError: A runtime that is not installed.
    """
    names = {artifact.dataset.name for artifact in artifacts}
    if len(names) > 1:
        raise ModelFileError(
            f"These models are for different data: {', '.join(sorted(names))}. "
            "Benchmark those of one at a time."
        )
    test = artifacts[0].dataset.load("test")
    for artifact in artifacts[1:]:
        artifact.dataset.check(test)
    if limit is not None:
        test = take(test, limit, seed=SAMPLE_SEED)
    images = test.images[: max(256, *batch_sizes)]
    with contextlib.ExitStack() as stack:
        message(f"Loading {len(artifacts)} model{'s' * (len(artifacts) > 1)}")
        processes = [
            stack.enter_context(
                RuntimeProcess(
                    artifact.path,
                    artifact.format,
                    threads=threads,
                    trust=trust,
                    timeout_s=timeout_s,
                )
            )
            for artifact in artifacts
        ]
        calls: list[dict[int, list[float]]] = [{} for _ in artifacts]
        for batch_size in dict.fromkeys((1, *batch_sizes)):
            message(f"Timing {batch_size} at a time")
            for _ in range(ROUNDS):
                for process, taken in zip(processes, calls, strict=True):
                    taken.setdefault(batch_size, []).extend(
                        process.time(
                            images, batch_size=batch_size, seconds=seconds / ROUNDS
                        )
                    )
        measurements = []
        for artifact, process, taken in zip(artifacts, processes, calls, strict=True):
            peak_bytes = process.peak_bytes()
            message(f"Evaluating {artifact.source} on {len(test):,} test images")
            probabilities = process.predict(test.images)
            package = FORMATS[artifact.format].runtime
            latencies = 1000 * np.array(taken[1])
            measurements.append(
                Measurement(
                    file=str(artifact.source),
                    format=artifact.format,
                    runtime=f"{package} {version(package)}",
                    size_bytes=artifact.size_bytes,
                    load_s=process.start["load_s"],
                    latency_ms=float(np.median(latencies)),
                    latency_p95_ms=float(np.percentile(latencies, 95)),
                    images_per_second={
                        size: float(size / np.median(taken[size]))
                        for size in batch_sizes
                    },
                    peak_bytes=peak_bytes,
                    accuracy=accuracy(probabilities, test.labels),
                    images=len(test),
                )
            )
    return Benchmark(models=tuple(measurements), threads=threads)


def recommend(measurements: Sequence[Measurement]) -> Measurement:
    """The model to ship: the smallest of the fastest of those that are accurate enough.

    Accurate enough is at most 0.3 points below the best; the fastest are those within
    5% of the shortest median latency.
    """
    best = max(row.accuracy for row in measurements)
    accurate = [r for r in measurements if r.accuracy >= best - ACCURACY_MARGIN]
    shortest = min(row.latency_ms for row in accurate)
    fastest = [r for r in accurate if r.latency_ms <= LATENCY_MARGIN * shortest]
    return min(fastest, key=lambda row: row.size_bytes)
