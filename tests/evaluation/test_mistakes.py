"""Mistakes by their files, the most confident first."""

from pathlib import Path

import numpy as np
import pytest

from kerascnn.data import Split
from kerascnn.evaluation import evaluate
from kerascnn.evaluation.evaluate import Evaluation
from kerascnn.evaluation.metrics import compute_metrics
from kerascnn.evaluation.mistakes import Mistake, list_mistakes, rank_mistakes

LABELS = np.array([0, 0, 1, 1, 0])
PROBABILITIES = np.array(
    [[0.4, 0.6], [0.9, 0.1], [0.8, 0.2], [0.3, 0.7], [0.4, 0.6]], np.float32
)


def split(files=("a/0", "a/1", "b/2", "b/3", "a/4")):
    return Split(
        images=np.zeros((5, 8, 8, 1), np.uint8),
        labels=LABELS,
        class_names=("a", "b"),
        files=None if files is None else np.array(files, object),
    )


def evaluation(test):
    return Evaluation(
        source=Path("lenet-sgd-1"),
        dataset="/pictures/pets",
        test=test,
        probabilities=PROBABILITIES,
        metrics=compute_metrics(PROBABILITIES, LABELS, ("a", "b")),
    )


def test_the_most_confident_are_first_and_equal_ones_in_their_order():
    assert rank_mistakes(LABELS, PROBABILITIES).tolist() == [2, 0, 4]
    assert list_mistakes(split(), PROBABILITIES, 2) == [
        Mistake(file="b/2", true="b", predicted="a", probability=pytest.approx(0.8)),
        Mistake(file="a/0", true="a", predicted="b", probability=pytest.approx(0.6)),
    ]


def test_evaluation_tells_them_with_their_number(monkeypatch):
    monkeypatch.setattr(evaluate, "MAX_MISTAKES", 2)
    found = evaluation(split())
    assert found.title == "pets"
    document = found.to_dict()
    assert document["dataset"] == "/pictures/pets"
    assert document["num_mistakes"] == 3
    assert [row["file"] for row in document["mistakes"]] == ["b/2", "a/0"]
    assert document["mistakes"][0] == {
        "file": "b/2",
        "true": "b",
        "predicted": "a",
        "probability": pytest.approx(0.8),
    }


def test_images_without_files_have_no_list():
    document = evaluation(split(files=None)).to_dict()
    assert document["num_mistakes"] == 3
    assert document["mistakes"] is None
