"""Timing the ways of a layer: which are timed, and that turns belong together."""

import pytest

from kerascnn.fast.timing import time_ways
from kerascnn.models.build import build_model


@pytest.fixture(scope="module")
def lenet():
    return build_model("lenet", (28, 28, 1), 10)


@pytest.mark.parametrize(
    ("layer", "ways"),
    [
        (
            "block1_conv",
            ["keras", "pooled", "bfloat16", "tap_gradient", "sliding_gradient"],
        ),
        ("fc1_dense", ["keras", "bfloat16_dense", "stacked"]),
        ("flatten", ["keras"]),
    ],
)
def test_every_way_of_a_layer_is_timed_as_often(lenet, layer, ways):
    times = time_ways(lenet, layer, 16, turns=3)
    assert list(times) == ways
    for seconds in times.values():
        assert len(seconds) == 3
        assert min(seconds) > 0


def test_layer_that_there_is_not(lenet):
    with pytest.raises(KeyError):
        time_ways(lenet, "block9_conv", 16)
