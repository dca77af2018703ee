"""The metrics of a run: what a file may hold, and the names that it leaves out."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from kerascnn.errors import RunError
from kerascnn.runs.metrics import RunMetrics

FINISHED = RunMetrics(
    status="finished",
    finished_at="2026-01-02T03:04:05.678901+00:00",
    epochs=2,
    steps=40,
    training_images=1280,
    validation_images=600,
    parameters=61_706,
    seconds=2.1,
    images_per_second=1219.0,
    training_loss=0.4,
    training_accuracy=0.9,
    validation_loss=0.3,
    validation_accuracy=0.92,
    best_epoch=1,
    temperature=1.31,
    validation_calibration_error=0.02,
    calibrated_validation_calibration_error=0.01,
    test_images=10_000,
    test_loss=0.31,
    test_accuracy=0.91,
    validation_f1=0.9,
    class_imbalance=1.5,
    test_f1=0.89,
)
DIVERGED = RunMetrics(
    status="diverged",
    finished_at="2026-01-02T03:04:05+00:00",
    diverged_at_epoch=1,
    message="The loss was no longer a finite number.",
    epochs=0,
    steps=3,
    training_images=1280,
    validation_images=0,
    parameters=61_706,
    seconds=0,
)
RESULTS = Path(__file__).parents[2] / "results"


@pytest.mark.parametrize("metrics", [FINISHED, DIVERGED], ids=lambda m: m.status)
def test_json_gives_the_same_metrics_back(metrics):
    assert RunMetrics.from_dict(json.loads(json.dumps(metrics.to_dict()))) == metrics


def test_what_was_not_measured_is_null_or_left_out():
    value = DIVERGED.to_dict()
    assert value["validation_loss"] is value["images_per_second"] is None
    assert not {"best_epoch", "test_images", "test_loss", "test_accuracy"} & set(value)
    assert not {name for name in value if "calibration" in name or "temp" in name}
    assert not {"validation_f1", "test_f1", "class_imbalance"} & set(value)
    assert not {"diverged_at_epoch", "message"} & set(FINISHED.to_dict())


@pytest.mark.parametrize(
    "path", sorted(RESULTS.rglob("metrics.json"))[::20], ids=lambda p: p.parent.name
)
def test_metrics_of_the_committed_results_are_read_whole(path):
    value = json.loads(path.read_text())
    assert RunMetrics.from_dict(value).to_dict() == value


def test_names_of_a_later_version_are_ignored():
    assert RunMetrics.from_dict(FINISHED.to_dict() | {"watts": 7}) == FINISHED


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"status": "lost"}, "status has to be finished or diverged, but is 'lost'"),
        ({"status": ["finished"]}, "status has to be finished or diverged"),
        ({"finished_at": 7}, "finished_at has to be text, but is 7"),
        ({"finished_at": "soon"}, "finished_at is no time: .*'soon'"),
        ({"epochs": None}, "epochs has to be a whole number, but is None"),
        ({"steps": 4.0}, "steps has to be a whole number, but is 4.0"),
        ({"steps": True}, "steps has to be a whole number, but is True"),
        ({"seconds": "2"}, "seconds has to be a number, but is '2'"),
        ({"seconds": float("nan")}, "seconds has to be a number, but is nan"),
        (
            {"temperature": 0},
            r"temperature has to be a number in \[0.1, 10\], but is 0",
        ),
        ({"temperature": "hot"}, "temperature has to be a number, but is 'hot'"),
        ({"test_accuracy": "91%"}, "test_accuracy has to be a number"),
    ],
    ids=str,
)
def test_wrong_value_is_one_line(change, problem):
    with pytest.raises(RunError, match=problem) as caught:
        RunMetrics.from_dict(FINISHED.to_dict() | change)
    assert "\n" not in str(caught.value)


def test_missing_value_is_told():
    value = FINISHED.to_dict()
    del value["parameters"]
    with pytest.raises(RunError, match="parameters is missing"):
        RunMetrics.from_dict(value)
    del value["test_images"]
    assert RunMetrics.from_dict(value | {"parameters": 1}) == replace(
        FINISHED, parameters=1, test_images=None
    )
