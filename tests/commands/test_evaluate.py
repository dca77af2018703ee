"""`kerascnn evaluate` on real runs, its numbers against NumPy's."""

import json
import shutil
from dataclasses import replace

import keras
import numpy as np
import pytest
from click.testing import CliRunner

from kerascnn.commands.evaluate import evaluate
from kerascnn.data import facts
from kerascnn.errors import DivergedError, ModelFileError, RunError, UnknownNameError
from kerascnn.models.build import build_model
from kerascnn.runs.folder import Run
from kerascnn.settings.config import TrainConfig
from kerascnn.settings.config_file import ConfigFile

FIGURES = ["confusion_matrix.png", "mistakes.png", "reliability.png"]


@pytest.fixture(scope="module")
def models(splits):
    """Two LeNets of different skill."""
    train, _ = splits
    models = []
    for seed, steps in ((0, 40), (1, 10)):
        keras.utils.set_random_seed(seed)
        model = build_model("lenet", (28, 28, 1), 10)
        model.compile(keras.optimizers.Adam(0.002), "sparse_categorical_crossentropy")
        for start in range(0, steps * 64, 64):
            batch = slice(start, start + 64)
            model.train_on_batch(train.images[batch], train.labels[batch])
        models.append(model)
    return models


@pytest.fixture
def out(models, tmp_path, end_run):
    """A folder of two finished runs, the second the newer."""
    asked = TrainConfig(model="lenet")
    config = ConfigFile(asked, asked.resolve()).to_json()
    for number, model in enumerate(models, start=1):
        run = Run(tmp_path / "saved_models" / f"lenet-sgd-{number}")
        run.path.mkdir(parents=True)
        run.write_text("config.json", config)
        model.save(run.model_path)
        end_run(run, finished_at=f"2026-01-0{number}T00:00:00+00:00")
    return tmp_path / "saved_models"


@pytest.fixture(scope="module")
def predicted(models, splits):
    """The classes that both models predict of the whole test set, by Keras alone."""
    _, test = splits
    return [
        np.concatenate(
            [
                np.asarray(model(test.images[i : i + 1000].astype(np.float32)))
                for i in range(0, 10_000, 1000)
            ]
        ).argmax(axis=1)
        for model in models
    ]


def invoke(*arguments, code=0):
    result = CliRunner().invoke(evaluate, [str(value) for value in arguments])
    assert result.exit_code == code, result.output
    return result


def refused(error, *arguments):
    result = CliRunner().invoke(evaluate, [str(value) for value in arguments])
    assert isinstance(result.exception, error)
    assert result.stdout == ""
    return str(result.exception)


def test_newest_run_is_taken_and_its_numbers_are_right(out, predicted, splits):
    document = json.loads(invoke("--out", out, "--json").stdout)
    labels = splits[1].labels
    assert document["source"] == str(out / "lenet-sgd-2")
    assert document["dataset"] == "mnist"
    assert document["images"] == 10_000
    assert document["correct"] == (predicted[1] == labels).sum()
    assert document["accuracy"] == (predicted[1] == labels).mean()
    matrix = np.zeros((10, 10), int)
    np.add.at(matrix, (labels, predicted[1]), 1)
    assert document["confusion_matrix"] == matrix.tolist()
    sevens = document["per_class"][7]
    assert sevens["name"] == "7"
    assert sevens["images"] == (labels == 7).sum()
    assert sevens["recall"] == pytest.approx(matrix[7, 7] / matrix[7].sum())
    assert sevens["precision"] == pytest.approx(matrix[7, 7] / matrix[:, 7].sum())
    assert document["figures"] == [
        str(out / "lenet-sgd-2" / "figures" / name) for name in FIGURES
    ]
    for path in (out / "lenet-sgd-2" / "figures").iterdir():
        assert path.read_bytes().startswith(b"\x89PNG")


def test_run_with_a_temperature_is_told_with_and_without_it(out):
    run = Run(out / "lenet-sgd-2")
    plain = invoke(run.path, "--no-figures").stdout
    assert "- at temperature" not in plain
    metrics = replace(run.metrics, temperature=0.5)
    run.write_json("metrics.json", metrics.to_dict())
    document = json.loads(invoke(run.path, "--json").stdout)["calibrated"]
    lines = invoke(run.path, "--no-figures").stdout.splitlines()
    error = document["expected_calibration_error"]
    line = f"- at temperature 0.50       {error:.4f}"
    before = lines[lines.index(line) - 1]
    assert before.startswith("expected calibration error  ")
    assert [one for one in lines if one != line] == plain.splitlines()


def test_people_get_tables(out, predicted, splits):
    lines = invoke(out / "lenet-sgd-1", "--no-figures").stdout.splitlines()
    labels = splits[1].labels
    correct = (predicted[0] == labels).sum()
    assert lines[0] == f"{out / 'lenet-sgd-1'} on 10,000 test images of mnist"
    assert f"accuracy                    {correct / 10_000:.2%}" in lines
    counts = f"{correct:,} ({10_000 - correct:,} wrong)"
    assert f"correct predictions         {counts}" in lines
    starts = [line.split("  ")[0] for line in lines]
    for name in (
        "top-2 accuracy",
        "top-3 accuracy",
        "top-5 accuracy",
        "loss (cross-entropy)",
        "precision, mean of classes",
        "recall, mean of classes",
        "F1, mean of classes",
        "expected calibration error",
    ):
        assert starts.count(name) == 1
    zeros = (predicted[0][labels == 0] == 0).sum()
    table = lines.index("class  images  precision  recall      F1")
    assert lines[table + 1].split()[:2] == ["0", "980"]
    assert lines[table + 1].split()[3] == f"{zeros / 980:.4f}"
    [matrix] = [n for n, line in enumerate(lines) if line.startswith("true \\ pred")]
    assert lines[matrix].split() == ["true", "\\", "predicted", *map(str, range(10))]
    assert len(lines[matrix + 1]) == len(lines[matrix])
    row = [(predicted[0][labels == 0] == name).sum() for name in range(10)]
    assert [int(word) for word in lines[matrix + 1].split()] == [0, *row]
    assert max(map(len, lines[1:])) <= 88
    assert not (out / "lenet-sgd-1" / "figures").exists()


def test_mean_f1_comes_first_where_classes_are_imbalanced(out, splits, monkeypatch):
    _, test = splits
    rare = np.flatnonzero(test.labels == 7)[:300]
    kept = np.concatenate((np.flatnonzero(test.labels != 7), rare))
    few = replace(test, images=test.images[kept], labels=test.labels[kept])
    monkeypatch.setattr(facts, "load_split", lambda name, split: few)
    lines = invoke("lenet-sgd-1", "--out", out, "--no-figures").stdout.splitlines()
    assert lines[2].startswith("F1, mean of classes")
    assert lines[3].startswith("accuracy")


@pytest.mark.slow
def test_several_runs_are_a_list_in_the_order_given(out, predicted, splits, tmp_path):
    figures = tmp_path / "pictures"
    arguments = ("lenet-sgd-2", "lenet-sgd-1", "--out", out, "--figures", figures)
    documents = json.loads(invoke(*arguments, "--json", "--batch-size", 1000).stdout)
    assert [document["correct"] for document in documents] == [
        (predicted[1] == splits[1].labels).sum(),
        (predicted[0] == splits[1].labels).sum(),
    ]
    for document, name in zip(documents, ("lenet-sgd-2", "lenet-sgd-1"), strict=True):
        assert document["figures"] == [str(figures / name / f) for f in FIGURES]
        assert sorted(path.name for path in (figures / name).iterdir()) == FIGURES
        assert not (out / name / "figures").exists()


def test_keras_file_outside_a_run_is_measured_without_figures(out, predicted, splits):
    path = shutil.copy(out / "lenet-sgd-1" / "model.keras", out / "copy.keras")
    assert "Give --dataset NAME." in refused(ModelFileError, path)
    document = json.loads(invoke(path, "--dataset", "mnist", "--json").stdout)
    assert document["source"] == str(path)
    assert document["correct"] == (predicted[0] == splits[1].labels).sum()
    assert "figures" not in document
    assert sorted(file.name for file in out.iterdir()) == [
        "copy.keras",
        "lenet-sgd-1",
        "lenet-sgd-2",
    ]


def test_keras_file_of_a_run_stands_for_the_run(out):
    path = out / "lenet-sgd-1" / "model.keras"
    document = json.loads(invoke(path, "--json", "--no-figures").stdout)
    assert document["source"] == str(out / "lenet-sgd-1")


def test_wrong_names_and_missing_files_are_one_line(out, tmp_path):
    assert "Did you mean 'lenet-sgd-2'" in refused(
        UnknownNameError, "lenet-sgd2", "--out", out
    )
    message = refused(RunError, tmp_path / "no.keras")
    assert message == (
        f"There is no model file {tmp_path / 'no.keras'}. Give a run, a .tflite, "
        ".onnx, .keras file, a SavedModel folder, or a TFLite Micro folder."
    )
    assert "kerascnn train lenet" in refused(RunError, "--out", tmp_path / "none")


def test_run_without_a_model_is_refused_before_any_work(out, end_run):
    run = Run(out / "lenet-sgd-1")
    (run.path / "metrics.json").unlink()
    assert f"--resume {run.path}" in refused(RunError, "lenet-sgd-1", "--out", out)
    end_run(run, status="diverged", diverged_at_epoch=2)
    assert "in epoch 2" in refused(DivergedError, run.path, "--out", out)


def test_damaged_model_is_one_line(out):
    path = out / "lenet-sgd-1" / "model.keras"
    path.write_bytes(path.read_bytes()[:1000])
    message = refused(RunError, out / "lenet-sgd-1")
    assert message.startswith(f"Cannot load a model from {path}: ")


def test_figures_that_cannot_be_written_are_one_line(out):
    (out / "lenet-sgd-1" / "figures").write_text("a file")
    assert "Cannot write" in refused(RunError, out / "lenet-sgd-1")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--dataset", "mnits"], "Did you mean 'mnist'"),
        (["--figures", "x", "--no-figures"], "not both"),
        (["--batch-size", "0"], "whole number from 1 to 100,000, but got 0"),
        (["lenet-sgd-1", "lenet-sgd-1", "--figures", "x"], "two of these share theirs"),
    ],
)
def test_misuse_is_told(out, arguments, message):
    result = invoke("--out", out, *arguments, code=2)
    assert message in " ".join(result.stderr.split())


def test_help_has_an_example():
    text = invoke("--help").stdout
    assert "Example:\n    kerascnn evaluate\n" in text
