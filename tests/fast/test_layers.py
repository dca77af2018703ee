"""Fast layers: Keras's own are the witness, their gradients and whole trainings."""

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from kerascnn.fast.layers import (
    FastBatchNormalization,
    FastConv2D,
    FastSeparableConv2D,
    PooledConv2D,
    accelerate,
)
from kerascnn.models.build import build_model
from kerascnn.settings.config import TrainConfig
from kerascnn.training.batches import ResidentBatches
from kerascnn.training.images import load_splits
from kerascnn.training.network import compile_model
from kerascnn.training.step import TrainingStep

# Maps on both sides of every limit, and as flat as they come.
SIZES = ((1, 1), (2, 2), (3, 3), (1, 4), (4, 4), (5, 7), (8, 8), (9, 9))


def gradients(layer, x, dy, **options):
    """The output of a layer and what training would change it by."""

    @tf.function(autograph=False)
    def compute(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = layer(x, **options)
        sources = [x, *(variable.value for variable in layer.trainable_variables)]
        return [y, *tape.gradient(y, sources, output_gradients=dy)]

    return [value.numpy() for value in compute(x)]


def assert_same(fast, plain, shape, **options):
    rng = np.random.default_rng(0)
    x = tf.constant(rng.normal(size=shape).astype(np.float32))
    for layer in (plain, fast):
        layer.build(shape)
    fast.set_weights(plain.get_weights())
    dy = tf.constant(rng.normal(size=plain(x).shape).astype(np.float32))
    results = [
        [*gradients(layer, x, dy, **options), *layer.get_weights()]
        for layer in (fast, plain)
    ]
    for ours, expected in zip(*results, strict=True):
        scale = np.abs(expected).max()
        np.testing.assert_allclose(ours, expected, rtol=1e-4, atol=3e-5 * scale)


@pytest.mark.parametrize("kernel", [2, 3, 5, (3, 1)])
@pytest.mark.parametrize("strides", [1, 2])
@pytest.mark.parametrize("padding", ["same", "valid"])
def test_convolution_has_the_gradients_of_keras(kernel, strides, padding):
    sides = kernel if isinstance(kernel, tuple) else (kernel, kernel)
    for size in SIZES:
        if padding == "valid" and (size[0] < sides[0] or size[1] < sides[1]):
            continue
        fast, plain = (
            make(24, kernel, strides, padding=padding, activation="relu")
            for make in (FastConv2D, layers.Conv2D)
        )
        assert_same(fast, plain, (5, *size, 16))


@pytest.mark.parametrize("strides", [1, 2])
@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize("size", [(1, 1), (2, 2), (5, 8), (9, 9), (33, 32)])
def test_wide_convolution_has_the_gradients_of_keras(strides, padding, size):
    if padding == "valid" and min(size) < 3:
        return
    fast, plain = (
        make(128, 3, strides, padding=padding, activation="relu")
        for make in (FastConv2D, layers.Conv2D)
    )
    assert_same(fast, plain, (3, *size, 64))


def test_winograd_takes_the_layers_that_gain_by_it(monkeypatch):
    taken = []

    def record(x, kernel):
        taken.append((*x.shape[1:], kernel.shape[3]))
        return tf.nn.conv2d(x, kernel, 1, "SAME")

    monkeypatch.setattr("kerascnn.fast.layers.convolve_winograd", record)
    for shape in ((4, 4, 64, 64), (16, 16, 64, 128), (16, 16, 64, 64)):
        FastConv2D(shape[3], 3, padding="same")(np.ones((1, *shape[:3]), np.float32))
    for options in ({"kernel_size": 5}, {"strides": 2}, {"padding": "valid"}):
        layer = FastConv2D(64, **{"kernel_size": 3, "padding": "same"} | options)
        layer(np.ones((1, 4, 4, 64), np.float32))
    assert taken == [(4, 4, 64, 64), (16, 16, 64, 128)]


@pytest.mark.parametrize("strides", [1, 2])
@pytest.mark.parametrize("padding", ["same", "valid"])
def test_separable_convolution_has_the_gradients_of_keras(strides, padding):
    for size, multiplier in itertools.product(SIZES, (1, 2)):
        if padding == "valid" and min(size) < 3:
            continue
        fast, plain = (
            make(12, 3, strides, padding=padding, depth_multiplier=multiplier)
            for make in (FastSeparableConv2D, layers.SeparableConv2D)
        )
        assert_same(fast, plain, (5, *size, 16))


@pytest.mark.parametrize(
    "options",
    [{"dilation_rate": 2}, {"groups": 4}, {"strides": (1, 2)}, {"use_bias": False}],
    ids=str,
)
def test_other_options_are_those_of_keras(options):
    fast, plain = (
        make(16, 3, padding="same", **options) for make in (FastConv2D, layers.Conv2D)
    )
    assert_same(fast, plain, (4, 4, 4, 16))


@pytest.mark.parametrize("shape", [(1, 1, 1), (2, 1, 1), (5, 3, 4), (64, 16, 16)])
@pytest.mark.parametrize("training", [False, True])
def test_normalization_has_the_gradients_and_averages_of_keras(shape, training):
    fast, plain = (
        make(momentum=0.9, gamma_initializer="normal", beta_initializer="normal")
        for make in (FastBatchNormalization, layers.BatchNormalization)
    )
    assert_same(fast, plain, (*shape, 8), training=training)


@pytest.mark.parametrize(
    "options",
    [{"axis": 1}, {"scale": False}, {"center": False}, {"renorm": True}],
    ids=str,
)
def test_other_normalization_is_that_of_keras(options, monkeypatch):
    monkeypatch.delattr(tf.raw_ops, "FusedBatchNormV3")
    fast, plain = (
        make(**options) for make in (FastBatchNormalization, layers.BatchNormalization)
    )
    assert_same(fast, plain, (5, 3, 4, 8), training=True)


def test_frozen_normalization_keeps_its_averages():
    layer = FastBatchNormalization(trainable=False)
    x = np.random.default_rng(0).normal(5, 2, (4, 3, 3, 2)).astype(np.float32)
    np.testing.assert_allclose(layer(x, training=True), x, rtol=1e-3)
    assert layer.moving_mean.numpy().tolist() == [0, 0]


def test_images_of_unknown_size_and_16_bits_are_left_to_keras():
    inputs = keras.Input((None, None, 16))
    model = keras.Model(inputs, FastConv2D(4, 3, padding="same")(inputs))
    assert model(np.ones((2, 3, 3, 16), np.float32)).shape == (2, 3, 3, 4)
    half = FastSeparableConv2D(4, 3, padding="same", dtype="mixed_bfloat16")
    assert half(np.ones((2, 2, 2, 16), np.float32)).dtype == tf.bfloat16
    half = FastBatchNormalization(dtype="mixed_bfloat16")
    x = np.ones((2, 2, 2, 16), np.float32)
    assert half(x, training=True).dtype == tf.bfloat16


def test_pooling_joins_the_convolution_before_it():
    model = build_model("lenet", (28, 28, 1), 10)
    network = accelerate(model).get_layer("lenet")
    kinds = {layer.name: type(layer) for layer in network.layers}
    for block in ("block1", "block2"):
        assert kinds[f"{block}_conv"] is PooledConv2D
        assert kinds[f"{block}_pool"] is layers.Identity
    shapes = (
        [x.output.shape for x in m.layers if not isinstance(x, layers.Conv2D)]
        for m in (network, model.get_layer("lenet"))
    )
    assert next(shapes) == next(shapes)


@pytest.mark.parametrize(
    ("convolution", "pooling"),
    [
        ({"activation": "tanh"}, {}),
        ({"strides": 2}, {}),
        ({"kernel_size": (3, 1)}, {}),
        ({"filters": 17}, {}),
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
    x = layers.Conv2D(**convolution)(inputs)
    outputs = layers.MaxPooling2D(**{"pool_size": 2} | pooling)(x)
    fast = accelerate(keras.Model(inputs, outputs))
    assert [type(layer) for layer in fast.layers[1:]] == [
        FastConv2D,
        layers.MaxPooling2D,
    ]


@pytest.mark.parametrize("is_output", [True, False])
def test_convolution_that_others_need_is_not_joined(is_output):
    inputs = keras.Input((12, 12, 1))
    x = layers.Conv2D(4, 3, activation="relu")(inputs)
    pooled = layers.MaxPooling2D(2)(x)
    other = x if is_output else layers.GlobalAveragePooling2D()(x)
    fast = accelerate(keras.Model(inputs, [pooled, other]))
    assert PooledConv2D not in {type(layer) for layer in fast.layers}


@pytest.mark.parametrize("name", ["lenet", "alexnet", "mobilenet"])
def test_accelerated_model_is_the_same_model(name):
    keras.utils.set_random_seed(1)
    model = build_model(name, (28, 28, 1), 10)
    fast = accelerate(model)
    kinds = {type(layer) for layer in fast.get_layer(name).layers}
    assert kinds & {FastConv2D, FastSeparableConv2D, PooledConv2D}
    slow = {layers.Conv2D, layers.SeparableConv2D, layers.BatchNormalization}
    assert not kinds & slow
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
    ("name", "rate"),
    [
        ("lenet", 1e-3),
        pytest.param("alexnet", 1e-3, marks=pytest.mark.slow),
        ("mobilenet", 1e-4),
        pytest.param("resnet18", 1e-4, marks=pytest.mark.slow),
        pytest.param("vgg16", 1e-3, marks=pytest.mark.slow),
    ],
)
def test_training_has_the_losses_of_keras(name, rate):
    losses = []
    for fast in (True, False):
        config = TrainConfig(
            model=name,
            learning_rate=rate,
            schedule="constant",
            batch_size=16,
            image_size=32,
            stem="paper",
            limit=160,
            fast_layers=fast,
        ).resolve()
        split, _, _ = load_splits(config)
        keras.utils.set_random_seed(0)
        model = compile_model(config, split)
        rates = np.full(5, rate, np.float32)
        batches = ResidentBatches(split, 16, seed=0)
        step = TrainingStep(model, batches, config, rates, tf.distribute.get_strategy())
        losses.append(step.run(0, 5)[0])
    np.testing.assert_allclose(*losses, rtol=2e-3)
