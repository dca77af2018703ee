"""Every way of every layer: Keras's own are the witness, for outputs and gradients."""

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from kerascnn.fast.layers import FusedBatchNormalization
from kerascnn.fast.plan import accelerate, suitable_ways
from kerascnn.fast.ways import WAYS

# Maps on both sides of what a kernel reaches, and as flat as they come.
SIZES = ((1, 1), (2, 2), (3, 3), (3, 1), (1, 4), (5, 7))


@pytest.fixture(autouse=True)
def same_weights():
    """Where an output is next to 0, rounding decides of ReLU's gradient there."""
    keras.utils.set_random_seed(0)


def network(shape, *parts):
    """A functional model of some layers in a row, for images or features."""
    inputs = keras.Input(shape)
    x = inputs
    for part in parts:
        x = part(x)
    return keras.Model(inputs, x)


def results(model, x, dy, training):
    """The outputs of a model, what training would change by, and its weights after."""

    @tf.function(autograph=False)
    def compute(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = model(x, training=training)
        sources = [x, *(variable.value for variable in model.trainable_variables)]
        return [y, *tape.gradient(y, sources, output_gradients=dy)]

    return [*(value.numpy() for value in compute(x)), *model.get_weights()]


def assert_same(model, *, batch=5, training=True, bfloat16=False):
    """Each way that suits the first layer, of 16 bits or not, computes what it does."""
    layer = model.layers[1]
    rtol, atol = (0.0, 0.02) if bfloat16 else (1e-4, 3e-5)
    ways = suitable_ways(model)[layer.name]
    ways = [way for way in ways if ("bfloat16" in way) is bfloat16]
    rng = np.random.default_rng(0)
    x = tf.constant(rng.normal(size=(batch, *model.input_shape[1:])), tf.float32)
    dy = tf.constant(rng.normal(size=model(x).shape), tf.float32)
    plans = [{}, *({layer.name: way} for way in ways)]
    expected, *others = [
        results(accelerate(model, plan), x, dy, training) for plan in plans
    ]
    for way, found in zip(ways, others, strict=True):
        for ours, theirs in zip(found, expected, strict=True):
            scale = np.abs(theirs).max()
            np.testing.assert_allclose(
                ours, theirs, rtol=rtol, atol=atol * scale, err_msg=way
            )
    return set(ways)


@pytest.mark.parametrize(
    "kernel", [3, (3, 1), *(pytest.param(n, marks=pytest.mark.slow) for n in (2, 5))]
)
@pytest.mark.parametrize("strides", [1, 2])
@pytest.mark.parametrize("padding", ["same", "valid"])
def test_convolution_is_that_of_keras_in_every_way(kernel, strides, padding):
    sides = kernel if isinstance(kernel, tuple) else (kernel, kernel)
    tried = set()
    for size in SIZES:
        if padding == "valid" and (size[0] < sides[0] or size[1] < sides[1]):
            continue
        options = {"strides": strides, "padding": padding, "activation": "relu"}
        tried |= assert_same(network((*size, 16), layers.Conv2D(9, kernel, **options)))
    assert "tap_gradient" in tried
    assert ("pixel" in tried) is (padding == "same" or kernel != 5)
    assert ("sliding_gradient" in tried) is (strides == 1)
    winograd = (kernel, strides, padding) == (3, 1, "same")
    assert ("winograd" in tried) is winograd


@pytest.mark.parametrize("size", [(5, 8), (9, 9), (33, 32)])
def test_wide_convolution_is_that_of_keras_in_every_way(size):
    layer = layers.Conv2D(128, 3, padding="same", activation="relu")
    assert "winograd" in assert_same(network((*size, 64), layer), batch=3)


@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize(
    "activation", ["relu", pytest.param(None, marks=pytest.mark.slow)]
)
def test_convolution_and_pooling_are_those_of_keras(padding, activation):
    for size, kernel in itertools.product(((6, 6), (7, 9)), (1, 3, 5)):
        layer = layers.Conv2D(4, kernel, padding=padding, activation=activation)
        model = network((*size, 2), layer, layers.MaxPooling2D(2))
        joined = min(size) - kernel >= 1 or padding == "same"
        assert ("pooled" in assert_same(model)) is joined


@pytest.mark.parametrize("strides", [1, 2])
@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize(
    "options",
    [
        {"activation": "relu", "use_bias": False},
        pytest.param({}, marks=pytest.mark.slow),
    ],
)
def test_separable_convolution_is_that_of_keras_in_every_way(strides, padding, options):
    tried = set()
    for size in SIZES:
        if padding == "valid" and min(size) < 3:
            continue
        layer = layers.SeparableConv2D(12, 3, strides, padding=padding, **options)
        tried |= assert_same(network((*size, 16), layer))
    assert tried == {"separable_pixel", "separable_taps", "separable_product"}


@pytest.mark.parametrize("options", [{}, {"activation": "relu", "use_bias": False}])
def test_dense_layer_is_that_of_keras(options):
    model = network((70,), layers.Dense(30, **options))
    assert assert_same(model) == {"stacked"}


# Without a ReLU: what is nearly 0 may change its sign.
@pytest.mark.parametrize(
    ("shape", "layer", "ways"),
    [
        ((70,), layers.Dense(30), {"bfloat16_dense"}),
        ((9, 9, 16), layers.Conv2D(9, 3), {"bfloat16"}),
        ((5, 7, 1), layers.Conv2D(9, 5, 2, padding="same"), {"bfloat16"}),
        (
            *((2, 2, 16), layers.Conv2D(9, 3, 2, padding="same")),
            {"bfloat16", "bfloat16_pixel"},
        ),
        ((9, 9, 16), layers.SeparableConv2D(9, 3), {"bfloat16_separable"}),
        (
            *((1, 1, 16), layers.SeparableConv2D(9, 3, padding="same")),
            {"bfloat16_separable", "bfloat16_separable_pixel"},
        ),
    ],
)
def test_layers_in_16_bits_are_those_of_keras_but_for_rounding(shape, layer, ways):
    assert assert_same(network(shape, layer), bfloat16=True) == ways


@pytest.mark.parametrize("shape", [(1, 1, 1), (2, 1, 1), (5, 3, 4), (64, 16, 16)])
@pytest.mark.parametrize("training", [False, True])
def test_normalization_has_the_gradients_and_averages_of_keras(shape, training):
    layer = layers.BatchNormalization(
        momentum=0.9, gamma_initializer="normal", beta_initializer="normal"
    )
    model = network((*shape[1:], 8), layer)
    assert assert_same(model, batch=shape[0], training=training) == {"fused"}


@pytest.mark.parametrize(
    "layer",
    [
        layers.Conv2D(4, 3, dilation_rate=2),
        layers.Conv2D(4, 3, groups=2),
        layers.Conv2D(4, 3, strides=(1, 2)),
        layers.Conv2D(4, 3, dtype="mixed_bfloat16"),
        layers.SeparableConv2D(4, 3, depth_multiplier=2),
        layers.SeparableConv2D(4, 3, dilation_rate=2),
        layers.BatchNormalization(axis=1),
        layers.BatchNormalization(scale=False),
        layers.BatchNormalization(center=False),
        layers.BatchNormalization(renorm=True),
        layers.BatchNormalization(dtype="mixed_bfloat16"),
        layers.Dense(4),  # of images
        layers.ReLU(),
    ],
    ids=lambda layer: layer.name,
)
def test_other_layers_are_left_to_keras(layer):
    model = network((8, 9, 4), layer)
    assert suitable_ways(model)[layer.name] == []


def test_images_of_unknown_size_are_left_to_keras():
    layer = layers.Conv2D(4, 3, padding="same")
    assert suitable_ways(network((None, None, 16), layer))[layer.name] == []


def test_frozen_normalization_keeps_its_averages():
    layer = FusedBatchNormalization(trainable=False)
    x = np.random.default_rng(0).normal(5, 2, (4, 3, 3, 2)).astype(np.float32)
    np.testing.assert_allclose(layer(x, training=True), x, rtol=1e-3)
    assert layer.moving_mean.numpy().tolist() == [0, 0]


def test_every_way_is_one_of_keras_of_its_kind():
    for way in WAYS.values():
        assert issubclass(way.exchange, way.kind)
    assert len({way.exchange for way in WAYS.values()}) == len(WAYS)
