"""The contenders of the benchmarks: each trains what it is told to, and says so."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

import kerascnn

FOLDER = Path(__file__).parent.parent / "benchmarks"
PACKAGE = Path(kerascnn.__file__).parent.parent


@pytest.mark.slow  # each starts TensorFlow anew
@pytest.mark.parametrize("contender", ["kerascnn", "keras", "pytorch"])
def test_contender_trains_to_order(contender):
    if contender == "pytorch":
        pytest.importorskip("torch")
    done = subprocess.run(
        [sys.executable, FOLDER / f"contender_{contender}.py", "lenet", "sgd"],
        input="3\n5\n",
        env={"PYTHONPATH": str(PACKAGE), "TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    start, first, second, end = map(json.loads, done.stdout.splitlines())
    assert start["first_step_s"] > 0
    # kerascnn stops between calls of several steps, the others at each.
    assert first["steps"] >= 3
    assert second["steps"] >= 5
    assert min(first["seconds"], second["seconds"]) > 0
    assert end["peak_mib"] > 100


@pytest.mark.slow  # starts TensorFlow anew
def test_plain_script_trains_and_says_how_fast():
    done = subprocess.run(
        [sys.executable, FOLDER / "plain_script.py", "lenet", "0.01", "0", "2", "1600"],
        env={"PYTHONPATH": str(PACKAGE), "TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    answer = json.loads(done.stdout.splitlines()[-1])
    assert answer["epochs"] == 2
    assert not answer["reached"]
    assert 0.5 < answer["validation_accuracy"] < 0.99
    assert 0.5 < answer["test_accuracy"] < 0.99
    assert answer["seconds"] > 2 * 1600 / answer["images_per_second"]


def row(network, contender, rate, seconds, **more):
    given = {"epochs": "7", "reached": "True", "test_accuracy": "0.992"} | more
    return {
        **{"network": network, "contender": contender, "rate": rate},
        **{"seconds": seconds, "validation_accuracy": "0.991"},
        **given,
    }


def test_time_to_accuracy_pairs_the_seeds(monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    from time_to_accuracy import CONSTANT, summaries

    rows = [
        row("lenet", "keras", "0.03", "90", reached="False"),
        row("lenet", "keras", "0.01", "200", epochs="8", test_accuracy="0.988"),
        row("lenet", "kerascnn", "recipe", "50"),
        row("lenet", "kerascnn", "recipe", "40"),
        row("lenet", "keras", "0.01", "100", epochs="12", reached="False"),
        row("vgg16", "keras", "first epoch", "2000", epochs="1", reached="False"),
        row("resnet18", "keras", "first epoch", "900", epochs="1", reached="False"),
        row("resnet18", "kerascnn", "recipe", "300", epochs="3"),
        row("mobilenet", "keras", "first epoch", "600", epochs="1", reached="False"),
        row("mobilenet", "kerascnn", "recipe", "300", epochs="2"),
        row("mobilenet", CONSTANT, "0.01", "200", epochs="2", reached="False"),
        row("mobilenet", CONSTANT, "0.03", "200", epochs="2", reached="False"),
        row("alexnet", "keras", "first epoch", "500", epochs="1", reached="False"),
        row("alexnet", "kerascnn", "recipe", "300", epochs="3"),
        row("alexnet", CONSTANT, "0.01", "200", epochs="3", reached="False"),
        row("alexnet", CONSTANT, "0.03", "200", epochs="2"),
    ]
    assert list(summaries(rows)) == [
        "| lenet | 7 | 40 to 50 | 99.20% | 0.01 | 8 to 12 | 100 to 200 (1 of 2 not "
        "there) | 98.80% to 99.20% | 0.33 |",
        "| resnet18 | 3 | 300 | 99.20% | any | at least 1 | at least 900 |  "
        "| at most 0.33 |",
        "| mobilenet | 2 | 300 | 99.20% | 0.01, 0.03 | at least 3 | at least 1800 |  "
        "| at most 0.17 |",
        "| alexnet | 3 | 300 | 99.20% | 0.03 | 2 | 1000 |  | 0.30 |",
    ]


def test_networks_of_the_peer_have_the_same_weights(monkeypatch):
    torch = pytest.importorskip("torch")
    monkeypatch.syspath_prepend(str(FOLDER))
    from networks_torch import BUILDERS

    from kerascnn.models import MODELS

    for name, build in BUILDERS.items():
        network = build().eval()
        parameters = sum(weights.numel() for weights in network.parameters())
        assert parameters == MODELS[name].small_cost.trainable
        assert network(torch.zeros(2, 1, 32, 32)).shape == (2, 10)
