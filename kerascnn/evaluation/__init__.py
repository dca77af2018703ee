"""What a model is worth: metrics, predictions, figures, speed.

Imports model_files and below.
"""

from __future__ import annotations

from dataclasses import dataclass

from kerascnn.registry import Entry, Registry


@dataclass(frozen=True, kw_only=True)
class MetricEntry(Entry):
    """A number for a whole test set; its target takes `Predictions`, returns a float.

    Attributes:
        title: What tables for people call it.
        format: How it is written there, as for `format()`; plain in JSON.
    """

    title: str
    format: str = ".4f"


METRICS = Registry(
    "metric",
    MetricEntry(
        name="accuracy",
        target="kerascnn.evaluation.metrics:share_correct",
        title="accuracy",
        summary="The share of correct predictions.",
        format=".2%",
    ),
    MetricEntry(
        name="loss",
        target="kerascnn.evaluation.metrics:cross_entropy",
        title="loss (cross-entropy)",
        summary="The mean cross-entropy, natural logarithm.",
    ),
    MetricEntry(
        name="precision",
        target="kerascnn.evaluation.metrics:macro_precision",
        title="precision, mean of classes",
        summary="The mean over the classes that have images.",
    ),
    MetricEntry(
        name="recall",
        target="kerascnn.evaluation.metrics:macro_recall",
        title="recall, mean of classes",
        summary="The mean over the classes that have images.",
    ),
    MetricEntry(
        name="f1",
        target="kerascnn.evaluation.metrics:macro_f1",
        title="F1, mean of classes",
        summary="The mean over the classes that have images.",
    ),
    MetricEntry(
        name="expected_calibration_error",
        target="kerascnn.evaluation.metrics:expected_calibration_error",
        title="expected calibration error",
        summary="The mean gap of confidence and accuracy (Guo et al., 2017).",
    ),
)
