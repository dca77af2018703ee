"""A run as kerascnn 0.1.0 wrote it is listed, evaluated, resumed and trained again."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from kerascnn.cli import main
from kerascnn.runs.folder import Run
from kerascnn.settings.config import TrainConfig

OLD = Path(__file__).parent / "runs_of_0_1" / "lenet-adagrad-1"


@pytest.fixture
def old(tmp_path, monkeypatch):
    """A copy of the run's text files; of its own files it lacks the model."""
    monkeypatch.chdir(tmp_path)
    return Run(shutil.copytree(OLD, tmp_path / "saved_models" / OLD.name))


def kerascnn(*arguments):
    result = CliRunner().invoke(main, arguments, prog_name="kerascnn")
    assert result.exit_code == 0, result.stderr
    return result.stdout


def test_its_settings_are_those_that_it_wrote(old):
    written = json.loads((OLD / "config.json").read_text())
    later = {"fast_layers": True, "store_predictions": False, "plan_digest": None}
    later |= {"class_weights": None, "init_from": None, "model_options": {}}
    later |= {"resize": "pad", "group_by": None, "test_fraction": 0.2}
    later |= {"gpus": 1, "xla": False}
    later |= {"sync_batch_norm": True, "checkpoint_steps": None}
    assert written["augment"] is False
    assert old.settings.to_dict() == written | later | {"augment": "none"}
    # Of what the recipe fills in, all that it still gives was left to it.
    assert old.config == TrainConfig(
        model="lenet",
        optimizer="adagrad",
        learning_rate=0.03,
        epochs=2,
        limit=1280,
        validation_fraction=0.01,
        seed=5,
        deterministic=True,
    )


def test_its_metrics_are_those_that_it_wrote(old):
    assert old.metrics.to_dict() == json.loads((OLD / "metrics.json").read_text())


def test_it_is_listed(old):
    (row,) = json.loads(kerascnn("runs", "--json"))
    assert row["name"] == "lenet-adagrad-1"
    assert (row["status"], row["model"], row["epochs"]) == ("finished", "lenet", 2)
    assert row["test_accuracy"] == 0.9106


def test_it_is_evaluated(old, lenet):
    lenet.save(old.model_path)
    measured = json.loads(kerascnn("evaluate", "--json"))
    assert (measured["dataset"], measured["images"]) == ("mnist", 10_000)


@pytest.mark.slow
def test_it_is_resumed(old, run_python):
    """Stopped before its first checkpoint, it comes to what 0.1 came to."""
    (old.path / "metrics.json").unlink()
    before = old.epochs
    done = run_python("-m", "kerascnn", "train", "--resume", old.name, "--json")
    assert "bit-for-bit" not in done.stderr
    document = json.loads(done.stdout)
    assert document["status"] == "finished"
    assert document["settings"] == old.settings.to_dict()
    for name in ("loss", "validation_loss", "learning_rate"):
        np.testing.assert_allclose(
            [row[name] for row in old.epochs], [row[name] for row in before], rtol=0.02
        )


@pytest.mark.slow
def test_it_is_trained_again_by_its_config(old):
    config = str(old.path / "config.json")
    fast = ("--no-test", "--no-deterministic")
    kerascnn("train", "--config", config, *fast, "--name", "again")
    again = Run(old.path.with_name("again"))
    assert again.settings == replace(old.settings, test=False, deterministic=False)
    kerascnn(
        *("train", "mobilenet", "--config", config, "--optimizer", "sgd", *fast),
        *("--limit", "64", "--epochs", "1", "--name", "other"),
    )
    other = Run(old.path.with_name("other")).settings
    assert (other.image_size, other.stem, other.momentum) == (32, "small", 0.9)
    assert (other.learning_rate, other.seed) == (0.03, 5)
