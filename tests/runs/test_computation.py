"""Trainings that are computed as a run was: what goes together, and what is told."""

import dataclasses
import json
import re

import pytest
from click.testing import CliRunner

from kerascnn.cli import main
from kerascnn.errors import RunError
from kerascnn.runs.computation import computation_of, is_alike
from kerascnn.runs.folder import Run
from kerascnn.settings.config import TrainConfig
from kerascnn.training.train import train_model

SMALL = TrainConfig(
    model="lenet", limit=640, epochs=1, validation_fraction=0, test=False
)


@pytest.fixture(scope="module")
def other(tmp_path_factory):
    """A run of other parts, threads and ways than this machine would choose."""
    run = train_model(SMALL, tmp_path_factory.mktemp("runs"), name="other")
    environment = run.environment
    environment["computation"] |= {
        "parallelism": {
            "batch_parts": 1,
            "intra_op_threads": 1,
            "inter_op_threads": 1,
        },
        "layer_plan": {"block2_conv": "pooled", "fc1_dense": "stacked"},
    }
    run.write_json("environment.json", environment)
    return run


def parts_and_plan(run):
    return run.computation.parallelism.batch_parts, run.computation.layer_plan


EXPECTED = 1, {"block2_conv": "pooled", "fc1_dense": "stacked"}


def test_training_is_computed_as_another_run(other, tmp_path):
    assert parts_and_plan(train_model(SMALL, tmp_path)) != EXPECTED
    config = dataclasses.replace(SMALL, optimizer="adagrad", seed=3)
    again = train_model(config, tmp_path, computed_as=other)
    assert parts_and_plan(again) == EXPECTED


@pytest.mark.parametrize(
    ("words", "computed_as_there"),
    [
        ([], True),
        (["--optimizer", "adagrad", "--seed", "3"], True),
        (["--batch-size", "32"], False),
        (["--no-fast-layers"], False),
    ],
)
def test_config_of_a_run_is_computed_as_the_run(
    other, tmp_path, words, computed_as_there
):
    config = str(other.path / "config.json")
    done = CliRunner().invoke(
        main,
        ["train", "--config", config, *words, "--out", str(tmp_path), "--name", "new"],
    )
    assert done.exit_code == 0, done.output
    assert (parts_and_plan(Run(tmp_path / "new")) == EXPECTED) is computed_as_there


def test_config_without_a_run_is_computed_as_suits_this_machine(other, tmp_path):
    copy = tmp_path / "config.json"
    copy.write_text((other.path / "config.json").read_text())
    done = CliRunner().invoke(
        main, ["train", "--config", str(copy), "--out", str(tmp_path), "--name", "new"]
    )
    assert done.exit_code == 0, done.output
    assert parts_and_plan(Run(tmp_path / "new")) != EXPECTED


def test_run_of_another_network_is_refused_before_tensorflow(other, tmp_path):
    words = ["train", "resnet18", "--computed-as", str(other.path)]
    done = CliRunner().invoke(main, [*words, "--out", str(tmp_path)])
    assert done.exit_code == 1
    assert "model is 'lenet'" in done.output
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"batch_size": 32}, "training of batch_size 32 .* whose batch_size is 64"),
        ({"fast_layers": False}, "fast_layers False"),
    ],
)
def test_other_settings_are_named(other, changes, message):
    settings = dataclasses.replace(SMALL, **changes).resolve()
    assert not is_alike(settings, other.settings)
    with pytest.raises(RunError, match=message):
        computation_of(other, settings)


def test_plan_of_a_gpu_is_not_for_a_processor(other):
    environment = other.environment
    other.write_json("environment.json", environment | {"devices": ["GPU:0"]})
    try:
        found = computation_of(other, SMALL.resolve())
    finally:
        other.write_json("environment.json", environment)
    assert found == dataclasses.replace(other.computation, layer_plan=None)


@pytest.mark.parametrize(
    ("plan", "message"),
    [
        ({"block1_conv": "magic"}, "no way to compute a layer 'magic'"),
        ({"block9_conv": "pooled"}, "no layer of .* 'block9_conv'"),
        ({"block1_conv": "winograd"}, "cannot be computed as winograd"),
    ],
)
def test_edited_plan_is_one_line(other, tmp_path, plan, message):
    broken = tmp_path / "broken"
    broken.mkdir()
    for name in ("config.json", "dataset.json"):
        (broken / name).write_text((other.path / name).read_text())
    environment = other.environment
    environment["computation"]["layer_plan"] = plan
    (broken / "environment.json").write_text(json.dumps(environment))
    words = ["train", "lenet", "--limit", "640", "--computed-as", str(broken)]
    done = CliRunner().invoke(main, [*words, "--out", str(tmp_path), "--name", "new"])
    assert done.exit_code == 1
    [line] = [line for line in done.output.splitlines() if line.startswith("Error")]
    assert re.search(message, line)
    assert not (tmp_path / "new").exists()
