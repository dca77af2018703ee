"""The estimate of memory: against the networks that are built, and what it refuses."""

import keras
import pytest

from kerascnn.data.facts import DatasetFacts
from kerascnn.errors import ConfigError
from kerascnn.machine import environment
from kerascnn.settings.config import TrainConfig
from kerascnn.training import memory
from kerascnn.training.memory import check_memory, estimate_bytes

MNIST = DatasetFacts.from_table("mnist")


def settings(model, **given):
    return TrainConfig(model=model, **given).resolve()


def test_estimate_of_lenet_is_the_arithmetic():
    """Weights, and the outputs of all layers, for each image of a batch."""
    training, prediction = estimate_bytes(settings("lenet", batch_size=64), MNIST)
    pixels = [28 * 28] * 4  # the image twice, scaled, and as the network's input
    outputs = [28 * 28 * 6, 14 * 14 * 6, 10 * 10 * 16, 5 * 5 * 16, 400, 120, 84, 10]
    step = 4 * 64 * sum([*pixels, *outputs])
    assert training == pytest.approx(16 * 61_706 + 1.5 * step, rel=0.1)
    assert prediction == 4 * 61_706 + 3 * 4 * 256 * 28 * 28 * 6


def test_estimating_leaves_nothing_behind():
    before = keras.layers.Dense(1).name
    estimate_bytes(settings("resnet18"), MNIST)
    after = keras.layers.Dense(1).name
    assert int(after.split("_")[-1]) - int((before + "_0").split("_")[1]) <= 1
    with keras.StatelessScope():
        pass  # would make what was left without a value


@pytest.mark.parametrize(
    ("given", "smaller"),
    [
        ({"model": "vgg16", "image_size": 1000}, r"Set image_size (or .*)?lower"),
        (
            {"model": "lenet", "batch_size": 50_000},
            "Set image_size or batch_size lower",
        ),
        ({"model": "lenet", "image_size": 1024}, "Set image_size lower"),
    ],
)
def test_training_that_does_not_fit_is_refused(monkeypatch, given, smaller):
    monkeypatch.setattr(memory, "usable_memory_bytes", lambda: 2 * 10**9)
    with pytest.raises(
        ConfigError, match=rf"needs about \d+ GB .* has 2 GB. {smaller}"
    ):
        check_memory(settings(**given), MNIST)


@pytest.mark.parametrize(
    "model", ["lenet", "alexnet", "vgg16", "resnet18", "mobilenet"]
)
def test_recipes_are_not_estimated(monkeypatch, model):
    monkeypatch.setattr(memory, "usable_memory_bytes", lambda: 0)
    check_memory(settings(model), MNIST)


def test_memory_of_a_container_is_what_it_may_use(monkeypatch, tmp_path):
    monkeypatch.setattr(environment, "CGROUP", tmp_path)
    assert environment.usable_memory_bytes() == environment.memory_bytes()
    (tmp_path / "memory.max").write_text("max\n")
    assert environment.usable_memory_bytes() == environment.memory_bytes()
    (tmp_path / "memory.max").write_text("1000000\n")
    assert environment.usable_memory_bytes() == 1_000_000


def test_memory_of_a_group_within_others_is_the_least(monkeypatch, tmp_path):
    group = tmp_path / "cgroup" / "user.slice" / "job"
    group.mkdir(parents=True)
    (tmp_path / "self").mkdir()
    (tmp_path / "self" / "cgroup").write_text("1:cpu:/x\n0::/user.slice/job\n")
    monkeypatch.setattr(environment, "CGROUP", tmp_path / "cgroup")
    monkeypatch.setattr(environment, "PROC", tmp_path)
    (group / "memory.max").write_text("2000000\n")
    assert environment.usable_memory_bytes() == 2_000_000
    (group.parent / "memory.max").write_text("1000000\n")
    assert environment.usable_memory_bytes() == 1_000_000
    (tmp_path / "memory.max").write_text("5\n")  # beyond the groups
    assert environment.usable_memory_bytes() == 1_000_000


@pytest.mark.parametrize("kind", ["RLIMIT_AS", "RLIMIT_DATA"])
def test_memory_of_a_process_is_what_its_limit_leaves(run_python, kind):
    done = run_python(
        "-c",
        "import resource\n"
        "from kerascnn.machine.environment import usable_memory_bytes\n"
        f"limit = resource.getrlimit(resource.{kind})[1]\n"
        f"resource.setrlimit(resource.{kind}, (900_000_000, limit))\n"
        "print(usable_memory_bytes())\n",
    )
    assert done.stdout == "900000000\n", done.stderr
