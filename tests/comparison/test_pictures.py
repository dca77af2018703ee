"""Comparisons on a folder of pictures: the plan, the labels, and a whole one."""

import json
import shutil

import numpy as np
import pytest

from kerascnn import api
from kerascnn.comparison.config import CompareConfig, Protocol
from kerascnn.comparison.final_test import LABELS_NAME, join_labels
from kerascnn.data.stored import open_pictures
from kerascnn.errors import ConfigError, DatasetError, RunError
from kerascnn.settings.config import reading_of
from kerascnn.training.images import load_splits


@pytest.fixture
def pictures(picture_folder, tmp_path):
    """A copy of the folder, with a file that is no picture."""
    folder = shutil.copytree(picture_folder, tmp_path / "digits")
    (folder / "one" / "0_broken.png").write_text("no picture")
    return folder


def test_plan_has_all_that_the_recipe_makes_of_the_pictures(pictures):
    given = {"models": ("lenet", "mobilenet"), "dataset": str(pictures)}
    protocol = CompareConfig(**given, preset="quick", group_by="^(.)").resolve()
    assert protocol.dataset == str(pictures)
    lenet, mobilenet = protocol.networks.values()
    assert lenet.settings == {
        "image_size": 28,
        "stem": "paper",
        "batch_size": 16,
        "schedule": "constant",
        "warmup_epochs": 0.0,
        "resize": "pad",
        "group_by": "^(.)",
        "test_fraction": 0.2,
    }
    assert lenet.centres == {"sgd": 0.05 / 4, "adagrad": 0.05 / 4}
    assert lenet.budget.limit == mobilenet.budget.limit == 44
    assert mobilenet.settings["image_size"] == 64
    again = Protocol.from_dict(json.loads(protocol.to_json()), "a file")
    assert again.digest() == protocol.digest()
    plain = CompareConfig(models=("lenet",)).resolve()
    assert "resize" not in plain.networks["lenet"].settings


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"resize": "pad"}, "resize is for pictures, and mnist leaves no choice"),
        ({"resize": "fill"}, "no resize 'fill'"),
        ({"group_by": "("}, "group_by has to be a regular expression"),
        ({"group_by": 3}, "group_by has to be a regular expression, but got 3"),
        ({"test_fraction": 1}, "test_fraction has to be"),
        ({"test_fraction": "x"}, "test_fraction has to be"),
    ],
)
def test_reading_that_cannot_be_is_one_line(given, message):
    with pytest.raises((ConfigError, LookupError), match=message) as caught:
        CompareConfig(**given)
    assert "\n" not in str(caught.value)


def test_folder_that_is_gone_is_one_line(tmp_path):
    config = CompareConfig(models=("lenet",), dataset=str(tmp_path / "gone"))
    with pytest.raises(DatasetError, match="There is no folder"):
        config.resolve()


def test_small_limits_are_for_the_recipe_of_pictures(pictures):
    config = CompareConfig(models=("lenet",), dataset=str(pictures), limit=20)
    network = config.resolve().networks["lenet"]
    assert (network.budget.limit, network.budget.tuning_limit) == (20, 20)
    assert network.settings["batch_size"] == 16


@pytest.fixture
def trained(made, pictures):
    """Made-up runs of two networks, each correct on all test pictures but one."""
    given = {"dataset": str(pictures), "group_by": r"^\d*(\d\d)_"}
    given |= {"seeds": 2, "epochs": 1, "tune": False, "trials": None}
    folder = made.make(models=("lenet", "alexnet"), **given)
    for planned in folder.planned():
        run = made.write_run(folder.runs_path, planned)
        settings = planned.config.resolve()
        _, _, facts = load_splits(settings)
        run.write_json("dataset.json", facts.to_dict())
        opened = open_pictures(settings.dataset, reading_of(settings))
        labels = opened.part("test").labels
        assert opened.stored.left_out.keys() == {"one/0_broken.png"}
        predicted = np.where(np.arange(len(labels)), labels, (labels + 1) % 3)
        run.write_predictions(predicted)
    rates = {m: dict(n.centres) for m, n in folder.protocol.networks.items()}
    folder.write_json("chosen.json", {"rates": rates})
    return folder


def test_labels_are_those_that_networks_of_all_sizes_predict(trained):
    sizes = {n.settings["image_size"] for n in trained.protocol.networks.values()}
    assert sizes == {28, 64}
    join_labels(trained)
    test = json.loads((trained.path / "test.json").read_text())
    labels = np.load(trained.path / LABELS_NAME)
    assert test["images"] == len(labels) > 5
    assert set(labels) == {0, 1, 2}
    assert [row["correct"] for row in test["runs"].values()] == [len(labels) - 1] * 8


def test_pictures_that_changed_since_are_found(trained, pictures, picture_folder):
    other = next((picture_folder / "two").iterdir())
    for path in pictures.glob("*/*_#.png"):
        shutil.copy(other, path)
    with pytest.raises(DatasetError, match="not those of the training"):
        join_labels(trained)
    assert not (trained.path / "test.json").exists()


def test_runs_of_other_test_pictures_are_found(trained):
    run = trained.run(trained.planned()[0])
    changed = {"test_fraction": 0.4, "test_sha256": None}
    run.write_json("dataset.json", run.dataset.to_dict() | changed)
    with pytest.raises(RunError, match="predicted other test pictures than"):
        join_labels(trained)


@pytest.mark.slow
def test_comparison_of_pictures_from_end_to_end(pictures, tmp_path):
    budget = {"preset": "quick", "epochs": 10, "seeds": 2, "tune": False}
    results = api.compare(
        ["lenet"], dataset=str(pictures), out=tmp_path / "comparison", **budget
    )
    [network] = results.networks
    assert results.test_images == 12
    assert all(row.test_accuracy.mean > 0.5 for row in network.optimizers)
    report = (tmp_path / "comparison" / "report.md").read_text()
    assert "on digits, for" in " ".join(report.split())
