"""What CONTRIBUTING.md promises: a row and a file, and all commands know the new thing.

Each test adds a row to a table and goes through the commands that a user would call.
"""

import json
import sys
from pathlib import Path
from types import ModuleType

import click
import pytest
from click.testing import CliRunner

from kerascnn.cli import COMMANDS, main
from kerascnn.data import DATASETS, DatasetEntry
from kerascnn.data.augmentations import AUGMENTATIONS
from kerascnn.evaluation import METRICS, MetricEntry
from kerascnn.model_files.formats import FORMATS, FormatEntry
from kerascnn.models import MODELS, Cost, ModelEntry
from kerascnn.registry import Entry, load_target
from kerascnn.runs.folder import Run
from kerascnn.settings.optimizers import OPTIMIZERS, OptimizerEntry
from kerascnn.settings.schedules import SCHEDULES


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


@pytest.mark.slow
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
    arguments = ("--format", "toy", "--to", "files", "--limit", 300, "--json")
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


TINY = """
import keras

def build_tiny(input_shape, num_classes, *, units=16):
    inputs = keras.Input(input_shape)
    x = keras.layers.Flatten()(inputs)
    x = keras.layers.Dense(units, "relu")(x)
    outputs = keras.layers.Dense(num_classes, "softmax", name="predictions")(x)
    return keras.Model(inputs, outputs, name="tiny")
"""
TRAIN = ("--epochs", 1, "--limit", 640, "--device", "cpu", "--json")


def test_a_network_is_listed_trained_evaluated_and_compared(
    kerascnn, new_module, monkeypatch
):
    new_module("toy_network", TINY)
    cost = Cost((28, 28, 1), 10, 12_730, 12_730, 12_704)
    row = ModelEntry(
        name="tiny",
        target="toy_network:build_tiny",
        title="Tiny",
        summary="One hidden layer.",
        min_size=4,
        reference="none",
        options=("units",),
        paper_cost=cost,
        small_cost=cost,
    )
    monkeypatch.setitem(MODELS, "tiny", row)
    assert "tiny " in kerascnn("models")
    trained = json.loads(kerascnn("train", "tiny", *TRAIN))
    assert trained["run"] == "saved_models/tiny-sgd-1"
    assert trained["settings"]["learning_rate"] == OPTIMIZERS["sgd"].learning_rate
    evaluation = json.loads(kerascnn("evaluate", "tiny-sgd-1", "--json"))
    assert evaluation["accuracy"] == pytest.approx(trained["test_accuracy"])
    assert "train tiny " in kerascnn("compare", "tiny", "--plan", "--out", "all")
    card = Path("saved_models/tiny-sgd-1/README.md").read_text()
    assert "Tiny (none), trained by kerascnn on mnist." in " ".join(card.split())


def test_an_optimizer_is_listed_used_and_compared(kerascnn, monkeypatch):
    row = OptimizerEntry(
        name="plain",
        target="keras.optimizers:SGD",
        summary="Gradient descent.",
        learning_rate=0.125,
        options={"nesterov": False},
    )
    monkeypatch.setitem(OPTIMIZERS, "plain", row)
    assert "plain " in kerascnn("optimizers")
    trained = json.loads(kerascnn("train", "lenet", "--optimizer", "plain", *TRAIN))
    assert trained["run"] == "saved_models/lenet-plain-1"
    assert trained["settings"]["learning_rate"] == 0.125
    plan = kerascnn(
        *("compare", "lenet", "--optimizer", "sgd", "--optimizer", "plain"),
        *("--plan", "--out", "two"),
    )
    assert "--optimizer plain" in plan


STRIPES = """
import numpy as np
from kerascnn.data import Split

def load_stripes(entry, split):
    random = np.random.default_rng(len(split))
    number = entry.num_train if split == "train" else entry.num_test
    labels = np.arange(number) % 3
    images = random.integers(0, 60, (number, *entry.image_shape), dtype=np.uint8)
    for index, label in enumerate(labels):
        images[index, label * 5 : label * 5 + 5] += 150
    return Split(images=images, labels=labels, class_names=entry.class_names)
"""


@pytest.mark.slow
def test_a_data_set_is_listed_trained_on_evaluated_and_predicted(
    kerascnn, new_module, monkeypatch
):
    from PIL import Image

    new_module("toy_data", STRIPES)
    row = DatasetEntry(
        name="stripes",
        target="toy_data:load_stripes",
        summary="A bright stripe, at one of three heights.",
        image_shape=(16, 16, 3),
        class_names=("top", "middle", "bottom"),
        num_train=900,
        num_test=91,
        background=None,
        license="none",
        reference="none",
    )
    monkeypatch.setitem(DATASETS, "stripes", row)
    assert "16x16x3" in kerascnn("datasets")
    arguments = ("--epochs", 3, "--device", "cpu", "--json")
    trained = json.loads(kerascnn("train", "lenet", "--dataset", "stripes", *arguments))
    assert trained["test_accuracy"] > 0.9
    evaluation = json.loads(kerascnn("evaluate", "--json"))
    assert evaluation["images"] == 91
    assert sum(map(sum, evaluation["confusion_matrix"])) == 91
    assert list(evaluation["top_k"]) == ["1", "2", "3"]
    test = row.load()(row, "test")
    Image.fromarray(test.images[1]).save("picture.png")
    assert "picture.png: middle " in kerascnn("predict", "picture.png")
    [export] = json.loads(kerascnn("export", "--format", "tflite", "--json"))
    assert export["problem"] == ""


def test_a_schedule_is_a_function_in_its_table(kerascnn, monkeypatch):
    monkeypatch.setitem(SCHEDULES, "half", lambda progress: 1 - progress / 2)
    kerascnn("train", "lenet", "--schedule", "half", "--learning-rate", 0.01, *TRAIN)
    [row] = Run(Path("saved_models/lenet-sgd-1")).epochs
    assert 0.005 <= row["learning_rate"] <= 0.01


TOY_AUGMENTATION = """
import tensorflow as tf

def darken(images, seed, place):
    return tf.zeros_like(images, tf.float32)
"""


def test_an_augmentation_is_a_function_and_a_row(kerascnn, new_module, monkeypatch):
    new_module("toy_augmentation", TOY_AUGMENTATION)
    target = "toy_augmentation:darken"
    row = Entry(name="dark", target=target, summary="Black images.")
    monkeypatch.setitem(AUGMENTATIONS, "dark", row)
    assert "dark" in " ".join(kerascnn("train", "--help").split())
    words = ("lenet", "--augment", "dark", *TRAIN)
    assert json.loads(kerascnn("train", *words))["settings"]["augment"] == "dark"
    # All images are the same to the network, which can but learn how many there are.
    losses = [row["loss"] for row in Run(Path("saved_models/lenet-sgd-1")).steps]
    assert min(losses) > 1.9


TOY_WAY = """
from keras import layers

class LoudDense(layers.Dense):
    def call(self, inputs, training=None):
        return super().call(inputs)
"""


def test_a_way_to_compute_a_layer_is_a_class_and_a_row(
    kerascnn, new_module, monkeypatch
):
    from keras import layers

    new_module("toy_way", TOY_WAY)
    from kerascnn.fast.ways import WAYS, Way

    row = Way(
        kind=layers.Dense,
        exchange=load_target("toy_way:LoudDense"),
        suits=lambda layer: True,
        gains=lambda layer, limits: layer.units > 100,
    )
    monkeypatch.setitem(WAYS, "loud", row)
    kerascnn("train", "lenet", *TRAIN)
    first = Run(Path("saved_models/lenet-sgd-1"))
    assert first.computation.layer_plan["fc1_dense"] == "loud"
    kerascnn("train", "lenet", "--computed-as", first.path, *TRAIN)
    second = Run(Path("saved_models/lenet-sgd-2"))
    assert second.computation.layer_plan == first.computation.layer_plan


def test_a_command_is_a_line_and_a_module(kerascnn, monkeypatch):
    module = ModuleType("kerascnn.commands.hello")
    module.hello = click.Command("hello", callback=lambda: click.echo("Hello."))
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setitem(COMMANDS, "hello", "Greet.")
    assert "hello       Greet." in kerascnn("--help")
    assert kerascnn("hello") == "Hello.\n"
