"""Evaluation: every format of a model, its numbers against plain arithmetic."""

import json
import shutil
from dataclasses import replace

import keras
import numpy as np
import pytest

from kerascnn.data import DATASETS, Split
from kerascnn.errors import DatasetError, DivergedError, RunError, UnknownNameError
from kerascnn.evaluation.evaluate import (
    evaluate_artifact,
    evaluate_file,
    evaluate_run,
)
from kerascnn.evaluation.metrics import compute_metrics
from kerascnn.model_files.find import artifact_of_run, find_artifact
from kerascnn.model_files.formats import FORMATS
from kerascnn.model_files.keras_model import predict_probabilities
from kerascnn.models.build import build_model
from kerascnn.models.load import load_model
from kerascnn.runs.folder import Run


def test_run_is_evaluated_on_the_whole_test_set(lenet_run, lenet, splits, only_split):
    only_split("test")
    evaluation = evaluate_run(lenet_run)
    _, test = splits
    expected = [
        np.asarray(lenet(test.images[i : i + 1000].astype(np.float32)))
        for i in range(0, 10_000, 1000)
    ]
    predicted = np.concatenate(expected).argmax(axis=1)
    assert evaluation.metrics.images == 10_000
    assert evaluation.metrics.correct == (predicted == test.labels).sum()
    np.testing.assert_array_equal(evaluation.probabilities.argmax(axis=1), predicted)
    np.testing.assert_array_equal(evaluation.test.labels, test.labels)
    document = evaluation.to_dict()
    assert document["source"] == str(lenet_run.path)
    assert document["dataset"] == "mnist"
    assert document["accuracy"] == evaluation.metrics["accuracy"]


def test_calibration_is_measured_with_and_without_the_temperature(lenet_run):
    artifact = artifact_of_run(lenet_run)
    raw = evaluate_artifact(artifact)
    assert raw.calibrated is None
    assert raw.to_dict()["calibrated"] is None
    evaluation = evaluate_artifact(replace(artifact, temperature=2.0))
    np.testing.assert_array_equal(evaluation.probabilities, raw.probabilities)
    assert evaluation.metrics.values == raw.metrics.values
    roots = np.sqrt(raw.probabilities.astype(float))
    roots /= roots.sum(axis=1, keepdims=True)
    expected = compute_metrics(
        roots.astype(np.float32), raw.test.labels, raw.test.class_names
    )
    document = evaluation.to_dict()["calibrated"]
    assert document["temperature"] == 2.0
    error = document["expected_calibration_error"]
    assert error == pytest.approx(expected["expected_calibration_error"], rel=1e-4)
    assert error > raw.metrics["expected_calibration_error"]
    assert [row["images"] for row in document["reliability"]] == [
        row.images for row in expected.reliability
    ]


def test_run_of_other_data_than_there_are_is_refused(lenet_run, tmp_path):
    run = Run(shutil.copytree(lenet_run.path, tmp_path / "run"))
    names = ("zero", *run.dataset.class_names[1:])
    run.write_json("dataset.json", replace(run.dataset, class_names=names).to_dict())
    with pytest.raises(DatasetError, match="class 0 was 'zero' and is '0'"):
        evaluate_run(run)


def test_unfinished_and_diverged_runs_say_so(end_run, tmp_path):
    other = Run(tmp_path / "lenet-sgd-2")
    other.path.mkdir()
    with pytest.raises(RunError, match=r"has not finished.*--resume"):
        evaluate_run(other)
    end_run(other, status="diverged", diverged_at_epoch=1)
    with pytest.raises(DivergedError, match="lower learning rate"):
        evaluate_run(other)


def test_unknown_dataset_of_a_file_suggests_the_nearest(lenet_run):
    with pytest.raises(UnknownNameError, match="Did you mean 'mnist'"):
        evaluate_file(lenet_run.model_path, "mnits")


@pytest.mark.parametrize(
    ("shape", "classes", "message"),
    [
        ((32, 32, 3), 10, r"takes \(None, 32, 32, 3\) .* needs \(None, 28, 28, 1\)"),
        ((28, 28, 1), 7, r"gives \(None, 7\), but mnist needs .* \(None, 10\)"),
    ],
)
def test_model_for_other_data_is_refused(tmp_path, shape, classes, message):
    path = tmp_path / "other.keras"
    build_model("lenet", shape, classes).save(path)
    with pytest.raises(RunError, match=message):
        evaluate_file(path, "mnist")


def test_model_of_a_fixed_batch_or_several_inputs_is_refused(tmp_path):
    fixed = keras.Input((28, 28, 1), batch_size=4)
    dense = keras.layers.Dense(10, activation="softmax")
    outputs = dense(keras.layers.Flatten()(fixed))
    keras.Model(fixed, outputs).save(tmp_path / "fixed.keras")
    with pytest.raises(RunError, match=r"takes \(4, 28, 28, 1\)"):
        evaluate_file(tmp_path / "fixed.keras", "mnist")

    first, second = keras.Input((28, 28, 1)), keras.Input((28, 28, 1))
    outputs = dense(keras.layers.Flatten()(first + second))
    keras.Model([first, second], outputs).save(tmp_path / "two.keras")
    with pytest.raises(RunError, match=r"takes \[\(None, 28, 28, 1\), "):
        evaluate_file(tmp_path / "two.keras", "mnist")


def test_model_without_softmax_is_refused(tmp_path):
    path = tmp_path / "logits.keras"
    layers = [keras.Input((28, 28, 1)), keras.layers.Flatten(), keras.layers.Dense(10)]
    keras.Sequential(layers).save(path)
    with pytest.raises(RunError, match=r"does not give probabilities: .* softmax"):
        evaluate_file(path, "mnist")


def test_model_whose_weights_are_no_numbers_is_refused(tmp_path):
    path = tmp_path / "nan.keras"
    model = build_model("lenet", (28, 28, 1), 10)
    model.set_weights(
        [np.full_like(weights, np.nan) for weights in model.get_weights()]
    )
    model.save(path)
    with pytest.raises(
        RunError, match=r"kernel holds numbers that are not finite.*train again"
    ):
        evaluate_file(path, "mnist")


def test_model_that_takes_any_size_is_evaluated(tmp_path, splits):
    path = tmp_path / "any.keras"
    inputs = keras.Input((None, None, 1))
    x = keras.layers.Rescaling(1 / 255)(inputs)
    x = keras.layers.Conv2D(4, 3)(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    model = keras.Model(inputs, keras.layers.Dense(10, activation="softmax")(x))
    model.save(path)
    metrics = evaluate_file(path, "mnist", batch_size=1000).metrics
    predicted = predict_probabilities(model, splits[1].images).argmax(axis=1)
    assert metrics.correct == (predicted == splits[1].labels).sum()


@pytest.mark.parametrize("name", ["saved_model", "saved_model/1", "model.tflite"])
def test_every_format_gives_the_answers_of_the_model(exported, lenet, splits, name):
    evaluation = evaluate_file(exported / name)
    expected = predict_probabilities(lenet, splits[1].images)
    assert evaluation.dataset == "mnist"
    np.testing.assert_allclose(evaluation.probabilities, expected, atol=1e-5)
    assert evaluation.metrics.images == 10_000


def test_other_data_are_refused_in_every_format(exported, monkeypatch, splits):
    wide = Split(
        images=np.zeros((2, 32, 32, 3), np.uint8),
        labels=splits[1].labels[:2],
        class_names=DATASETS["cifar10"].class_names,
    )
    monkeypatch.setattr("kerascnn.data.facts.load_split", lambda name, split: wide)
    with pytest.raises(RunError, match=r"takes \(None, 28, 28, 1\) .* cifar10 needs"):
        evaluate_file(exported / "model.tflite", "cifar10")


# Folders of pictures


@pytest.fixture(scope="module")
def picture_file(picture_run, tmp_path_factory):
    """The model of that run as an exported file, with its report."""
    folder = tmp_path_factory.mktemp("export")
    facts = picture_run.dataset
    FORMATS["tflite"].load()(
        load_model(picture_run.model_path), folder / "model.tflite", facts.class_names
    )
    report = {"dataset": facts.to_dict(), "files": []}
    (folder / "export.json").write_text(json.dumps(report))
    return folder / "model.tflite"


@pytest.mark.parametrize("kind", ["run", "file"])
def test_pictures_are_evaluated_with_their_files(
    kind, picture_run, picture_file, picture_folder, tmp_path
):
    reference = str(picture_run.path if kind == "run" else picture_file)
    evaluation = evaluate_artifact(find_artifact(reference, tmp_path))
    assert evaluation.title == "digits"
    assert evaluation.metrics.images == 12
    assert evaluation.metrics["accuracy"] == picture_run.metrics.test_accuracy
    document = evaluation.to_dict()
    assert document["dataset"] == str(picture_folder)
    assert len(document["mistakes"]) == document["num_mistakes"]
    for name, label in zip(evaluation.test.files, evaluation.test.labels, strict=True):
        assert (picture_folder / name).is_file()
        assert name.startswith(f"{evaluation.test.class_names[label]}/")


@pytest.mark.parametrize("kind", ["run", "file"])
def test_other_folder_of_the_same_classes_is_tested_whole(
    kind, picture_run, picture_file, picture_folder, tmp_path
):
    other = tmp_path / "other"
    shutil.copytree(picture_folder, other)
    swapped = next((other / "two").iterdir())
    shutil.copy(swapped, other / "one" / "wrong.png")
    shutil.rmtree(other / "none <0>")
    (other / "none <0>").mkdir()
    reference = str(picture_run.path if kind == "run" else picture_file)
    evaluation = evaluate_artifact(find_artifact(reference, tmp_path, str(other)))
    assert (evaluation.title, evaluation.metrics.images) == ("other", 41)
    assert [row.images for row in evaluation.metrics.per_class] == [0, 21, 20]
    assert "one/wrong.png" in [mistake.file for mistake in evaluation.mistakes]


def test_folder_of_other_classes_is_one_line(picture_file, picture_folder, tmp_path):
    (tmp_path / "cat").mkdir()
    (tmp_path / "dog").mkdir()
    shutil.copy(next((picture_folder / "one").iterdir()), tmp_path / "cat" / "1.png")
    artifact = find_artifact(str(picture_file), tmp_path, str(tmp_path))
    with pytest.raises(DatasetError, match=r"cat/1\.png.* is of none of the classes"):
        evaluate_artifact(artifact)
