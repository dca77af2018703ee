"""Weights of another training: what is taken, and what is told of the rest."""

import os
import shutil
import signal

import keras
import numpy as np
import pytest

import kerascnn
from kerascnn import api
from kerascnn.data.facts import DatasetFacts
from kerascnn.errors import ModelFileError, TrainingInterruptedError, UnknownNameError
from kerascnn.machine.reporter import Reporter
from kerascnn.models.build import build_model
from kerascnn.models.layers import all_layers
from kerascnn.runs.folder import list_runs
from kerascnn.settings.config import TrainConfig
from kerascnn.training.initial_weights import take_weights
from kerascnn.training.network import compile_model

SMALL = {
    **{"limit": 640, "epochs": 2, "validation_fraction": 0.01, "test": False},
    **{"deterministic": True, "checkpoint_seconds": 0, "learning_rate": 0.01},
}


def compiled(model="lenet", **options):
    settings = TrainConfig(model=model, model_options=options).resolve()
    return compile_model(settings, DatasetFacts.from_table("mnist"))


def weights(model):
    return {
        f"{layer.name}/{weight.name}": keras.ops.convert_to_numpy(weight)
        for layer in all_layers(model)
        for weight in layer.weights
    }


def test_all_weights_of_the_same_network_are_taken(lenet_run, lenet):
    model = compiled()
    line = take_weights(model, "lenet", lenet_run.model_path)
    assert line == "Copied all 10 weights of lenet-sgd-1."
    found, expected = weights(model), weights(lenet)
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_array_equal(found[name], value)


def test_of_other_classes_all_but_the_last_layer_is_taken(lenet_run, lenet):
    letters = DatasetFacts(
        name="letters", image_shape=(28, 28, 1), class_names=tuple("abcdefgh")
    )
    model = compile_model(TrainConfig(model="lenet").resolve(), letters)
    before = weights(model)
    line = take_weights(model, "lenet", lenet_run.model_path)
    assert line == (
        "Copied 8 of 10 weights of lenet-sgd-1; not copied: predictions/kernel "
        "(84, 10) is (84, 8), predictions/bias (10,) is (8,)."
    )
    for name, value in weights(model).items():
        own = name.startswith("predictions")
        expected = before if own else weights(lenet)
        np.testing.assert_array_equal(value, expected[name])


def test_statistics_of_normalization_are_taken_and_first_differences_named(tmp_path):
    source = build_model("mobilenet", (32, 32, 3), 10, image_size=32, alpha=0.25)
    random = np.random.default_rng(0)
    for weight in source.weights:
        weight.assign(random.uniform(0.5, 1, weight.shape))
    source.save(tmp_path / "color.keras")
    model = compiled("mobilenet", alpha=0.25)
    line = take_weights(model, "mobilenet", tmp_path / "color.keras")
    assert line == (
        "Copied 84 of 85 weights of color.keras; not copied: stem_conv/kernel "
        "(3, 3, 3, 8) is (3, 3, 1, 8)."
    )
    found, expected = weights(model), weights(source)
    statistics = [name for name in found if "moving_" in name]
    assert len(statistics) > 20
    for name in statistics:
        np.testing.assert_array_equal(found[name], expected[name])


def test_another_network_is_refused(lenet_run):
    model = "mobilenet"
    small = compiled(model, alpha=0.25)
    with pytest.raises(ModelFileError) as caught:
        take_weights(small, model, lenet_run.model_path)
    assert str(caught.value) == (
        f"No weights of {lenet_run.model_path} fit: it holds 'lenet_classifier', but "
        f"{model} is trained. Give a run of {model} with the same options."
    )


def test_the_same_network_of_other_widths_is_refused(tmp_path):
    source = build_model("mobilenet", (28, 28, 1), 10, image_size=32, alpha=0.5)
    source.save(tmp_path / "wide.keras")
    model = compiled("mobilenet", alpha=0.25)
    before = weights(model)
    with pytest.raises(ModelFileError, match=r"wide.keras fit: .* the same options"):
        take_weights(model, "mobilenet", tmp_path / "wide.keras")
    for name, value in weights(model).items():
        np.testing.assert_array_equal(value, before[name])


class Stop(Reporter):
    """Sends SIGINT in the first steps; keeps what it is told."""

    def __init__(self):
        self.told = []

    def message(self, text):
        self.told.append(text)

    def steps(self, epoch, **progress):
        os.kill(os.getpid(), signal.SIGINT)


@pytest.mark.slow
def test_run_begins_with_them_and_is_resumed_without_the_file(
    lenet_run, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(lenet_run.path, tmp_path / "saved_models" / "lenet-sgd-1")
    whole = kerascnn.train(
        "lenet", init_from="lenet-sgd-1", reporter=Reporter(), **SMALL
    )
    path = tmp_path / "saved_models" / "lenet-sgd-1" / "model.keras"
    assert whole.settings.init_from == whole.config.init_from == str(path)
    assert whole.steps[0]["loss"] < 0.5  # log(10) without
    stop = Stop()
    with pytest.raises(TrainingInterruptedError):
        kerascnn.train(
            "lenet", init_from=str(path), name="part", reporter=stop, **SMALL
        )
    assert "Copied all 10 weights of lenet-sgd-1." in stop.told
    shutil.rmtree(path.parent)
    part = kerascnn.resume("part", reporter=Reporter())
    assert part.steps == whole.steps
    for mine, theirs in zip(
        part.load_model().weights, whole.load_model().weights, strict=True
    ):
        np.testing.assert_array_equal(mine, theirs)


def test_what_is_not_there_is_told_before_tensorflow_and_leaves_nothing(
    tmp_path, monkeypatch, lenet_run
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(api, "load_tensorflow", lambda: pytest.fail("loaded"))
    with pytest.raises(ModelFileError, match=r"There is no file gone\.keras\. Give a"):
        kerascnn.train("lenet", init_from="gone.keras")
    with pytest.raises(UnknownNameError, match="Did you mean 'lenet-sgd-1'"):
        kerascnn.train("lenet", init_from="lenet-sgd-2", out=lenet_run.path.parent)
    assert list(tmp_path.iterdir()) == []


def test_optimizer_that_steps_from_the_weights_begins_at_those(lenet_run, tmp_path):
    run = kerascnn.train(
        "lenet",
        init_from=str(lenet_run.model_path),
        optimizer="schedulefreeadamw",
        out=tmp_path,
        reporter=Reporter(),
        **SMALL | {"learning_rate": 1e-4},
    )
    assert max(row["loss"] for row in run.steps) < 1  # log(10) from others


def test_damaged_weights_leave_no_run(tmp_path):
    (tmp_path / "bad.keras").write_bytes(b"PK")
    with pytest.raises(ModelFileError, match=r"Cannot load a model from .*bad\.keras"):
        kerascnn.train(
            "lenet",
            init_from=str(tmp_path / "bad.keras"),
            out=tmp_path,
            reporter=Reporter(),
            **SMALL,
        )
    assert list_runs(tmp_path) == []
