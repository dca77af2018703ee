"""What leaves the default plan, and what a plan becomes by it."""

import itertools

import keras
import pytest
from keras import layers

from kerascnn.fast import tuning
from kerascnn.fast.plan import accelerate, plan_of, suitable_ways
from kerascnn.fast.tuning import apply_tuning, choose_way, layer_kinds, tune_layers
from kerascnn.models.build import build_model


@pytest.fixture(scope="module")
def lenet():
    return build_model("lenet", (28, 28, 1), 10)


@pytest.mark.parametrize(
    ("times", "way", "gain"),
    [
        ({"keras": [2, 2, 2], "pooled": [1, 1, 1]}, "pooled", 1),
        ({"keras": [1, 1, 1], "pooled": [1.2, 1.2, 1.2]}, "keras", 1.2),
        ({"keras": [1, 1, 1], "pooled": [1.05, 1.05, 1.05]}, "pooled", 1),
        # Of pairs, not of medians: the machine slowed down in the second turn.
        ({"keras": [1, 5, 1.4], "pooled": [1.2, 6, 1.2]}, "keras", 1.2),
        ({"keras": [1, 9], "pooled": [2, 2], "taps": [1, 1]}, "taps", 2),
    ],
)
def test_default_is_left_for_a_paired_gain(times, way, gain):
    assert choose_way(times, "pooled") == (way, pytest.approx(gain))


def test_layers_of_one_shape_are_of_one_kind():
    inputs = keras.Input((8, 8, 16))
    x = layers.Conv2D(16, 3, padding="same", name="first")(inputs)
    for name, options in (
        ("second", {}),
        ("third", {}),
        ("valid", {"padding": "valid"}),
        ("wide", {"kernel_size": 5}),
    ):
        settings = {"filters": 16, "kernel_size": 3, "padding": "same"} | options
        x = layers.Conv2D(**settings, name=name)(x)
    kinds = layer_kinds(keras.Model(inputs, x), 32)
    assert kinds["second"] == kinds["third"]
    # The first needs no gradient of its images.
    assert len(set(kinds.values())) == len(kinds) - 1
    again = layer_kinds(keras.Model(inputs, x), 64)
    assert set(kinds.values()).isdisjoint(again.values())


def test_every_kind_is_timed_once(monkeypatch):
    timed = []

    def record(model, name, batch_size, *, ways):
        timed.append((name, batch_size, ways))
        return {"keras": [2.0], **{way: [1.0] for way in ways}}

    monkeypatch.setattr(tuning, "time_ways", record)
    model = build_model("vgg16", (28, 28, 1), 10)
    found = list(tune_layers(model, {"block3_2_conv": "winograd"}, 8))
    names = [name for name, _, _ in timed]
    # A pooling follows the third of a block.
    assert {"block4_2_conv", "block4_3_conv"} <= set(names)
    assert "block5_2_conv" not in names
    assert all("bfloat16" not in way for _, _, ways in timed for way in ways)
    [conv] = [layer for layer in found if layer.name == "block3_2_conv"]
    assert (conv.default, conv.way, conv.gain) == ("winograd", "winograd", 1.0)
    [first] = [layer for layer in found if layer.name == "block1_1_conv"]
    assert (first.default, first.gain) == ("keras", 2.0)


def test_plan_takes_what_was_found(lenet):
    kinds = layer_kinds(lenet, 32)
    plan = {"block1_conv": "pooled", "block2_conv": "pooled"}
    tuned = {
        kinds["block1_conv"]: "keras",
        kinds["fc1_dense"]: "stacked",
        kinds["fc2_dense"]: "magic",  # of another version, say
        kinds["predictions"]: "winograd",
        "something else": "stacked",
    }
    changed = apply_tuning(lenet, plan, 32, tuned)
    assert changed == {"block2_conv": "pooled", "fc1_dense": "stacked"}
    assert plan_of(accelerate(lenet, changed)) == changed
    assert apply_tuning(lenet, plan, 64, tuned) == plan


def test_layers_are_really_timed(lenet):
    found = list(itertools.islice(tune_layers(lenet, {}, 8), 2))
    assert [layer.name for layer in found] == ["block1_conv", "block2_conv"]
    ways = suitable_ways(lenet)
    for layer in found:
        assert layer.way in ("keras", *ways[layer.name])
        assert layer.gain >= 1
