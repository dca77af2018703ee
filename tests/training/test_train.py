"""Training: what a run holds, exact resumption, averages, early stop and divergence."""

import csv
import json
import os
import shutil
import signal
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest

import kerascnn
from kerascnn import data
from kerascnn.data import facts, idx, load_dataset
from kerascnn.data.facts import DatasetFacts, digest
from kerascnn.errors import (
    ConfigError,
    DivergedError,
    MissingExtraError,
    RunError,
    TrainingInterruptedError,
)
from kerascnn.evaluation.calibration import calibrate
from kerascnn.evaluation.metrics import compute_metrics, loss_and_accuracy
from kerascnn.fast.plan import default_plan
from kerascnn.machine.environment import instruction_set
from kerascnn.machine.reporter import Reporter
from kerascnn.model_files.keras_model import predict_probabilities
from kerascnn.runs.card import card
from kerascnn.runs.folder import Run, list_runs
from kerascnn.settings.config import TrainConfig
from kerascnn.settings.optimizers import OPTIMIZERS
from kerascnn.training.images import load_splits
from kerascnn.training.network import build_network
from kerascnn.training.train import resume_training, train_model

SMALL = {
    "model": "lenet",
    "learning_rate": 0.02,
    "limit": 1280,
    "epochs": 2,
    "validation_fraction": 0.01,
    "test": False,
}


class Interrupt(Reporter):
    """Sends SIGINT after a given number of calls of the steps."""

    def __init__(self, calls):
        self.calls = calls

    def steps(self, **progress):
        self.calls -= 1
        if self.calls == 0:
            os.kill(os.getpid(), signal.SIGINT)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A LeNet after two epochs on 1,280 images, with the test images measured."""
    config = TrainConfig(**SMALL | {"test": True, "optimizer": "adagrad"})
    return train_model(config, tmp_path_factory.mktemp("runs"))


def load(run):
    """The model of a run by plain Keras, ready to be evaluated."""
    model = keras.models.load_model(run.model_path)
    model.compile(loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def weights(run):
    model = keras.models.load_model(run.model_path)
    return [keras.ops.convert_to_numpy(weight) for weight in model.weights]


def test_run_holds_what_it_should(finished):
    assert sorted(os.listdir(finished.path)) == [
        *(".lock", "README.md", "config.json", "dataset.json", "environment.json"),
        *("figures", "history.csv", "metrics.json", "model.keras", "steps.csv"),
    ]
    assert os.listdir(finished.figures_path) == ["curves.png"]
    assert finished.environment["devices"] == ["CPU:0"]
    computation = finished.computation
    assert computation.to_dict() == finished.environment["computation"]
    assert computation.instruction_set == instruction_set()
    network = build_network(finished.settings, finished.dataset)
    assert computation.layer_plan == default_plan(network, instruction_set())
    asked = TrainConfig(**SMALL | {"test": True, "optimizer": "adagrad"})
    assert finished.config == asked
    assert finished.settings == asked.resolve()


def test_temperature_is_fitted_on_the_images_held_out(finished):
    metrics = finished.metrics
    _, held_out, _ = load_splits(finished.settings)
    given = predict_probabilities(finished.load_model(), held_out.images)

    def loss(temperature):
        probabilities = calibrate(given, temperature)
        return loss_and_accuracy(probabilities, held_out.labels)[0]

    best = metrics.temperature
    assert loss(best) < min(loss(0.97 * best), loss(1.03 * best), loss(1))
    for probabilities, error in (
        (given, metrics.validation_calibration_error),
        (calibrate(given, best), metrics.calibrated_validation_calibration_error),
    ):
        measured = compute_metrics(probabilities, held_out.labels, "0123456789")
        assert error == pytest.approx(measured["expected_calibration_error"], abs=1e-4)


def test_run_holds_the_facts_of_its_data(finished, splits):
    facts = finished.dataset
    assert (facts.name, facts.image_shape) == ("mnist", (28, 28, 1))
    assert facts.class_names == tuple("0123456789")
    assert (facts.background, facts.box) == (0, 20)
    assert facts.counts == {"train": 1280, "validation": 600, "test": 10_000}
    assert facts.sha256 == digest(splits[0])


def test_test_images_are_read_when_training_is_over(tmp_path, monkeypatch):
    events = []

    class Recorder(Reporter):
        def epoch(self, epoch, row):
            events.append(f"epoch {epoch}")

    def read(folder, archive, read_archive=idx.read_archive):
        events.append(archive)
        return read_archive(folder, archive)

    monkeypatch.setattr(idx, "read_archive", read)
    config = TrainConfig(**SMALL | {"test": True, "epochs": 1})
    train_model(config, tmp_path, reporter=Recorder())
    assert events == [*idx.SPLITS["train"], "epoch 1/1", *idx.SPLITS["test"]]


def test_training_without_a_test_reads_no_test_images(tmp_path, only_split):
    only_split("train")
    run = train_model(TrainConfig(**SMALL | {"epochs": 1}), tmp_path)
    assert run.status == "finished"


def test_predictions_are_stored_without_a_look_at_the_labels(tmp_path, monkeypatch):
    def load_split(name, split, load=data.load_split):
        loaded = load(name, split)
        # Labels that are no numbers: any use of them would fail.
        return loaded if split == "train" else replace(loaded, labels=None)

    monkeypatch.setattr(facts, "load_split", load_split)
    monkeypatch.setattr(DatasetFacts, "check", lambda facts, split: None)
    monkeypatch.setattr(data.Split, "__len__", lambda split: len(split.images))
    config = TrainConfig(**SMALL | {"epochs": 1, "store_predictions": True})
    run = train_model(config, tmp_path)
    assert run.metrics.test_accuracy is None
    _, test = load_dataset("mnist")
    expected = load(run).predict(test.images, verbose=0).argmax(axis=1)
    assert run.test_predictions.dtype == np.uint8
    np.testing.assert_array_equal(run.test_predictions, expected)
    assert run.predictions_path.stat().st_size < 10_200


def test_test_accuracy_is_that_of_plain_keras_to_the_image(finished):
    _, test = load_dataset("mnist")
    model = load(finished)
    guesses = model.predict(test.images, verbose=0).argmax(axis=1)
    right = int((guesses == test.labels).sum())
    assert finished.metrics.test_accuracy == right / 10_000
    assert right > 8_000
    loss, accuracy = model.evaluate(test.images, test.labels, verbose=0)
    assert loss == pytest.approx(finished.metrics.test_loss, rel=1e-4)
    assert accuracy == pytest.approx(right / 10_000, abs=1e-6)


def test_history_agrees_with_the_steps(finished):
    steps, history = finished.steps, finished.epochs
    assert [row["step"] for row in steps] == list(range(1, 41))
    assert [row["epoch"] for row in history] == [1, 2]
    for row in history:
        mine = [step for step in steps if step["epoch"] == row["epoch"]]
        assert len(mine) == 20
        for name in ("loss", "accuracy"):
            mean = np.mean([step[name] for step in mine])
            assert row[name] == pytest.approx(mean, rel=1e-4)
    assert max(step["learning_rate"] for step in steps) == pytest.approx(
        finished.settings.learning_rate, rel=1e-3
    )
    assert finished.metrics.training_accuracy == history[-1]["accuracy"]
    assert finished.metrics.validation_accuracy == history[-1]["validation_accuracy"]


def test_card_says_what_was_measured(finished):
    text = (finished.path / "README.md").read_text()
    assert f"| test | 10,000 | {finished.metrics.test_accuracy:.2%} |" in text
    assert "adagrad" in text
    assert "(batch, 28, 28, 1)" in text
    assert "like those of mnist (http://yann.lecun.com/exdb/mnist/). Other" in text


def test_card_counts_what_there_is_once(finished):
    text = card(finished, replace(finished.metrics, epochs=1, steps=1))
    assert "**Trained** for 1 epoch,\n  1 step of\n  64 images, with" in text


def test_card_takes_what_it_says_of_the_data_from_the_run(finished, tmp_path):
    run = Run(shutil.copytree(finished.path, tmp_path / "run"))
    other = {"name": "leaves", "class_names": ("oak", "elm"), "reference": None}
    run.write_json("dataset.json", replace(run.dataset, **other).to_dict())
    text = card(run, run.metrics)
    assert "probabilities `(batch, 2)` of:\n  oak, elm." in text
    assert "pictures like those of leaves. Other" in text


def test_saved_model_has_no_optimizer_state(finished):
    assert finished.model_path.stat().st_size < 61_706 * 4 + 60_000


def test_same_seed_gives_the_same_run_and_another_another(tmp_path):
    first, same, other = (
        train_model(TrainConfig(**SMALL | {"epochs": 1, "seed": seed}), tmp_path)
        for seed in (1, 1, 2)
    )
    losses = [[row["loss"] for row in run.steps] for run in (first, same, other)]
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-3)
    assert np.abs(np.subtract(losses[0], losses[2])).max() > 0.01


# Trains after the source of every module that is imported was altered.
EDITED = """
import sys
from pathlib import Path
from kerascnn.machine.tensorflow import load_tensorflow
load_tensorflow()
from kerascnn.settings.config import TrainConfig
from kerascnn.training.train import train_model
for name, module in list(sys.modules.items()):
    if name.partition(".")[0] == "kerascnn":
        Path(module.__file__).write_text("edited")
config = TrainConfig(model="lenet", limit=64, epochs=1, augment="auto", test=False)
print(train_model(config).status)
"""


@pytest.mark.slow
def test_sources_may_be_edited_while_a_training_runs(run_python, tmp_path):
    shutil.copytree(Path(kerascnn.__file__).parent, tmp_path / "kerascnn")
    done = run_python("-c", EDITED, PYTHONPATH=str(tmp_path))
    assert done.stdout == "finished\n", done.stderr
    assert "AutoGraph" not in done.stderr


def test_interrupted_run_goes_on_from_the_step(tmp_path, finished):
    config = TrainConfig(**SMALL | {"optimizer": "adagrad"})
    with pytest.raises(TrainingInterruptedError, match="--resume") as caught:
        train_model(config, tmp_path, reporter=Interrupt(calls=3))
    (run,) = list_runs(tmp_path)
    assert str(run.path) in str(caught.value)
    assert run.status == "unfinished"
    assert run.checkpoint_path.exists()
    resume_training(run)
    assert run.status == "finished"
    assert not run.checkpoint_path.exists()
    np.testing.assert_allclose(
        [row["loss"] for row in run.steps],
        [row["loss"] for row in finished.steps],
        rtol=1e-3,
    )


def test_resuming_a_finished_run_changes_nothing(finished):
    before = finished.model_path.read_bytes(), finished.metrics
    assert resume_training(finished) == finished
    assert (finished.model_path.read_bytes(), finished.metrics) == before


def test_changed_images_are_refused(tmp_path):
    with pytest.raises(TrainingInterruptedError):
        train_model(TrainConfig(**SMALL), tmp_path, reporter=Interrupt(calls=1))
    (run,) = list_runs(tmp_path)
    known = run.dataset
    run.write_json("dataset.json", replace(known, test_sha256="0" * 64).to_dict())
    with pytest.raises(RunError, match="the test images of mnist were changed"):
        resume_training(run)
    run.write_json("dataset.json", replace(known, sha256="0" * 64).to_dict())
    with pytest.raises(RunError, match="the images of mnist were changed"):
        resume_training(run)
    shutil.rmtree(run.checkpoint_path)  # as before the first one
    with pytest.raises(RunError, match="the images of mnist were changed"):
        resume_training(run)
    (run.path / "dataset.json").unlink()  # as in a run of version 0.1
    assert resume_training(run).status == "finished"


def test_divergence_keeps_what_there_is(tmp_path):
    config = TrainConfig(
        **SMALL | {"learning_rate": 1e6, "schedule": "constant", "epochs": 3}
    )
    with pytest.raises(DivergedError, match=r"no longer finite numbers in epoch 1"):
        train_model(config, tmp_path)
    (run,) = list_runs(tmp_path)
    assert run.status == "diverged"
    assert run.metrics.diverged_at_epoch == 1
    assert 0 < len(run.steps) < 60
    assert not run.model_path.exists()
    with pytest.raises(DivergedError, match="lower --learning-rate"):
        resume_training(run)


@pytest.mark.parametrize(
    "settings",
    [
        {"validation_fraction": 0.2},
        {"validation_fraction": 0.0, "test": True},
        {"validation_fraction": 0.0},
        {"validation_fraction": 0.2, "ema": 0.5, "early_stop": 3},
        {"validation_fraction": 0.2, "mixed_precision": True},
    ],
    ids=lambda settings: "-".join(settings),
)
def test_blow_up_in_the_last_update_is_a_divergence(tmp_path, settings):
    """The loss of a step is that before its update."""
    whole = {"limit": 128, "batch_size": 64, "epochs": 1, "schedule": "constant"}
    config = TrainConfig(**SMALL | whole | {"learning_rate": 1e5} | settings)
    with pytest.raises(DivergedError, match=r"no longer finite numbers in epoch 1\. "):
        train_model(config, tmp_path)
    (run,) = list_runs(tmp_path)
    assert run.metrics.status == "diverged"
    assert run.metrics.diverged_at_epoch == 1
    assert [np.isfinite(row["loss"]) for row in run.steps] == [True, True]
    assert not run.model_path.exists()
    for path in run.path.glob("*.json"):
        assert "NaN" not in path.read_text()


def test_loss_may_be_as_large_as_it_gets_and_finite(tmp_path):
    large = {"limit": 128, "epochs": 1, "schedule": "constant", "learning_rate": 1e4}
    kept = {"validation_fraction": 0.2, "ema": 0.5, "early_stop": 3}
    run = train_model(TrainConfig(**SMALL | large | kept), tmp_path)
    assert run.metrics.status == "finished"
    assert run.epochs[0]["loss"] > 1e12


def test_early_stop_takes_the_best_weights(tmp_path):
    config = TrainConfig(
        **SMALL
        | {"learning_rate": 0.4, "schedule": "constant", "epochs": 12, "early_stop": 1}
        | {"validation_fraction": 0.005, "limit": 640}
    )
    run = train_model(config, tmp_path)
    losses = [row["validation_loss"] for row in run.epochs]
    best = run.metrics.best_epoch
    assert losses[best - 1] == min(losses)
    taken, said = run.epochs[best - 1], run.metrics
    assert said.training_loss == taken["loss"]
    assert said.training_accuracy == taken["accuracy"]
    assert said.validation_loss == taken["validation_loss"]
    assert said.validation_accuracy == taken["validation_accuracy"]
    row = f"| validation | 300 | {taken['validation_accuracy']:.2%} |"
    assert row in card(run, said)
    assert len(losses) == best + 1 < 12
    _, validation, _ = load_splits(run.settings)
    model = load(run)
    loss, _ = model.evaluate(validation.images, validation.labels, verbose=0)
    assert loss == pytest.approx(losses[best - 1], rel=1e-4)


@pytest.mark.slow
def test_average_of_the_weights_is_what_is_saved(tmp_path):
    plain = train_model(TrainConfig(**SMALL), tmp_path)
    averaged = train_model(TrainConfig(**SMALL | {"ema": 0.9}), tmp_path)
    np.testing.assert_allclose(  # averaging watches; it does not change the training
        [row["loss"] for row in plain.steps],
        [row["loss"] for row in averaged.steps],
        rtol=1e-3,
    )
    assert any(
        np.abs(a - b).max() > 1e-4
        for a, b in zip(weights(plain), weights(averaged), strict=True)
    )
    _, validation, _ = load_splits(averaged.settings)
    model = load(averaged)
    loss, _ = model.evaluate(validation.images, validation.labels, verbose=0)
    assert loss == pytest.approx(averaged.epochs[-1]["validation_loss"], rel=1e-4)


@pytest.mark.parametrize(
    "settings",
    [
        {"augment": "digits"},
        {"class_weights": "balanced"},
        {"label_smoothing": 0.1},
        {"mixed_precision": True},
        {"batch_size": 96, "warmup_epochs": 0.5, "schedule": "cosine"},
        {"image_size": 32, "validation_fraction": 0.0},
    ],
    ids=lambda settings: next(iter(settings)),
)
def test_every_setting_learns(tmp_path, settings):
    run = train_model(TrainConfig(**SMALL | {"epochs": 3} | settings), tmp_path)
    assert run.epochs[-1]["loss"] < 0.75 * run.epochs[0]["loss"]
    model = load(run)
    assert model.output.dtype == "float32"


@pytest.mark.slow
def test_mixed_precision_saves_and_measures_a_model_in_32_bits(tmp_path):
    mixed = {"mixed_precision": True, "epochs": 1, "test": True}
    run = train_model(TrainConfig(**SMALL | mixed), tmp_path)
    model = load(run)
    assert {layer.dtype_policy.name for layer in model.layers} == {"float32"}
    _, test = load_dataset("mnist")
    loss, accuracy = model.evaluate(test.images, test.labels, verbose=0)
    assert run.metrics.test_accuracy == pytest.approx(accuracy, abs=1e-6)
    assert run.metrics.test_loss == pytest.approx(loss, rel=1e-4)
    _, validation, _ = load_splits(run.settings)
    loss, _ = model.evaluate(validation.images, validation.labels, verbose=0)
    assert run.metrics.validation_loss == pytest.approx(loss, rel=1e-5)


@pytest.mark.slow
def test_label_smoothing_and_augmentation_change_the_loss(tmp_path):
    base = {**SMALL, "epochs": 1, "schedule": "constant", "learning_rate": 0.02}
    plain, smooth, augmented = (
        train_model(TrainConfig(**base | extra), tmp_path).steps
        for extra in ({}, {"label_smoothing": 0.2}, {"augment": "digits"})
    )
    # Uniform guesses cost log(10) whatever the smoothing; later it costs more.
    assert smooth[0]["loss"] == pytest.approx(plain[0]["loss"], rel=0.01)
    assert smooth[-1]["loss"] > plain[-1]["loss"] + 0.1
    assert augmented[0]["loss"] != plain[0]["loss"]


@pytest.mark.slow
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_every_optimizer_trains_lenet(tmp_path, optimizer):
    own = {"optimizer": optimizer, "learning_rate": None, "epochs": 1}
    config = TrainConfig(**SMALL | own)
    run = train_model(config, tmp_path)
    assert run.steps[-1]["loss"] < run.steps[0]["loss"]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"limit": 50}, "batch_size is 64, but there are only 50 training images"),
        ({"device": "gpu"}, "TensorFlow sees no GPU.*--device cpu"),
    ],
)
def test_settings_that_do_not_fit_leave_no_run(tmp_path, settings, message):
    with pytest.raises(ConfigError, match=message):
        train_model(TrainConfig(**SMALL | settings), tmp_path)
    assert list_runs(tmp_path) == []


def test_missing_tensorboard_says_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"pip install 'kerascnn\[tensorboard"):
        train_model(TrainConfig(**SMALL | {"tensorboard": True}), tmp_path)


def test_limit_and_validation_are_apart_and_the_same_for_every_seed():
    config = TrainConfig(model="lenet", limit=1000)
    training, validation, _ = load_splits(config.resolve())
    again, _, _ = load_splits(replace(config, seed=9).resolve())
    assert (len(training), len(validation)) == (1000, 6000)
    np.testing.assert_array_equal(training.images, again.images)
    mine = {image.tobytes() for image in training.images}
    assert not mine & {image.tobytes() for image in validation.images}


def test_files_are_plain_json_and_csv(finished):
    assert json.loads((finished.path / "metrics.json").read_text())["steps"] == 40
    with open(finished.path / "history.csv") as file:
        assert next(csv.reader(file)) == [
            *("epoch", "loss", "accuracy", "validation_loss", "validation_accuracy"),
            *("learning_rate", "seconds", "images_per_second"),
        ]
