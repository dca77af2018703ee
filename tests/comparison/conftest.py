"""Comparisons with made-up outcomes: files as `kerascnn train` writes them."""

import os
import subprocess
import sys
from dataclasses import replace
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import kerascnn
from kerascnn.comparison import claims
from kerascnn.comparison.final_test import join_labels
from kerascnn.comparison.folder import open_comparison
from kerascnn.comparison.plan import FINAL, choose
from kerascnn.data import load_split
from kerascnn.runs.folder import Run
from kerascnn.runs.metrics import RunMetrics
from kerascnn.settings.config_file import ConfigFile
from kerascnn.settings.recipes import RECIPES

ENVIRONMENT = {
    "kerascnn": "0.1.0",
    "python": "3.11.7",
    "packages": {"keras": "3.15.1"},
    "processor": "A <fast> one & more",
    "cores": 2,
    "settings": {"TF_ENABLE_ONEDNN_OPTS": {"value": "1", "set_by": "kerascnn"}},
    "command": ["kerascnn", "train"],
    "started_at": "2026-11-24T00:00:00+00:00",
    "devices": ["CPU:0"],
}


@pytest.fixture
def start():
    """Start a Python process; those that are left are killed in the end."""
    path = {"PYTHONPATH": str(Path(kerascnn.__file__).parents[1])}
    started = []

    def begin(*words, variables=(), **options):
        process = subprocess.Popen(
            [sys.executable, *map(str, words)],
            env=os.environ | path | dict(variables),
            text=True,
            **options,
        )
        started.append(process)
        return process

    yield begin
    for process in started:
        with process:  # closes its pipes
            process.kill()


@pytest.fixture(scope="module", autouse=True)
def rates():
    """The rates that the tests count on, whatever the recipe comes to say."""
    recipe = replace(RECIPES["lenet"], learning_rates={"sgd": 0.05, "adagrad": 0.05})
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(RECIPES, "lenet", recipe)
        yield


@pytest.fixture(scope="module", autouse=True)
def fewer_draws():
    """Bootstrap intervals of fewer draws, which the tests look at one by one anyway."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(claims, "RULES", replace(claims.RULES, bootstrap_draws=200))
        yield


def history_of(epochs, accuracy):
    """Epochs that come nearer to an accuracy, each by half of the way, in 2 s."""
    return [
        {
            "epoch": epoch,
            "loss": 0.5 / epoch,
            "accuracy": accuracy - 0.1 / 2**epoch,
            "validation_loss": 0.6 / epoch,
            "validation_accuracy": accuracy - 0.1 / 2**epoch,
            "learning_rate": 0.01,
            "seconds": 2.0,
            "images_per_second": 100.0,
        }
        for epoch in range(1, epochs + 1)
    ]


@cache
def test_labels():
    return load_split("mnist", "test").labels


test_labels.__test__ = False  # no test, whatever its name


def predict(correct):
    """Predictions of the test images, so many of which are correct: the last ones."""
    labels = test_labels()
    wrong = len(labels) - correct
    return np.where(np.arange(len(labels)) < wrong, (labels + 1) % 10, labels)


def write_run(out, planned, *, status="finished", accuracy=0.9, test=0.9, seconds=2.0):
    """Write the files of a run, with four steps an epoch.

    Args:
        accuracy: On the validation images, at the end.
        test: Of the predictions that a final run stores.
    """
    config = planned.config.resolve()
    epochs = config.epochs if status == "finished" else config.epochs - 1
    history = history_of(epochs, accuracy)
    for row in history:
        row["seconds"] = seconds
    if history:
        history[-1]["validation_accuracy"] = accuracy
    run = Run(out / planned.name)
    run.write_text("config.json", ConfigFile(planned.config, config).to_json())
    run.write_json("environment.json", ENVIRONMENT)
    run.write_csv("history.csv", history)
    run.write_csv(
        "steps.csv",
        [
            {
                "step": step,
                "epoch": (step - 1) // 4 + 1,
                "loss": 2 / step,
                "accuracy": 1 - 1 / (step + 1),
                "learning_rate": 0.01,
            }
            for step in range(1, 4 * config.epochs + 1)
        ],
    )
    last = history[-1] if history else {}
    metrics = RunMetrics(
        status=status,
        finished_at="2026-01-01T00:00:00+00:00",
        diverged_at_epoch=None if status == "finished" else epochs + 1,
        epochs=epochs,
        steps=4 * epochs,
        training_images=54_000,
        validation_images=6_000,
        parameters=61_706,
        seconds=epochs * seconds,
        images_per_second=100.0,
        training_loss=last.get("loss"),
        training_accuracy=last.get("accuracy"),
        validation_loss=last.get("validation_loss"),
        validation_accuracy=last.get("validation_accuracy"),
    )
    run.write_json("metrics.json", metrics.to_dict())
    if status == "finished":
        run.model_path.write_bytes(b"a model")
        if planned.stage == FINAL:
            run.write_predictions(predict(round(10_000 * test)))
    return run


def do_runs(
    folder,
    validation=lambda run: 0.9,
    status=lambda run: "finished",
    test=lambda run: 0.9,
):
    """Do the runs that are left, stage by stage, each with the outcome given."""
    while left := folder.left():
        for run in left:
            write_run(
                folder.runs_path,
                run,
                status=status(run),
                accuracy=validation(run),
                test=test(run) if run.stage == FINAL else None,
            )


def inside(run):
    """A validation accuracy that is best at the recipe's rate."""
    recipe = {"lenet": 0.05}.get(run.config.model)
    return 0.95 if run.config.learning_rate == recipe else 0.9


def join(folder):
    """Choose, and join the labels."""
    rates = choose(folder.protocol, folder.outcomes())
    folder.write_json("chosen.json", {"rates": rates})
    join_labels(folder)


def functions(folder):
    """The functions above, and one that opens a comparison with some settings."""

    def make(name="comparison", **settings):
        given = {"models": ("lenet",), "epochs": 3, "seeds": 3, "trials": 3}
        return open_comparison(folder / name, given | settings)

    return SimpleNamespace(
        make=make,
        do_runs=do_runs,
        join=join,
        write_run=write_run,
        predict=predict,
        inside=inside,
    )


@pytest.fixture
def made(tmp_path):
    """What makes a comparison up, in a folder of the test."""
    return functions(tmp_path)


@pytest.fixture(scope="module")
def made_once(tmp_path_factory):
    """The same for all tests of a file."""
    return functions(tmp_path_factory.mktemp("made"))
