"""A model's predictions of the test images, and their metrics."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from kerascnn.data import Split
from kerascnn.data.sources import short_name
from kerascnn.errors import ModelFileError
from kerascnn.evaluation.calibration import calibrate
from kerascnn.evaluation.metrics import (
    Metrics,
    Predictions,
    Probabilities,
    ReliabilityBin,
    compute_metrics,
    expected_calibration_error,
)
from kerascnn.evaluation.mistakes import Mistake, list_mistakes
from kerascnn.model_files.find import Artifact, artifact_of_run, open_artifact
from kerascnn.model_files.formats import TIMEOUT_S
from kerascnn.model_files.here import RuntimeHere, open_model
from kerascnn.model_files.process import RuntimeProcess
from kerascnn.runs.folder import Run

BATCH_SIZE = 256
# What `to_dict` tells has an end.
MAX_MISTAKES = 1000


@dataclass(frozen=True, kw_only=True)
class Calibrated:
    """How well probabilities tell the accuracy once the temperature is applied.

    Attributes:
        temperature: That of `RunMetrics`, of images other than these.
        expected_calibration_error: The mean gap of confidence and accuracy, in
            `[0, 1]`.
        reliability: Bins of equal width, of confidence from 0 to 1.
    """

    temperature: float
    expected_calibration_error: float
    reliability: tuple[ReliabilityBin, ...]


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """A model's predictions of the test images of a data set.

    Attributes:
        source: The run or the file that the model is from.
        dataset: The name of the data set.
        test: Its test images, all of them, in their own order.
        probabilities: Of the classes, `(number, num_classes)`, in that order.
        metrics: What `compute_metrics` says of them.
        temperature: The model's; `None` where it has none.
    """

    source: Path
    dataset: str
    test: Split
    probabilities: Probabilities
    metrics: Metrics
    temperature: float | None = None

    @property
    def title(self) -> str:
        """What to call the data set in a line."""
        return short_name(self.dataset)

    @property
    def mistakes(self) -> list[Mistake] | None:
        """The most confident `MAX_MISTAKES`; `None` where images have no names."""
        if self.test.files is None:
            return None
        return list_mistakes(self.test, self.probabilities, MAX_MISTAKES)

    @cached_property
    def calibrated(self) -> Calibrated | None:
        """What the temperature makes of them; `None` where there is none."""
        if self.temperature is None:
            return None
        probabilities = calibrate(self.probabilities, self.temperature)
        predictions = Predictions(
            probabilities, self.test.labels, self.test.class_names
        )
        return Calibrated(
            temperature=self.temperature,
            expected_calibration_error=expected_calibration_error(predictions),
            reliability=predictions.reliability,
        )

    def to_dict(self) -> dict[str, Any]:
        """The metrics and what they are of, as plain values."""
        mistakes = self.mistakes
        return {
            "source": str(self.source),
            "dataset": self.dataset,
            **self.metrics.to_dict(),
            "calibrated": self.calibrated and asdict(self.calibrated),
            "num_mistakes": self.metrics.images - self.metrics.correct,
            "mistakes": mistakes and [asdict(mistake) for mistake in mistakes],
        }


def evaluate_run(run: Run, *, batch_size: int = BATCH_SIZE) -> Evaluation:
    """Evaluate the model of a run on the test images of the run's data set.

    Args:
        run: A finished run.
        batch_size: Images at a time; it changes memory and time, not the result.

    Raises:
        RunError: The run has no model.
        ModelFileError: A model that cannot be loaded, or does not fit.
        ConfigError: A batch that does not fit into memory.
        DatasetError: Data that cannot be read.
    """
    return evaluate_artifact(artifact_of_run(run), batch_size=batch_size)


def evaluate_file(
    path: Path,
    dataset: str | None = None,
    *,
    batch_size: int = BATCH_SIZE,
    trust: bool = False,
    timeout_s: float = TIMEOUT_S,
) -> Evaluation:
    """Evaluate the model in a file on the test images of a data set.

    Args:
        path: The file or folder of a model that takes raw pixels, from 0 to 255.
        dataset: A name of `DATASETS`; where `None`, what its run or its export was
            for.
        batch_size: As for `evaluate_run`.
        trust: Whether to run a SavedModel whatever operations it has.
        timeout_s: The longest that its runtime may take to load it, or for a batch.

    Raises:
        ModelFileError: A model that cannot be loaded or does not fit the data, or of
            which nothing tells what data it is for.
        ConfigError: A batch that does not fit into memory.
        UnknownNameError: No data set of that name.
        DatasetError: Data that cannot be read.
    """
    return evaluate_artifact(
        open_artifact(path, dataset),
        batch_size=batch_size,
        trust=trust,
        timeout_s=timeout_s,
    )


def evaluate_artifact(
    artifact: Artifact,
    *,
    batch_size: int = BATCH_SIZE,
    trust: bool = False,
    timeout_s: float = TIMEOUT_S,
) -> Evaluation:
    """Evaluate a model on disk, whatever its format; for the rest see the above."""
    test = artifact.dataset.load("test")
    probabilities = predict_images(
        artifact,
        test.images,
        batch_size=batch_size,
        trust=trust,
        timeout_s=timeout_s,
    )
    return Evaluation(
        source=artifact.source,
        dataset=artifact.dataset.name,
        test=test,
        probabilities=probabilities,
        metrics=compute_metrics(probabilities, test.labels, test.class_names),
        temperature=artifact.temperature,
    )


def predict_images(
    artifact: Artifact,
    images: npt.NDArray[np.uint8 | np.float32],
    *,
    batch_size: int = BATCH_SIZE,
    trust: bool = False,
    timeout_s: float = TIMEOUT_S,
) -> Probabilities:
    """Predict images by a model on disk, in the runtime of its format.

    Args:
        artifact: The model.
        images: Raw pixels, `(number, height, width, channels)`, of the kind that the
            model is for.
        batch_size: Images at a time.
        trust: Whether to run a SavedModel whatever operations it has.
        timeout_s: The longest that a runtime in a process of its own (which Keras's is
            not) may take to load the model, or for a batch.

    Returns:
        Probabilities, `(number, num_classes)`.

    Raises:
        ModelFileError: A model that cannot be loaded, or does not fit the data.
        ConfigError: A batch that does not fit into memory.
    """
    with open_checked(artifact, trust=trust, timeout_s=timeout_s) as model:
        return model.predict(images, batch_size=batch_size)


@contextmanager
def open_checked(
    artifact: Artifact, *, trust: bool = False, timeout_s: float = TIMEOUT_S
) -> Iterator[CheckedModel]:
    """Open a model on disk, for images that come in parts; else as `predict_images`.

    Raises:
        ModelFileError: A model that cannot be loaded, or does not fit the data.
    """
    facts = artifact.dataset
    expected = (None, *facts.image_shape), (None, facts.num_classes)
    with open_model(
        artifact.path, artifact.format, trust=trust, timeout_s=timeout_s
    ) as model:
        _check_shapes(model.shapes, expected, artifact)
        yield CheckedModel(artifact, model)


@dataclass(frozen=True)
class CheckedModel:
    """A model that is open, and takes and gives what its data set needs.

    Attributes:
        artifact: What it is.
        runtime: What runs it.
    """

    artifact: Artifact
    runtime: RuntimeHere | RuntimeProcess

    def predict(
        self,
        images: npt.NDArray[np.uint8 | np.float32],
        *,
        batch_size: int = BATCH_SIZE,
    ) -> Probabilities:
        """Predict as `predict_images` does."""
        path, classes = self.artifact.path, self.artifact.dataset.num_classes
        probabilities = self.runtime.predict(images, batch_size=batch_size)
        if probabilities.shape[1] != classes:
            raise ModelFileError(
                f"The model in {path} gives {probabilities.shape[1]} probabilities, "
                f"but there are {classes} classes. Choose the data that it was made "
                "for with --dataset, or another file."
            )
        check_probabilities(probabilities, path)
        return probabilities


Shape = tuple[int | None, ...]


def _check_shapes(
    actual: tuple[Any, ...], expected: tuple[Shape, Shape], artifact: Artifact
) -> None:
    if not all(map(_fits, actual, expected)):
        raise ModelFileError(
            f"The model in {artifact.path} takes {actual[0]} and gives {actual[1]}, "
            f"but {artifact.dataset.name} needs {expected[0]} and {expected[1]}. "
            "Choose the data that it was made for with --dataset, or another file."
        )


def _fits(actual: Any, expected: Shape) -> bool:
    """Whether a shape, in which `None` is any size, can be the one expected."""
    return (
        isinstance(actual, tuple)
        and len(actual) == len(expected)
        and actual[0] is None
        and all(
            have in (None, want) for have, want in zip(actual, expected, strict=True)
        )
    )


def check_probabilities(probabilities: Probabilities, source: Path | str) -> None:
    """Refuse what a model without softmax gives.

    Args:
        probabilities: What it predicts for some images.
        source: What to call it.

    Raises:
        ModelFileError: They do not sum to 1.
    """
    # Models that compute in 16 bits are off by up to a hundredth, in 8 bits by more.
    sums = probabilities.sum(axis=1)
    if not (probabilities >= 0).all() or not np.allclose(sums, 1, atol=0.04):
        raise ModelFileError(
            f"The model in {source} does not give probabilities: those of the first "
            f"image sum to {sums[0]:.3g}. End it in softmax, or, where that is no "
            "number, train again."
        )
