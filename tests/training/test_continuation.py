"""More epochs for a run: what they are, and that nothing is lost on the way."""

import json
import os
import shutil
import signal
from dataclasses import replace

import keras
import numpy as np
import pytest

from kerascnn import api
from kerascnn.errors import (
    ConfigError,
    DivergedError,
    RunError,
    TrainingInterruptedError,
)
from kerascnn.evaluation.metrics import loss_and_accuracy
from kerascnn.machine.reporter import Reporter
from kerascnn.model_files.keras_model import predict_probabilities
from kerascnn.runs.folder import Run
from kerascnn.runs.plan import is_continuing, read_plan
from kerascnn.settings.config import TrainConfig
from kerascnn.settings.config_file import read_config
from kerascnn.training import recorder, train
from kerascnn.training.batches import ResidentBatches
from kerascnn.training.images import load_splits
from kerascnn.training.network import compile_model
from kerascnn.training.step import TrainingStep
from kerascnn.training.train import resume_training, train_model

CONFIG = TrainConfig(
    **{"model": "lenet", "learning_rate": 0.02, "schedule": "one-cycle"},
    **{"limit": 640, "epochs": 2, "validation_fraction": 0.01, "test": False},
    **{"deterministic": True, "checkpoint_seconds": 0},
)
FILES = ("config.json", "history.csv", "steps.csv", "metrics.json", "model.keras")


class Told(Reporter):
    """Keeps what it is told, and stops a training in an epoch if it is asked to."""

    def __init__(self, stop_in=None):
        self.stop_in = stop_in
        self.lines = []

    def message(self, text):
        self.lines.append(text)

    def steps(self, epoch, **progress):
        if epoch.split("/")[0] == str(self.stop_in):
            os.kill(os.getpid(), signal.SIGINT)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    return train_model(CONFIG, tmp_path_factory.mktemp("runs"), name="run")


@pytest.fixture
def run(trained, tmp_path):
    return Run(shutil.copytree(trained.path, tmp_path / "run"))


def contents(run, names=(*FILES, "README.md", "figures/curves.png")):
    return {name: (run.path / name).read_bytes() for name in names}


def weights(run):
    return [keras.ops.convert_to_numpy(w) for w in run.load_model().weights]


def assert_same(run, other):
    for mine, theirs in zip(weights(run), weights(other), strict=True):
        np.testing.assert_array_equal(mine, theirs)
    assert run.steps == other.steps


def test_finished_run_goes_on_with_more_epochs(run, trained):
    told = Told()
    done = resume_training(run, epochs=4, reporter=told)
    assert done.path == run.path
    assert (
        f"{run.path} has 2 epochs, and goes on to 4 from the weights of its model. sgd "
        "begins anew, since its state was not kept, and so does the one-cycle "
        "schedule: over the added epochs, up to a rate of 0.02."
    ) in told.lines
    assert [row["epoch"] for row in run.epochs] == [1, 2, 3, 4]
    assert run.epochs[:2] == trained.epochs
    assert [row["step"] for row in run.steps] == list(range(1, 41))
    assert run.steps[:20] == trained.steps
    # The schedule of two epochs, twice.
    rates = [row["learning_rate"] for row in run.steps]
    assert rates[20:] == rates[:20]
    metrics = run.metrics
    assert (metrics.epochs, metrics.steps) == (4, 40)
    assert metrics.training_loss == run.epochs[-1]["loss"]
    assert metrics.training_loss < trained.metrics.training_loss
    assert metrics.finished_at > trained.metrics.finished_at
    config = json.loads((run.path / "config.json").read_text())
    assert config["continued"] == [{"epochs": 2, "after_epoch": 2, "anew": True}]
    assert run.settings == replace(CONFIG, epochs=4).resolve()
    assert run.config.epochs == 4
    card = " ".join((run.path / "README.md").read_text().split())
    assert "Trained** for 4 epochs" in card
    assert "Continued** after epoch 2: optimizer and schedule began anew." in card
    before, after = contents(trained), contents(run)
    assert all(before[name] != after[name] for name in before)
    assert not run.checkpoint_path.exists()
    again = Told()
    assert resume_training(run, reporter=again).metrics == metrics
    assert again.lines == [f"{run.path} has finished already."]


def test_added_epochs_are_those_of_plain_keras_from_the_model(run, trained):
    """The images of the third epoch, at its rates, with momentum from nothing."""
    settings = trained.settings
    training, _, facts = load_splits(settings)
    batches = ResidentBatches(training, settings.batch_size, settings.seed)
    plain = compile_model(replace(settings, fast_layers=False), facts)
    plain.set_weights(trained.load_model().get_weights())
    resume_training(run, epochs=3)
    expected = []
    for step in range(20, 25):
        batch = batches.indices(step, 1)
        plain.optimizer.learning_rate = run.steps[step]["learning_rate"]
        x, y = training.images[batch], training.labels[batch]
        expected.append(plain.train_on_batch(x, y, return_dict=True)["loss"])
        plain.reset_metrics()
    found = [row["loss"] for row in run.steps[20:25]]
    np.testing.assert_allclose(found, expected, rtol=2e-3)


@pytest.mark.slow
def test_continued_run_stays_as_it_was_until_it_has_finished(run, trained, tmp_path):
    before = contents(run)
    whole = Run(shutil.copytree(run.path, tmp_path / "whole"))
    resume_training(whole, epochs=4)
    with pytest.raises(TrainingInterruptedError, match="--resume"):
        resume_training(run, epochs=4, reporter=Told(stop_in=4))
    assert contents(run) == before
    assert is_continuing(run)
    assert run.status == "finished"
    for mine, theirs in zip(weights(run), weights(trained), strict=True):
        np.testing.assert_array_equal(mine, theirs)
    resume_training(run)
    assert_same(run, whole)
    assert read_config(run.path / "config.json") == read_config(
        whole.path / "config.json"
    )
    assert not is_continuing(run)


@pytest.mark.parametrize(
    "broken",
    ["save_figure", "write_card", "place", "shutil.rmtree", "save_checkpoint"],
)
@pytest.mark.slow
def test_continuation_that_ends_anywhere_is_resumed(run, tmp_path, monkeypatch, broken):
    """The process ends at a step of the ending, or before the first checkpoint."""
    before = contents(run)
    whole = Run(shutil.copytree(run.path, tmp_path / "whole"))
    resume_training(whole, epochs=3)

    def end(*arguments, **options):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        target, name = recorder, broken
        if broken == "shutil.rmtree":
            target, name = recorder.shutil, "rmtree"
        patch.setattr(target, name, end)
        with pytest.raises((TrainingInterruptedError, KeyboardInterrupt)):
            resume_training(run, epochs=3)
    assert run.status == "finished"
    assert len(weights(run)) == 10
    if broken in {"save_checkpoint", "shutil.rmtree"}:  # before anything was written
        assert contents(run) == before
        resume_training(run, epochs=3)
    resume_training(run)
    assert_same(run, whole)
    assert run.metrics.epochs == 3
    assert not run.checkpoint_path.exists()


def test_added_epochs_that_diverge_leave_the_finished_run(run, monkeypatch):
    before = contents(run)
    with pytest.raises(TrainingInterruptedError):
        resume_training(run, epochs=4, reporter=Told(stop_in=3))

    def diverge(step, first, count):
        return np.full(count, np.nan, np.float32), np.zeros(count, np.int32)

    with monkeypatch.context() as patch:
        patch.setattr(TrainingStep, "run", diverge)
        with pytest.raises(DivergedError, match="the model of its first 2 epochs"):
            resume_training(run)
    assert contents(run) == before
    assert not run.checkpoint_path.exists()
    told = Told()
    resume_training(run, reporter=told)
    assert told.lines == [f"{run.path} has finished already."]


@pytest.mark.slow
def test_continuing_can_be_given_another_number_again(run):
    with pytest.raises(TrainingInterruptedError):
        resume_training(run, epochs=6, reporter=Told(stop_in=3))
    with pytest.raises(ConfigError, match="done or begun 3 epochs"):
        resume_training(run, epochs=2)
    told = Told()
    resume_training(run, epochs=4, reporter=told)
    assert (
        f"{run.path} has 4 epochs now, not 6; the rate of those that are left is by "
        "the one-cycle schedule of 4."
    ) in told.lines
    assert run.metrics.epochs == len(run.epochs) == 4
    resume_training(run, epochs=5)
    assert [row["epoch"] for row in run.epochs] == [1, 2, 3, 4, 5]
    config = json.loads((run.path / "config.json").read_text())
    assert config["continued"] == [
        {"epochs": 2, "after_epoch": 2, "anew": True},
        {"epochs": 6, "after_epoch": 3, "anew": False},
        {"epochs": 4, "after_epoch": 4, "anew": True},
    ]


@pytest.mark.parametrize("epochs", [3, 5])
@pytest.mark.slow
def test_stopped_run_is_given_another_number(tmp_path, epochs):
    config = replace(CONFIG, epochs=4, schedule="constant", early_stop=4)
    whole = train_model(replace(config, epochs=epochs), tmp_path, name="whole")
    with pytest.raises(TrainingInterruptedError):
        train_model(config, tmp_path, name="run", reporter=Told(stop_in=2))
    run = Run(tmp_path / "run")
    resume_training(run, epochs=epochs)
    # At a constant rate the plan has no influence on what is computed.
    assert_same(run, whole)
    assert run.metrics.best_epoch == whole.metrics.best_epoch
    assert read_plan(run).former[0].after_epoch == 2


@pytest.mark.slow
def test_stopped_run_that_ends_after_its_settings_were_changed_goes_on(
    tmp_path, monkeypatch
):
    config = replace(CONFIG, epochs=3)
    with pytest.raises(TrainingInterruptedError):
        train_model(config, tmp_path, name="run", reporter=Told(stop_in=2))
    run = Run(tmp_path / "run")

    def end(*arguments):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(train, "_train", end)
        with pytest.raises(KeyboardInterrupt):
            resume_training(run, epochs=4)
    assert run.settings.epochs == 4
    resume_training(run)
    assert run.metrics.epochs == 4


@pytest.mark.parametrize(
    "given",
    [
        {"early_stop": 1},
        {"early_stop": 1, "ema": 0.9},
        {"ema": 0.9, "optimizer": "adam", "learning_rate": 0.001},
        {"optimizer": "schedulefreeadamw", "learning_rate": 0.001},
    ],
    ids=str,
)
@pytest.mark.slow
def test_added_epochs_begin_at_the_weights_of_the_model(tmp_path, given):
    config = replace(CONFIG, learning_rate=0.01, schedule="constant")
    run = train_model(replace(config, **{"momentum": None} | given), tmp_path)
    finished = Run(shutil.copytree(run.path, tmp_path / "finished"))
    resume_training(run, epochs=run.metrics.epochs + 1)
    assert len(run.epochs) == len(finished.epochs) + 1
    training, _, _ = load_splits(run.settings)
    batches = ResidentBatches(training, run.settings.batch_size, run.settings.seed)
    first = batches.indices(finished.metrics.steps, 1)
    probabilities = predict_probabilities(finished.load_model(), training.images[first])
    loss, _ = loss_and_accuracy(probabilities, training.labels[first])
    added = run.steps[finished.metrics.steps :]
    assert added[0]["loss"] == pytest.approx(loss, rel=1e-3)
    assert max(row["loss"] for row in added) < finished.steps[0]["loss"] + 0.3
    assert run.epochs[-1]["loss"] < finished.epochs[0]["loss"]
    if config.early_stop and run.metrics.best_epoch <= finished.metrics.epochs:
        assert run.metrics.validation_loss == finished.metrics.validation_loss


@pytest.mark.slow
def test_best_weights_of_before_are_kept_where_none_of_the_added_are_better(
    tmp_path, monkeypatch
):
    config = replace(CONFIG, early_stop=1, ema=0.9, schedule="constant")
    run = train_model(config, tmp_path, name="run")
    finished = weights(run), run.metrics
    step = TrainingStep.run

    def worsen(self, first, count):
        result = step(self, first, count)
        for variable in (
            *self.model.trainable_variables,
            *self.model.optimizer.variables,
        ):
            if "iteration" not in variable.path and variable.dtype == "float32":
                variable.assign(-variable)
        return result

    monkeypatch.setattr(TrainingStep, "run", worsen)
    resume_training(run, epochs=run.metrics.epochs + 3)
    assert run.metrics.best_epoch == finished[1].best_epoch
    assert run.metrics.epochs == finished[1].epochs + 1  # one without a better one
    assert run.metrics.validation_loss == finished[1].validation_loss
    for mine, theirs in zip(weights(run), finished[0], strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_what_cannot_be_is_told_before_tensorflow(run, monkeypatch):
    before = contents(run)
    monkeypatch.setattr(api, "load_tensorflow", lambda: pytest.fail("loaded"))
    with pytest.raises(ConfigError) as caught:
        api.resume(run, epochs=1)
    assert str(caught.value) == (
        f"{run.path} has done or begun 2 epochs already, but epochs, which counts them "
        "all, is 1. Give a larger number, or train anew with: kerascnn train --config "
        f"{run.path}/config.json --epochs 1"
    )
    for epochs in (0, 10_001, 2.5, "3"):
        with pytest.raises(ConfigError, match="epochs has to be a whole number"):
            api.resume(run, epochs=epochs)
    assert contents(run) == before


def test_run_of_a_comparison_is_not_continued(run):
    config = read_config(run.path / "config.json")
    planned = replace(
        config,
        asked=replace(config.asked, plan_digest="0" * 64),
        settings=replace(config.settings, plan_digest="0" * 64),
    )
    run.write_text("config.json", planned.to_json())
    with pytest.raises(ConfigError, match="belongs to a comparison"):
        resume_training(run, epochs=3)


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda text: text.replace("loss", "lost", 1), "a column or a row is missing"),
        (lambda text: text[: text[:-1].rindex("\n") + 1], "19 steps .* epochs"),
        (lambda text: text.replace("\n", "\n1,1,9.5,0,0.1\n", 1), "fit|steps"),
    ],
    ids=["column", "row", "one more"],
)
def test_histories_that_do_not_fit_are_refused(run, damage, reason):
    path = run.path / "steps.csv"
    path.write_text(damage(path.read_text()))
    before = contents(run)
    with pytest.raises(RunError, match=reason) as caught:
        resume_training(run, epochs=3)
    assert "\n" not in str(caught.value)
    assert contents(run) == before
    assert not is_continuing(run)
