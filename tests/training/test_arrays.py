"""Training on arrays that Python passes: the run, its resumption, what it cannot do."""

import os
import signal
from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import f1_score

from kerascnn.data.arrays import split_of_arrays
from kerascnn.data.facts import digest
from kerascnn.errors import (
    ConfigError,
    DatasetError,
    RunError,
    TrainingInterruptedError,
)
from kerascnn.evaluation.evaluate import evaluate_run
from kerascnn.evaluation.predict import classify_pictures
from kerascnn.exporting.export import export_run
from kerascnn.machine.reporter import Reporter
from kerascnn.model_files.find import artifact_of_run
from kerascnn.model_files.keras_model import predict_probabilities
from kerascnn.runs.folder import list_runs
from kerascnn.settings.config import TrainConfig
from kerascnn.training.images import load_splits
from kerascnn.training.train import resume_training, train_model

CONFIG = TrainConfig(model="lenet", epochs=2, learning_rate=0.05)
NAMES = ("nought", "one")


class Interrupt(Reporter):
    """Sends SIGINT after the first steps."""

    def steps(self, **progress):
        os.kill(os.getpid(), signal.SIGINT)


@pytest.fixture(scope="module")
def arrays(splits):
    """Noughts and ones as arrays without channels."""
    train, _ = splits
    few = np.flatnonzero(train.labels < 2)[:1000]
    return train.images[few, :, :, 0], train.labels[few]


@pytest.fixture(scope="module")
def finished(arrays, tmp_path_factory):
    out = tmp_path_factory.mktemp("runs")
    return train_model(CONFIG, out, data=arrays, class_names=NAMES)


def test_run_holds_the_facts_of_the_arrays(finished, arrays, splits):
    facts = finished.dataset
    assert (facts.name, facts.image_shape) == ("arrays", (28, 28, 1))
    assert (facts.class_names, facts.background) == (NAMES, None)
    assert facts.counts == {"train": 900, "validation": 100, "test": 0}
    images, labels = arrays
    whole = replace(splits[0], images=images[..., np.newaxis], labels=labels)
    assert facts.sha256 == digest(whole)
    assert finished.settings.dataset == "arrays"
    assert finished.metrics.test_accuracy is None
    assert finished.metrics.validation_accuracy > 0.9
    card = (finished.path / "README.md").read_text()
    assert "kerascnn on arrays passed from Python." in card
    assert "--config" not in card


def test_model_of_arrays_predicts_and_says_why_it_does_nothing_else(
    finished, arrays, tmp_path
):
    from PIL import Image

    Image.fromarray(arrays[0][0]).save(tmp_path / "digit.png")
    artifact = artifact_of_run(finished)
    [prediction] = classify_pictures([str(tmp_path / "digit.png")], artifact)
    assert prediction.top(1)[0][0] in NAMES
    for use in (evaluate_run, export_run):
        with pytest.raises(DatasetError, match=r"no test images to load: .* arrays"):
            use(finished)


def test_stopped_run_goes_on_with_the_same_arrays_and_no_others(
    finished, arrays, tmp_path
):
    with pytest.raises(TrainingInterruptedError):
        train_model(
            *(CONFIG, tmp_path), data=arrays, class_names=NAMES, reporter=Interrupt()
        )
    (run,) = list_runs(tmp_path)
    with pytest.raises(DatasetError, match=r"data=\(images, labels\) of .*resume"):
        resume_training(run)
    images, labels = arrays
    with pytest.raises(RunError, match="the images of arrays were changed"):
        resume_training(run, data=(images, 1 - labels))
    resume_training(run, data=arrays)
    assert run.dataset == finished.dataset
    np.testing.assert_allclose(
        [row["loss"] for row in run.steps],
        [row["loss"] for row in finished.steps],
        rtol=1e-3,
    )


def test_mean_f1_and_imbalance_are_those_of_the_images_held_out(arrays, tmp_path):
    images, labels = arrays
    few = np.concatenate((np.flatnonzero(labels == 0), np.flatnonzero(labels)[:50]))
    data = images[few], labels[few]
    config = replace(CONFIG, epochs=1, learning_rate=0.01, validation_fraction=0.5)
    run = train_model(config, tmp_path, data=data)
    metrics = run.metrics
    _, validation, _ = load_splits(run.settings, split_of_arrays(*data))
    counts = np.bincount(validation.labels)
    assert metrics.class_imbalance == counts.max() / counts.min() > 3
    predicted = predict_probabilities(run.load_model(), validation.images).argmax(1)
    expected = f1_score(validation.labels, predicted, average="macro")
    assert metrics.validation_f1 == pytest.approx(expected, abs=1e-12)
    assert metrics.test_f1 is None
    assert metrics.validation_f1 < metrics.validation_accuracy


def test_arrays_do_not_go_with_a_data_set_by_name(arrays, lenet_run, tmp_path):
    with pytest.raises(ConfigError, match="class_names are those of arrays"):
        train_model(CONFIG, tmp_path, class_names=NAMES)
    with pytest.raises(ConfigError, match="dataset is 'kmnist', but arrays"):
        train_model(replace(CONFIG, dataset="kmnist"), tmp_path, data=arrays)
    assert list_runs(tmp_path) == []
    with pytest.raises(TrainingInterruptedError):
        train_model(
            replace(CONFIG, limit=128, test=False), tmp_path, reporter=Interrupt()
        )
    (run,) = list_runs(tmp_path)
    with pytest.raises(ConfigError, match="is trained on mnist, but arrays are given"):
        resume_training(run, data=arrays)
