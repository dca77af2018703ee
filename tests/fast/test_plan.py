"""Plans: what is chosen where, that a plan is followed, and whole trainings by it."""

import functools
from dataclasses import replace

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from kerascnn.errors import ConfigError, UnknownNameError
from kerascnn.fast.limits import LIMITS, Limits, limits_of
from kerascnn.fast.plan import accelerate, default_plan, plan_of, suitable_ways
from kerascnn.fast.ways import WAYS
from kerascnn.models.build import build_model
from kerascnn.settings.config import TrainConfig
from kerascnn.training.batches import ResidentBatches
from kerascnn.training.images import load_splits
from kerascnn.training.network import compile_model
from kerascnn.training.step import TrainingStep

AVX512, AVX2 = "AVX-512 with bf16", "AVX2"


@functools.cache
def network(name):
    """A network as it is built for MNIST, at the size and with the stem of papers."""
    stem = {} if name == "lenet" else {"stem": "paper"}
    return build_model(name, (28, 28, 1), 10, image_size=32, **stem)


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("AVX2", "AVX2"),
        ("AVX2 with VNNI", "AVX2"),
        ("AVX-512", "AVX512"),
        ("AVX-512 with AMX", "AVX512"),
        ("AVX-512 with bf16, oneDNN up to AVX2", "AVX2"),
        ("AVX-512 with bf16, oneDNN up to AVX512_CORE", "AVX512"),
        ("GPU", "GPU"),
    ],
)
def test_limits_are_of_what_may_be_used(name, word):
    assert limits_of(name) == LIMITS[word]


@pytest.mark.parametrize("name", ["AArch64 with SVE2", "arm64", "AVX", "x86_64", ""])
def test_processors_that_were_not_measured_have_layers_of_keras(name):
    assert limits_of(name) == Limits()
    for model in ("lenet", "mobilenet"):
        assert default_plan(network(model), name) == {}


@pytest.mark.parametrize(
    ("name", "has_it"),
    [
        ("AVX-512 with bf16", True),
        ("AVX-512 with AMX", True),
        ("AVX-512 with bf16, oneDNN up to AVX512_CORE", False),
        ("AVX-512 with VNNI", False),
        ("AVX2", False),
        ("GPU", False),  # Keras's policy says what is in 16 bits there
        ("AArch64 with SVE2", False),
    ],
)
def test_16_bits_are_for_processors_that_have_them(name, has_it):
    model = network("alexnet")
    plan = default_plan(model, name, bfloat16=True)
    assert (plan != default_plan(model, name)) is has_it
    assert any("bfloat16" in way for way in plan.values()) is has_it


def test_plan_of_resnet_goes_by_the_sizes_of_its_maps():
    model = network("resnet18")
    plan = default_plan(model, AVX512)
    ways = {
        "stage2a_1_conv": "winograd",  # 8x8
        "stage3a_1_conv": None,  # from 8x8 to 4x4
        "stage3a_2_conv": "winograd",
        "stage4a_1_conv": None,  # from 4x4 to 2x2
        "stage5a_1_conv": "pixel",  # from 2x2 to 1x1
        "stage5b_2_conv": "pixel",
        "stage5b_2_bn": "fused",
        "predictions": None,
    }
    assert {name: plan.get(name) for name in ways} == ways


def test_plans_differ_by_instruction_set():
    model = build_model("alexnet", (28, 28, 1), 10, image_size=64, stem="paper")
    ways = [
        tuple(
            default_plan(model, name).get(layer)
            for layer in ("block2_conv", "fc2_dense")
        )
        for name in (AVX512, AVX2)
    ]
    assert ways == [(None, "stacked"), ("sliding_gradient", None)]


def test_limits_of_winograd_are_by_map_channels_and_filters():
    taken = []
    for shape in ((4, 4, 64, 64), (16, 16, 64, 128), (16, 16, 64, 64), (4, 4, 32, 64)):
        inputs = keras.Input(shape[:3])
        layer = layers.Conv2D(shape[3], 3, padding="same", name="layer")
        model = keras.Model(inputs, layer(inputs))
        if default_plan(model, AVX2).get("layer") == "winograd":
            taken.append(shape)
    assert taken == [(4, 4, 64, 64), (16, 16, 64, 128)]


@pytest.mark.parametrize("name", ["lenet", "mobilenet", "resnet18"])
@pytest.mark.parametrize("instruction_set", [AVX512, AVX2, "GPU"])
def test_plan_is_followed(name, instruction_set):
    model = network(name)
    plan = default_plan(model, instruction_set)
    assert set(plan.values()) <= set(WAYS)
    assert plan_of(accelerate(model, plan)) == plan
    assert plan_of(accelerate(model, {})) == plan_of(model) == {}


def test_pooling_joins_the_convolution_before_it():
    model = network("lenet")
    plan = {"block1_conv": "pooled", "block2_conv": "pooled"}
    fast = accelerate(model, plan).get_layer("lenet")
    assert type(fast.get_layer("block1_pool")) is layers.Identity
    shapes = (
        [x.output.shape for x in m.layers if not isinstance(x, layers.Conv2D)]
        for m in (fast, model.get_layer("lenet"))
    )
    assert next(shapes) == next(shapes)


@pytest.mark.parametrize(
    ("convolution", "pooling"),
    [
        ({"activation": "tanh"}, {}),
        ({"strides": 2}, {}),
        ({"kernel_size": (3, 1)}, {}),
        ({"dilation_rate": 2}, {}),
        ({"dtype": "mixed_bfloat16"}, {}),
        ({}, {"pool_size": 3}),
        ({}, {"strides": 1}),
        ({}, {"padding": "same"}),
    ],
    ids=str,
)
def test_other_pairs_are_not_joined(convolution, pooling):
    inputs = keras.Input((12, 12, 1))
    convolution = {"filters": 4, "kernel_size": 3, "activation": "relu"} | convolution
    x = layers.Conv2D(**convolution, name="conv")(inputs)
    model = keras.Model(inputs, layers.MaxPooling2D(**{"pool_size": 2} | pooling)(x))
    assert "pooled" not in suitable_ways(model)["conv"]


@pytest.mark.parametrize("is_output", [True, False])
def test_convolution_that_others_need_is_not_joined(is_output):
    inputs = keras.Input((12, 12, 1))
    x = layers.Conv2D(4, 3, activation="relu", name="conv")(inputs)
    pooled = layers.MaxPooling2D(2)(x)
    other = x if is_output else layers.GlobalAveragePooling2D()(x)
    model = keras.Model(inputs, [pooled, other])
    assert "pooled" not in suitable_ways(model)["conv"]


@pytest.mark.parametrize(
    ("plan", "error", "message"),
    [
        ({"block9_conv": "pooled"}, UnknownNameError, "no layer of .* 'block9_conv'"),
        ({"block1_conv": "magic"}, UnknownNameError, "no way to compute .* 'magic'"),
        ({"block1_conv": "winograd"}, ConfigError, "cannot be computed as winograd"),
        ({"block1_pool": "pooled"}, ConfigError, "'block1_pool' cannot be computed"),
        ({"fc1_dense": "fused"}, ConfigError, "Leave it out of the plan of layers"),
    ],
)
def test_plan_of_something_else_is_one_error(plan, error, message):
    with pytest.raises(error, match=message):
        accelerate(network("lenet"), plan)


@pytest.mark.parametrize("name", ["lenet", "alexnet", "mobilenet"])
def test_accelerated_model_is_the_same_model(name):
    keras.utils.set_random_seed(1)
    model = build_model(name, (28, 28, 1), 10)
    fast = accelerate(model, default_plan(model, AVX512))
    names = ([layer.name for layer in m.get_layer(name).layers] for m in (fast, model))
    assert next(names) == next(names)
    images = np.random.default_rng(0).integers(0, 256, (3, 28, 28, 1)).astype("float32")
    # Dropout of the same seed among it. Normalized over three images, the values of
    # the last maps, of one pixel, differ by what rounding makes of their differences.
    for training in (False, True):
        rtol = 1e-3 if training and name == "mobilenet" else 1e-5
        ours, expected = (m(images, training=training) for m in (fast, model))
        np.testing.assert_allclose(ours, expected, rtol=rtol, atol=1e-7)


# Normalization over so few images makes much of rounding, and the more the larger the
# steps: there they are small.
@pytest.mark.parametrize(
    "instruction_set", [AVX512, pytest.param(AVX2, marks=pytest.mark.slow)]
)
@pytest.mark.parametrize(
    ("name", "optimizer", "rate"),
    [
        ("lenet", "sgd", 1e-3),
        ("lenet", "adagrad", 1e-2),
        pytest.param("alexnet", "sgd", 1e-3, marks=pytest.mark.slow),
        pytest.param("alexnet", "adagrad", 1e-4, marks=pytest.mark.slow),
        pytest.param("mobilenet", "sgd", 1e-4, marks=pytest.mark.slow),
        pytest.param("resnet18", "sgd", 1e-4, marks=pytest.mark.slow),
        pytest.param("vgg16", "sgd", 1e-3, marks=pytest.mark.slow),
    ],
)
def test_training_has_the_losses_of_keras(name, optimizer, rate, instruction_set):
    config = TrainConfig(
        model=name,
        optimizer=optimizer,
        learning_rate=rate,
        schedule="constant",
        batch_size=16,
        image_size=32,
        stem="paper",
        limit=160,
    ).resolve()
    split, _, _ = load_splits(config)
    losses = []
    for plan in ({}, default_plan(network(name), instruction_set)):
        keras.utils.set_random_seed(0)
        settings = replace(config, fast_layers=bool(plan))
        model = compile_model(settings, split, plan)
        assert plan_of(model) == plan
        rates = np.full(5, rate, np.float32)
        batches = ResidentBatches(split, 16, seed=0)
        step = TrainingStep(model, batches, config, rates, tf.distribute.get_strategy())
        losses.append(step.run(0, 5)[0])
    np.testing.assert_allclose(*losses, rtol=2e-3)
