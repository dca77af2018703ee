"""Benchmarks of models: what is measured, and what is recommended."""

import dataclasses
from importlib.metadata import version

import pytest

from kerascnn.errors import DatasetError, ModelFileError
from kerascnn.evaluation.benchmark import benchmark_artifacts, recommend
from kerascnn.evaluation.evaluate import evaluate_run
from kerascnn.model_files.find import artifact_of_run, open_artifact


def test_models_are_measured_in_their_runtimes(lenet_run, exported, only_split):
    only_split("test")
    path = exported / "model.tflite"
    artifacts = [artifact_of_run(lenet_run), open_artifact(path)]
    measured = benchmark_artifacts(artifacts, batch_sizes=[4], seconds=0.05, threads=1)
    keras, tflite = measured.models
    assert measured.recommended in measured.models
    assert tflite.runtime == f"ai-edge-litert {version('ai-edge-litert')}"
    assert keras.runtime == f"keras {version('keras')}"
    assert tflite.size_bytes == path.stat().st_size
    assert tflite.accuracy == keras.accuracy
    assert keras.accuracy == evaluate_run(lenet_run).metrics["accuracy"]
    assert keras.images == 10_000
    for row in (keras, tflite):
        assert 0 < row.latency_ms <= row.latency_p95_ms
        assert list(row.images_per_second) == [4]
        assert row.images_per_second[4] > 0
    assert keras.peak_bytes > tflite.peak_bytes > 2e7


def test_models_of_different_data_are_not_compared(lenet_run, exported):
    other = open_artifact(exported / "model.tflite", "kmnist")
    with pytest.raises(ModelFileError, match="different data: kmnist, mnist"):
        benchmark_artifacts([artifact_of_run(lenet_run), other])


def test_models_of_other_classes_are_not_compared(lenet_run, exported):
    artifact = open_artifact(exported / "model.tflite")
    facts = dataclasses.replace(artifact.dataset, class_names=("a", "b"))
    other = dataclasses.replace(artifact, dataset=facts)
    with pytest.raises(DatasetError, match="classes were 2 and are 10"):
        benchmark_artifacts([artifact_of_run(lenet_run), other])


@pytest.mark.parametrize(
    ("changes", "best"),
    [
        ([{}, {"latency_ms": 1.0}], 1),
        # Faster, and half a point worse.
        ([{}, {"latency_ms": 1.0, "accuracy": 0.985}], 0),
        # As fast within 5%, and smaller.
        ([{}, {"latency_ms": 2.08, "size_bytes": 50}], 1),
        ([{}, {"latency_ms": 2.2, "size_bytes": 50}], 0),
    ],
)
def test_recommended_is_accurate_fast_and_small(measurement, changes, best):
    rows = [
        dataclasses.replace(measurement, file=str(index), **change)
        for index, change in enumerate(changes)
    ]
    assert recommend(rows) is rows[best]
