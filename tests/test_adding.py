"""What CONTRIBUTING.md promises: a row and a file, and all commands know the new thing.

Each test adds a row to a table and goes through the commands that a user would call.
"""

import json
import sys

import pytest
from click.testing import CliRunner

from kerascnn.cli import main
from kerascnn.evaluation import METRICS, MetricEntry
from kerascnn.model_files.formats import FORMATS, FormatEntry


@pytest.fixture
def kerascnn(monkeypatch, tmp_path):
    """Run a command line in an empty folder, as a process that has the new row does.

    Commands read their tables when they are imported, so that they are imported anew.
    """
    for name in list(sys.modules):
        if name.startswith("kerascnn.commands."):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        done = CliRunner().invoke(main, [str(value) for value in arguments])
        assert done.exit_code == 0, done.output
        return done.stdout

    return run


@pytest.fixture
def new_module(monkeypatch, tmp_path):
    """Write a module that this process and new ones can import."""
    folder = tmp_path / "modules"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)
    monkeypatch.setenv("PYTHONPATH", str(folder))

    def write(name, text):
        (folder / f"{name}.py").write_text(text)
        monkeypatch.delitem(sys.modules, name, raising=False)

    yield write
    for path in folder.glob("*.py"):
        sys.modules.pop(path.stem, None)


TOY_WRITER = """
def write_toy(model, target, class_names, **_):
    path = target.with_name("toy.keras")
    model.save(path)
    path.rename(target)
"""
TOY_RUNNER = """
import shutil, tempfile
import keras
import numpy as np

class Runner:
    def __init__(self, path, threads):
        with tempfile.TemporaryDirectory() as folder:
            copy = shutil.copy(path, folder + "/toy.keras")
            self.model = keras.models.load_model(copy)
        self.input_shape = self.model.input_shape
        self.output_shape = self.model.output_shape

    def __call__(self, images):
        return np.asarray(self.model(images.astype("float32")))
"""


def test_a_format_is_exported_found_checked_described_and_run(
    kerascnn, new_module, monkeypatch, lenet_run, splits, tmp_path
):
    from PIL import Image

    new_module("toy_writer", TOY_WRITER)
    new_module("toy_runner", TOY_RUNNER)
    row = FormatEntry(
        name="toy",
        target="toy_writer:write_toy",
        title="Toy",
        summary="Keras by another suffix.",
        suffix=".toy",
        runner="toy_runner",
        runtime="keras",
        usage="Run {file} of {model}.\n",
    )
    monkeypatch.setitem(FORMATS, "toy", row)
    assert "|toy]" in kerascnn("export", "--help")
    arguments = ("--format", "toy", "--out", "files", "--limit", 300, "--json")
    [export] = json.loads(kerascnn("export", lenet_run.path, *arguments))
    assert (export["format"], export["path"]) == ("toy", "files/model.toy")
    assert (export["problem"], export["agreement"]) == ("", 1.0)
    card = (tmp_path / "files" / "README.md").read_text()
    assert "| model.toy | 0.2" in card
    assert card.endswith("\n## Toy\n\nRun model.toy of lenet.\n")
    evaluation = json.loads(kerascnn("evaluate", "files/model.toy", "--json"))
    assert evaluation["accuracy"] == pytest.approx(export["accuracy"], abs=0.05)
    Image.fromarray(splits[1].images[0, :, :, 0]).save("digit.png")
    assert "digit.png: 7 " in kerascnn(
        *("predict", "digit.png", "--model", "files/model.toy")
    )
    arguments = ("--batch-size", 4, "--seconds", 0.05, "--limit", 100)
    table = kerascnn(
        *("benchmark", lenet_run.path, "files/model.toy"),
        *(*arguments, "--figure", "figure.png"),
    )
    assert "files/model.toy" in table.splitlines()[2]


KAPPA = '''
def kappa(predictions):
    """Cohen's kappa: agreement with the labels, beyond that by chance."""
    matrix = predictions.confusion_matrix / len(predictions.labels)
    chance = matrix.sum(axis=0) @ matrix.sum(axis=1)
    return (matrix.trace() - chance) / (1 - chance)
'''


def test_a_metric_is_in_the_table_and_in_json(
    kerascnn, new_module, monkeypatch, lenet_run, splits
):
    from sklearn.metrics import cohen_kappa_score

    from kerascnn.evaluation.evaluate import evaluate_run

    new_module("toy_metric", KAPPA)
    row = MetricEntry(
        name="kappa",
        target="toy_metric:kappa",
        title="Cohen's kappa",
        summary="Agreement beyond chance.",
        format=".3f",
    )
    monkeypatch.setitem(METRICS, "kappa", row)
    text = kerascnn("evaluate", lenet_run.path, "--no-figures")
    document = json.loads(
        kerascnn("evaluate", lenet_run.path, "--no-figures", "--json")
    )
    predicted = evaluate_run(lenet_run).probabilities.argmax(axis=1)
    expected = cohen_kappa_score(splits[1].labels, predicted)
    assert document["kappa"] == pytest.approx(expected)
    assert f"Cohen's kappa               {expected:.3f}" in text.splitlines()
