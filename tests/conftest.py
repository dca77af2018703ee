"""What several test files share."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import kerascnn
from kerascnn.data.cache import VARIABLE
from kerascnn.machine.gpus import HIDDEN
from kerascnn.machine.tensorflow import configure

configure()  # as the command line does, before a test imports TensorFlow

PACKAGE = Path(kerascnn.__file__).parent


def pytest_configure(config):
    """Test on the processor, whatever there is: GPUs are for `-m gpu` alone."""
    if "gpu" not in config.option.markexpr.replace("not gpu", ""):
        os.environ.update(HIDDEN)


def pytest_report_header():
    """Say which kerascnn is tested: `pytest` takes the installed one."""
    return f"kerascnn: {PACKAGE}"


@pytest.fixture(autouse=True, scope="session")
def cache_dir(tmp_path_factory):
    """Pictures that are read are kept here, and not in the user's folders."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(VARIABLE, str(folder))
        yield folder


@pytest.fixture
def run_python(tmp_path):
    """Run Python on some arguments in a new process, with the kerascnn under test.

    It starts in an empty folder, with the environment of the tests and `variables`; a
    variable that is `None` is taken away.
    """

    def run(*arguments, **variables):
        changed = os.environ | {"PYTHONPATH": str(PACKAGE.parent)} | variables
        return subprocess.run(
            [sys.executable, "-P", *arguments],
            cwd=tmp_path,
            env={name: value for name, value in changed.items() if value is not None},
            capture_output=True,
            text=True,
            timeout=120,
        )

    return run


@pytest.fixture(scope="session")
def parse_command():
    """Parse the words of a call as the command line does, and run nothing."""
    import click

    from kerascnn.cli import main

    def parse(name, *arguments):
        command = main.get_command(click.Context(main), name)
        assert command is not None, name
        with command.make_context(name, list(arguments)) as context:
            assert context.params

    return parse


@pytest.fixture
def write_pictures():
    """Write pictures into a folder: by their names, pixels `(height, width[, 3])`."""
    from PIL import Image

    def write(root, **pictures):
        for name, pixels in pictures.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(path)
        return str(root)

    return write


@pytest.fixture(scope="session")
def digit_folder(splits, tmp_path_factory):
    """A folder of 240 digits, zeros and ones and twos, 28x28 gray PNG."""
    from PIL import Image

    root = tmp_path_factory.mktemp("digits") / "numbers"
    train, _ = splits
    for label in range(3):
        (root / str(label)).mkdir(parents=True)
        for place in (train.labels == label).nonzero()[0][:80]:
            image = Image.fromarray(train.images[place, ..., 0])
            image.save(root / str(label) / f"{place:05}.png")
    return str(root)


@pytest.fixture(scope="session")
def splits():
    """The training and the test images of MNIST."""
    from kerascnn.data import load_dataset

    return load_dataset("mnist")


@pytest.fixture
def only_split(monkeypatch):
    """Leave one split of MNIST alone: reading the other would be an error."""
    from kerascnn.data import idx

    def leave(split):
        monkeypatch.setattr(idx, "SPLITS", {split: idx.SPLITS[split]})

    return leave


@pytest.fixture(scope="session")
def lenet(splits):
    """A LeNet that has seen a few thousand digits: mostly right, not always."""
    import keras

    from kerascnn.models.build import build_model

    train, _ = splits
    keras.utils.set_random_seed(0)
    model = build_model("lenet", (28, 28, 1), 10)
    model.compile(keras.optimizers.Adam(0.002), "sparse_categorical_crossentropy")
    for start in range(0, 60 * 64, 64):
        batch = slice(start, start + 64)
        model.train_on_batch(train.images[batch], train.labels[batch])
    return model


@pytest.fixture(scope="session")
def end_run():
    """Write how a run ended: the metrics of LeNet on MNIST, but for what is given."""
    from kerascnn.runs.metrics import RunMetrics

    def end(run, **given):
        metrics = RunMetrics(
            **{
                "status": "finished",
                "finished_at": "2026-01-01T00:00:00+00:00",
                "epochs": 10,
                "steps": 8430,
                "training_images": 54_000,
                "validation_images": 6_000,
                "parameters": 61_706,
                "seconds": 60.0,
            }
            | given
        )
        run.write_json("metrics.json", metrics.to_dict())
        return metrics

    return end


@pytest.fixture(scope="session")
def lenet_run(lenet, end_run, tmp_path_factory):
    """A finished run of that LeNet. Tests do not write into it."""
    from kerascnn.data.facts import DatasetFacts
    from kerascnn.runs.folder import Run
    from kerascnn.settings.config import TrainConfig
    from kerascnn.settings.config_file import ConfigFile

    run = Run(tmp_path_factory.mktemp("runs") / "lenet-sgd-1")
    run.path.mkdir()
    config = TrainConfig(model="lenet")
    run.write_text("config.json", ConfigFile(config, config.resolve()).to_json())
    run.write_json("dataset.json", DatasetFacts.from_table("mnist").to_dict())
    lenet.save(run.model_path)
    end_run(run)
    return run


@pytest.fixture(scope="session")
def exported(lenet, splits, tmp_path_factory):
    """That LeNet in every format but Keras's, converted in this process."""
    import json

    from kerascnn.data.facts import DatasetFacts
    from kerascnn.model_files.formats import FORMATS

    folder = tmp_path_factory.mktemp("export")
    train, test = splits
    jobs = [("saved-model", "none"), ("tflite", "none"), ("tflite", "int8")]
    for format, quantization in jobs:
        row = FORMATS[format]
        path = folder / row.file_name(quantization)
        path.parent.mkdir(exist_ok=True)
        options = {"quantization": quantization, "images": train.images[:200]}
        row.load()(lenet, path, test.class_names, **options)
    report = {"dataset": DatasetFacts.from_table("mnist").to_dict()}
    (folder / "export.json").write_text(json.dumps(report))
    return folder


@pytest.fixture(scope="session")
def picture_folder(splits, tmp_path_factory):
    """Sixty digits as pictures, a folder a class. Tests do not write into it."""
    from PIL import Image

    train, _ = splits
    folder = tmp_path_factory.mktemp("pictures") / "digits"
    for label, name in enumerate(("none <0>", "one", "two")):
        (folder / name).mkdir(parents=True)
        for place in (train.labels == label).nonzero()[0][:20]:
            image = Image.fromarray(train.images[place].squeeze(2))
            image.resize((40, 40)).save(folder / name / f"{place}_#.png")
    return folder


@pytest.fixture(scope="session")
def picture_run(picture_folder, tmp_path_factory):
    """A run of LeNet on that folder. Tests do not write into it."""
    from kerascnn.settings.config import TrainConfig
    from kerascnn.training.train import train_model

    config = TrainConfig(model="lenet", dataset=str(picture_folder), epochs=12)
    return train_model(config, tmp_path_factory.mktemp("runs"))


@pytest.fixture
def awkward_names():
    """Ten names that fonts, TeX and the edges of a figure have trouble with."""
    return [
        r"$\foo$",
        "$x_1$ and $x^2",
        r"a_b\c%d",
        "$",
        "数字",
        "हिन्दी",
        "شكر",
        "x" * 300,
        "W" * 300,
        "two\nlines\x1b[0m\udcff",
    ]


@pytest.fixture
def assert_whole():
    """Fails where something of a figure is beyond its edges."""

    def check(figure):
        figure.draw_without_rendering()
        box = figure.get_tightbbox()
        width, height = figure.get_size_inches()
        assert min(box.x0, box.y0) >= 0, figure.get_suptitle()
        assert box.x1 <= width, figure.get_suptitle()
        assert box.y1 <= height, figure.get_suptitle()

    return check
