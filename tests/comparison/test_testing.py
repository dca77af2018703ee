"""The test images are read once, and not before everything is chosen."""

import json
from types import SimpleNamespace

import pytest

from kerascnn.comparison import testing
from kerascnn.comparison.plan import choose
from kerascnn.comparison.testing import read_test_set
from kerascnn.errors import RunError
from kerascnn.progress import Reporter

METRICS = {"images": 10_000, "correct": 9_100, "accuracy": 0.91, "loss": 0.3}


@pytest.fixture
def evaluated(monkeypatch):
    """The names of the runs that were measured, in order."""
    names = []

    def evaluate(run):
        names.append(run.name)
        return SimpleNamespace(metrics=METRICS | {"confusion_matrix": []})

    monkeypatch.setattr(testing, "evaluate_run", evaluate)
    return names


def choose_all(folder):
    rates = choose(folder.protocol, folder.outcomes())
    folder.write_json("chosen.json", {"rates": rates})


def test_final_models_are_read_in_one_pass(made, evaluated):
    folder = made.make(seeds=2)
    made.do_runs(folder, made.inside)
    choose_all(folder)
    read_test_set(folder, Reporter())
    assert evaluated == [
        *("lenet-sgd-seed-1", "lenet-adagrad-seed-1"),
        *("lenet-sgd-seed-2", "lenet-adagrad-seed-2"),
    ]
    test = json.loads((folder.path / "test.json").read_text())
    assert test["runs"] == dict.fromkeys(evaluated, METRICS)
    assert test["chosen_sha256"] == folder.chosen_digest()


def test_second_reading_is_refused(made, evaluated):
    folder = made.make()
    made.do_runs(folder, made.inside)
    choose_all(folder)
    read_test_set(folder, Reporter())
    count = len(evaluated)
    with pytest.raises(RunError, match="were read already"):
        read_test_set(folder, Reporter())
    assert len(evaluated) == count


def test_reading_before_the_choice_is_refused(made, evaluated):
    folder = made.make()
    made.do_runs(folder, made.inside)
    with pytest.raises(RunError, match=r"no chosen\.json"):
        read_test_set(folder, Reporter())
    assert evaluated == []


def test_reading_after_another_choice_is_refused(made, evaluated):
    folder = made.make()
    made.do_runs(folder, made.inside)
    folder.write_json("chosen.json", {"rates": {"lenet": {"sgd": 1, "adagrad": 1}}})
    with pytest.raises(RunError, match="not those that the tuning gives"):
        read_test_set(folder, Reporter())
    assert evaluated == []


def test_reading_before_all_runs_have_ended_is_refused(made, evaluated):
    folder = made.make()
    made.do_runs(folder, made.inside)
    choose_all(folder)
    (folder.runs_path / "lenet-sgd-seed-3" / "metrics.json").unlink()
    with pytest.raises(RunError, match="lenet-sgd-seed-3 has not ended"):
        read_test_set(folder, Reporter())
    assert evaluated == []


def test_nothing_is_written_when_a_reading_breaks_off(made, monkeypatch):
    folder = made.make()
    made.do_runs(folder, made.inside)
    choose_all(folder)

    def fail(run):
        raise RunError("no model")

    monkeypatch.setattr(testing, "evaluate_run", fail)
    with pytest.raises(RunError, match="no model"):
        read_test_set(folder, Reporter())
    assert not (folder.path / "test.json").exists()


def test_diverged_run_is_not_read(made, evaluated):
    folder = made.make(tune=False, trials=None, seeds=2)
    made.do_runs(
        folder,
        status=lambda run: "diverged" if run.config.optimizer == "sgd" else "finished",
    )
    choose_all(folder)
    read_test_set(folder, Reporter())
    assert evaluated == ["lenet-adagrad-seed-1", "lenet-adagrad-seed-2"]
