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


def test_networks_of_the_peer_have_the_same_weights():
    torch = pytest.importorskip("torch")
    sys.path.insert(0, str(FOLDER))
    try:
        from networks_torch import BUILDERS
    finally:
        sys.path.remove(str(FOLDER))
    from kerascnn.models import MODELS

    for name, build in BUILDERS.items():
        network = build().eval()
        parameters = sum(weights.numel() for weights in network.parameters())
        assert parameters == MODELS[name].small_cost.trainable
        assert network(torch.zeros(2, 1, 32, 32)).shape == (2, 10)
