"""`kerascnn train`: settings from options and files, and what it prints."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner

from kerascnn import api
from kerascnn.cli import main
from kerascnn.commands.train import TOGETHER, train
from kerascnn.runs.folder import Run
from kerascnn.settings.config import TrainConfig

FAST = ["--limit", "640", "--epochs", "1", "--no-test", "--validation-fraction", "0.01"]


def run(*arguments):
    return CliRunner().invoke(main, ["train", *arguments], prog_name="kerascnn")


def said(result):
    """Standard error, but for the line on threads that another test began with."""
    lines = result.stderr.splitlines()
    return [line for line in lines if not line.startswith("TensorFlow keeps")]


def test_options_are_the_settings():
    own = {"config_file", "computed_as", "name", "resume", "out", "as_json"}
    own |= {"no_augment", *TOGETHER}
    assert {param.name for param in train.params} - own == set(
        TrainConfig(model="lenet").to_dict()
    )


@pytest.fixture
def trained(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return run(
        *("lenet", "--optimizer", "adamw", "--optimizer-option", "weight_decay=0.01"),
        *("--seed", "3", "--augment", "--json", *FAST),
    )


def test_json_is_all_of_standard_output(trained, tmp_path):
    assert trained.exit_code == 0, trained.stderr
    document = json.loads(trained.stdout)
    assert document["run"] == "saved_models/lenet-adamw-1"
    assert document["settings"]["optimizer_options"] == {"weight_decay": 0.01}
    assert document["settings"]["seed"] == 3
    assert document["settings"]["augment"] == "auto"
    assert document["status"] == "finished"
    assert document["steps"] == 10
    assert "test_accuracy" not in document
    saved = json.loads((tmp_path / document["run"] / "metrics.json").read_text())
    assert document["training_accuracy"] == saved["training_accuracy"]


def test_progress_is_one_line_an_epoch_without_a_terminal(trained):
    augmented, first, epoch = said(trained)
    assert augmented == (
        "Training images of mnist are augmented as digits: shifted and turned a little."
    )
    assert first.startswith("saved_models/lenet-adamw-1: lenet on 640 images of mnist")
    assert re.fullmatch(
        r"epoch 1/1  loss \d+\.\d{4}  accuracy \d+\.\d\d%  validation loss "
        r"\d+\.\d{4}  validation accuracy \d+\.\d\d%  [\d,]+ images/s  .* s",
        epoch,
    )


def test_config_of_a_run_repeats_it_and_options_win(trained, tmp_path):
    config = tmp_path / "saved_models" / "lenet-adamw-1" / "config.json"
    result = run("--config", str(config), "--no-augment", "--name", "again")
    assert result.exit_code == 0, result.stderr
    assert re.fullmatch(
        r"saved_models/again: training accuracy \d+\.\d\d%\n", result.stdout
    )
    first, again = (
        Run(config.parent.parent / name) for name in ("lenet-adamw-1", "again")
    )
    assert again.settings == replace(first.settings, augment="none")
    assert again.config == replace(first.config, augment="none")


def test_resume_takes_more_epochs_and_no_other_option(trained):
    result = run("--resume", "lenet-adamw-1", "--epochs", "2", "--json")
    assert result.exit_code == 0, result.stderr
    assert "goes on to 2 from the weights of its model" in result.stderr
    document = json.loads(result.stdout)
    assert (document["epochs"], document["settings"]["epochs"]) == (2, 2)
    result = run("--resume", "lenet-adamw-1", "--epochs", "1")
    assert result.exit_code == 1
    assert "done or begun 2 epochs already" in result.stderr
    result = run("--resume", "lenet-adamw-1", "--epochs", "3", "--seed", "1")
    assert result.exit_code == 2
    assert "leave out MODEL and the other options but --epochs" in result.stderr


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ({"class_imbalance": 2.9}, "test accuracy 91.20%"),
        ({"class_imbalance": 3}, "test macro-F1 0.8312, accuracy 91.20%"),
        ({}, "test accuracy 91.20%"),
        (
            {"class_imbalance": 8, "test_accuracy": None, "test_f1": None},
            "validation macro-F1 0.7500, accuracy 90.00%",
        ),
        (
            {"class_imbalance": 1, "test_accuracy": None, "test_f1": None},
            "training accuracy 99.00%",
        ),
        (
            {
                "class_imbalance": None,
                **dict.fromkeys(("test_accuracy", "test_f1", "validation_accuracy")),
            },
            "training accuracy 99.00%",
        ),
    ],
    ids=str,
)
def test_mean_f1_is_told_first_where_classes_are_imbalanced(
    given, line, tmp_path, monkeypatch, end_run
):
    made = Run(tmp_path / "run")
    made.path.mkdir()
    measured = {"test_accuracy": 0.912, "test_f1": 0.83121, "training_accuracy": 0.99}
    measured |= {"validation_accuracy": 0.9, "validation_f1": 0.75}
    end_run(made, **measured | given)
    monkeypatch.setattr(api, "train", lambda *_, **__: made)
    assert run("lenet").stdout == f"{made.path}: {line}\n"


def test_augment_and_no_augment_are_one_too_many():
    result = run("lenet", "--augment", "--no-augment")
    assert result.exit_code == 2
    assert "Give --augment or --no-augment, not both." in result.stderr


def test_resume_of_a_finished_run_says_so(trained):
    result = run("--resume", "lenet-adamw-1", "--json")
    assert result.exit_code == 0
    assert "has finished already" in result.stderr
    assert json.loads(result.stdout) == json.loads(trained.stdout)


@pytest.mark.slow
def test_options_of_the_network_reach_it_and_its_card(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    options = ("--model-option", "alpha=0.25", "--model-option", "dropout=0.3")
    result = run("mobilenet", *options, *FAST, "--limit", "64", "--json")
    assert result.exit_code == 0, result.stderr
    document = json.loads(result.stdout)
    assert document["settings"]["model_options"] == {"alpha": 0.25, "dropout": 0.3}
    assert document["parameters"] < 250_000  # of 3.2 million
    made = Run(tmp_path / document["run"])
    assert made.config.model_options == {"alpha": 0.25, "dropout": 0.3}
    card = (made.path / "README.md").read_text()
    assert "MobileNet v1 with alpha=0.25, dropout=0.3 (Howard" in card


def test_output_folder_that_cannot_be_made_is_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    result = run("lenet", "--out", str(tmp_path / "file" / "runs"), *FAST)
    assert result.exit_code == 1
    (line,) = said(result)
    assert re.fullmatch(r"Error: Cannot write .*--out.*", line)


def test_folder_of_pictures_is_trained_on_and_evaluated(digit_folder, tmp_path):
    shared = ["--out", str(tmp_path / "runs")]
    done = run(
        *("lenet", "--data", digit_folder, "--group-by", "^(...)", "--epochs", "2"),
        *("--resize", "crop", "--test-fraction", "0.25", "--json", *shared),
    )
    assert done.exit_code == 0, done.stderr
    found, chosen, start, *epochs = said(done)
    counts = re.fullmatch(
        r"numbers: 240 gray pictures of 3 classes; (\d+) to train on, (\d+) \(held "
        r"out, seed 0\) for validation, (\d+) \(held out, seed 0\) for the test",
        found,
    )
    assert sum(map(int, counts.groups())) == 240
    assert chosen == (
        "Chosen for these pictures: 28 pixels a side, the paper stem, batches of 16"
    )
    assert f"lenet on {counts[1]} images of numbers" in start
    assert len(epochs) == 2
    document = json.loads(done.stdout)
    assert document["settings"]["dataset"] == digit_folder
    assert document["settings"]["group_by"] == "^(...)"
    assert document["test_accuracy"] > 0.5
    trained = Run(tmp_path / "runs" / "lenet-sgd-1")
    assert trained.dataset.counts == dict(
        zip(("train", "validation", "test"), map(int, counts.groups()), strict=True)
    )
    # The same folder, so that it is the same test part.
    command = ["evaluate", "lenet-sgd-1", "--dataset", f"{digit_folder}/.", "--json"]
    again = CliRunner().invoke(main, [*command, *shared], prog_name="kerascnn")
    evaluated = json.loads(again.stdout)
    assert evaluated["accuracy"] == document["test_accuracy"]
    assert evaluated["images"] == int(counts[3])


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("--dataset", "none"), 2, "There is no dataset 'none'. Choose from: mnist,"),
        (("--dataset", "./none"), 2, "There is no folder '"),
        (("--data", "./file.png"), 2, "file.png' is no folder. Name one."),
        (("--data", "two\nlines/x"), 2, "two\\nlines/x'"),
        (
            ("--data", "tfds:../x"),
            2,
            "is no name of tensorflow-datasets. Give one such",
        ),
        (("--data", "empty"), 1, "empty holds no folder of a class. Make a folder for"),
        (("--data", "one"), 1, "one holds only the class 'a'. Make a folder for each"),
        (
            ("--data", "hollow"),
            1,
            "hollow has no picture of the class 'a' to train on.",
        ),
        (("--data", "broken"), 1, "None of the pictures of the class 'a' in "),
        (("--data", "few"), 1, "Holding out 0.2 of 2 images leaves one part empty."),
        (
            ("--data", "empty", "--group-by", "("),
            1,
            "group_by has to be a regular expr",
        ),
        (("--data", "empty", "--group-by", "x*"), 1, "matches an empty name as well."),
        (
            ("--data", "empty", "--test-fraction", "1"),
            1,
            "a number in (0, 1), but got 1",
        ),
        (
            ("--data", "empty", "--resize", "squash"),
            2,
            "Choose from: pad, crop, stretch.",
        ),
    ],
)
def test_what_cannot_be_trained_on_is_one_line(
    arguments, code, words, tmp_path, monkeypatch, write_pictures
):
    monkeypatch.chdir(tmp_path)
    pixels = np.zeros((4, 4), np.uint8)
    for folder in ("empty", "one/a", "hollow/a", "hollow/b", "broken/a"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "file.png").touch()
    for place in range(9):
        (tmp_path / "broken" / "a" / f"{place}.png").write_text("no picture")
    names = ["broken/b/1.png", "broken/b/2.png", "few/a/1.png", "few/b/1.png"]
    write_pictures(tmp_path, **dict.fromkeys(names, pixels))
    result = run("lenet", *arguments)
    assert result.exit_code == code
    assert words in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert not (tmp_path / "saved_models").exists()
