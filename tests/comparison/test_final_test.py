"""The labels are joined once, and not before everything is chosen."""

import json

import numpy as np
import pytest

from kerascnn.comparison import final_test
from kerascnn.comparison.final_test import LABELS_NAME, join_labels
from kerascnn.data import load_split
from kerascnn.errors import RunError


@pytest.fixture
def trained(made):
    """A comparison whose runs have ended, with 9,000 and 9,100 correct predictions."""
    folder = made.make(seeds=2)
    made.do_runs(
        folder,
        made.inside,
        test=lambda run: {"sgd": 0.9, "adagrad": 0.91}[run.config.optimizer],
    )
    return folder


def choose(folder, rates=None):
    rates = rates or {"lenet": {"sgd": 0.05, "adagrad": 0.05}}
    folder.write_json("chosen.json", {"rates": rates})


@pytest.fixture
def nothing_is_read(monkeypatch):
    def fail(*arguments):
        raise AssertionError("the labels were read")

    monkeypatch.setattr(final_test, "load_split", fail)


def test_predictions_are_scored_in_one_pass(trained):
    choose(trained)
    join_labels(trained)
    test = json.loads((trained.path / "test.json").read_text())
    assert test["runs"] == {
        f"lenet-{name}-seed-{seed}": {"correct": correct, "accuracy": correct / 10_000}
        for name, correct in (("sgd", 9_000), ("adagrad", 9_100))
        for seed in (1, 2)
    }
    assert test["images"] == 10_000
    assert test["chosen_sha256"] == trained.chosen_digest()
    assert test["plan_sha256"] == trained.protocol.digest()
    labels = np.load(trained.path / LABELS_NAME)
    assert labels.dtype == np.uint8
    np.testing.assert_array_equal(labels, load_split("mnist", "test").labels)


def test_second_join_is_refused(trained):
    choose(trained)
    join_labels(trained)
    with pytest.raises(RunError, match="were joined already"):
        join_labels(trained)


@pytest.mark.usefixtures("nothing_is_read")
def test_join_before_the_choice_is_refused(trained):
    with pytest.raises(RunError, match=r"no chosen\.json"):
        join_labels(trained)


@pytest.mark.usefixtures("nothing_is_read")
def test_join_after_another_choice_is_refused(trained):
    choose(trained, {"lenet": {"sgd": 1, "adagrad": 1}})
    with pytest.raises(RunError, match="not those that the tuning gives"):
        join_labels(trained)


@pytest.mark.usefixtures("nothing_is_read")
def test_join_before_all_runs_have_ended_is_refused(trained):
    choose(trained)
    (trained.runs_path / "lenet-sgd-seed-2" / "metrics.json").unlink()
    with pytest.raises(RunError, match="lenet-sgd-seed-2 has not ended"):
        join_labels(trained)


@pytest.mark.usefixtures("nothing_is_read")
def test_predictions_that_are_missing_leave_nothing(trained):
    choose(trained)
    trained.run(trained.planned()[-1]).predictions_path.unlink()
    with pytest.raises(RunError, match=r"Cannot read .*lenet-adagrad-seed-2"):
        join_labels(trained)
    assert not (trained.path / "test.json").exists()


def test_predictions_of_other_images_are_refused(trained, made):
    choose(trained)
    trained.run(trained.planned()[-1]).write_predictions(made.predict(9_000)[:100])
    with pytest.raises(
        RunError, match="predicts 100 test images, but mnist has 10,000"
    ):
        join_labels(trained)
    assert not (trained.path / "test.json").exists()


def test_diverged_run_is_not_scored(made):
    folder = made.make(tune=False, trials=None, seeds=2)
    made.do_runs(
        folder,
        status=lambda run: "diverged" if run.config.optimizer == "sgd" else "finished",
    )
    choose(folder)
    join_labels(folder)
    test = json.loads((folder.path / "test.json").read_text())
    assert list(test["runs"]) == ["lenet-adagrad-seed-1", "lenet-adagrad-seed-2"]
