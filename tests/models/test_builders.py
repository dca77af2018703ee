"""What holds for every network of `MODELS`."""

import math
import re

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerascnn.errors import ConfigError, InputShapeError
from kerascnn.models import MODELS
from kerascnn.models.build import build_model

# Trainable and other parameters at the paper's size.
PARAMETERS = {
    "lenet": (61_706, 0),
    "alexnet": (62_378_344, 0),
    "vgg16": (138_357_544, 0),
    "resnet18": (11_689_512, 9_600),
    "mobilenet": (4_222_056, 11_968),
}

# Every network, with every stem that it has.
STEMS = [(name, stem) for name, entry in MODELS.items() for stem in entry.stems]

# The output of the last layer of each stage: (height, width, channels), by how the
# network is built.
STAGES = {
    ("lenet", "28x28"): {
        "block1_conv": (28, 28, 6),
        "block1_pool": (14, 14, 6),
        "block2_conv": (10, 10, 16),
        "block2_pool": (5, 5, 16),
    },
    ("lenet", "32x32"): {
        "block1_pool": (16, 16, 6),
        "block2_pool": (6, 6, 16),
    },
    ("alexnet", "227x227"): {
        "block1_conv": (55, 55, 96),
        "block1_pool": (27, 27, 96),
        "block2_conv": (27, 27, 256),
        "block2_pool": (13, 13, 256),
        "block3_conv": (13, 13, 384),
        "block4_conv": (13, 13, 384),
        "block5_conv": (13, 13, 256),
        "block5_pool": (6, 6, 256),
    },
    ("alexnet", "32x32"): {
        "block1_conv": (6, 6, 96),
        "block1_pool": (2, 2, 96),
        "block2_pool": (1, 1, 256),
        "block5_pool": (1, 1, 256),
    },
    ("vgg16", "224x224"): {
        "block1_pool": (112, 112, 64),
        "block2_pool": (56, 56, 128),
        "block3_pool": (28, 28, 256),
        "block4_pool": (14, 14, 512),
        "block5_pool": (7, 7, 512),
    },
    ("vgg16", "32x32"): {
        "block1_pool": (16, 16, 64),
        "block2_pool": (8, 8, 128),
        "block3_pool": (4, 4, 256),
        "block4_pool": (2, 2, 512),
        "block5_pool": (1, 1, 512),
    },
    ("resnet18", "224x224"): {
        "stem_relu": (112, 112, 64),
        "stem_pool": (56, 56, 64),
        "stage2b_relu": (56, 56, 64),
        "stage3b_relu": (28, 28, 128),
        "stage4b_relu": (14, 14, 256),
        "stage5b_relu": (7, 7, 512),
    },
    ("resnet18", "32x32"): {
        "stem_relu": (16, 16, 64),
        "stem_pool": (8, 8, 64),
        "stage2b_relu": (8, 8, 64),
        "stage3b_relu": (4, 4, 128),
        "stage4b_relu": (2, 2, 256),
        "stage5b_relu": (1, 1, 512),
    },
    ("mobilenet", "224x224"): {
        "stem_relu": (112, 112, 32),
        "block1_relu": (112, 112, 64),
        "block3_relu": (56, 56, 128),
        "block5_relu": (28, 28, 256),
        "block11_relu": (14, 14, 512),
        "block13_relu": (7, 7, 1024),
    },
    ("mobilenet", "32x32"): {
        "stem_relu": (16, 16, 32),
        "block1_relu": (16, 16, 64),
        "block3_relu": (8, 8, 128),
        "block5_relu": (4, 4, 256),
        "block11_relu": (2, 2, 512),
        "block13_relu": (1, 1, 1024),
    },
}

# Steps and Adam's learning rate with which each network learns 16 digits by heart.
OVERFIT = [
    pytest.param("lenet", 60, 0.003),
    pytest.param("alexnet", 100, 0.0001, marks=pytest.mark.slow),
    pytest.param("vgg16", 80, 0.0001, marks=pytest.mark.slow),
    pytest.param("resnet18", 30, 0.001, marks=pytest.mark.slow),
    pytest.param("mobilenet", 60, 0.001, marks=pytest.mark.slow),
]


def num_values(weights):
    return sum(math.prod(weight.shape) for weight in weights)


@pytest.mark.parametrize("name", MODELS)
def test_parameters_at_the_papers_size_are_exact(name, paper_network):
    network = paper_network(name)
    trainable = num_values(network.trainable_weights)
    others = num_values(network.non_trainable_weights)
    assert (trainable, others) == PARAMETERS[name]
    assert network.count_params() == sum(PARAMETERS[name])


@pytest.mark.parametrize("name", MODELS)
def test_defaults_are_the_papers_size(name, paper_network):
    defaults = MODELS[name].load().__defaults__
    assert defaults == (MODELS[name].input_shape, MODELS[name].num_classes)


@pytest.mark.parametrize(("name", "size"), STAGES)
def test_stages_have_the_shapes_of_the_paper(name, size, paper_network, small_network):
    network = small_network(name) if size == "32x32" else paper_network(name)
    assert size == "x".join(map(str, network.input_shape[1:3]))
    shapes = {
        layer: network.get_layer(layer).output.shape[1:] for layer in STAGES[name, size]
    }
    assert shapes == STAGES[name, size]


@pytest.mark.parametrize(
    "input_shape",
    [(32, 32, 1), (45, 33, 3), pytest.param((32, 32, 3), marks=pytest.mark.slow)],
)
@pytest.mark.parametrize(("name", "stem"), STEMS)
def test_output_is_one_probability_a_class(name, stem, input_shape):
    options = {"stem": stem} if len(MODELS[name].stems) > 1 else {}
    network = MODELS[name].load()(input_shape, 7, **options)
    assert network.name == name
    assert not network.compiled
    assert network.output_shape == (None, 7)
    images = np.random.default_rng(0).random((2, *input_shape), dtype="float32")
    probabilities = network(images).numpy()
    assert (probabilities >= 0).all()
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)


@pytest.mark.parametrize("name", MODELS)
def test_smallest_size_works_and_one_pixel_less_is_an_error(name):
    build, size = MODELS[name].load(), MODELS[name].min_size
    assert build((size, size, 1), 2).output_shape == (None, 2)
    for shape in [(size - 1, size, 1), (size, size - 1, 3)]:
        with pytest.raises(InputShapeError) as raised:
            build(shape, 2)
        message = str(raised.value)
        assert message.startswith(f"{name} takes images of shape (height, width, ")
        assert f"at least {size}, but got {shape}" in message
        assert "\n" not in message


@pytest.mark.parametrize(
    "shape",
    [(32, 32), (1, 32, 32, 1), (32, 32, 0), (None, None, 1), (32.0, 32.0, 1), 32],
)
@pytest.mark.parametrize("name", MODELS)
def test_wrong_input_shape_is_an_error(name, shape):
    got = re.escape(f"but got {shape!r}.")
    with pytest.raises(InputShapeError, match=f"{name} takes .* {got}"):
        MODELS[name].load()(shape, 10)


@pytest.mark.parametrize("num_classes", [1, 0, -3, 2.5, None, "10"])
@pytest.mark.parametrize("name", MODELS)
def test_wrong_number_of_classes_is_an_error(name, num_classes):
    with pytest.raises(ConfigError, match=f"at least 2 .*num_classes={num_classes!r}"):
        MODELS[name].load()((32, 32, 1), num_classes)


@pytest.mark.parametrize("dropout", [-0.1, 1, 1.5, float("nan"), "half", None])
@pytest.mark.parametrize("name", ["alexnet", "vgg16", "mobilenet"])
def test_impossible_dropout_is_an_error(name, dropout):
    with pytest.raises(
        ConfigError, match=rf"dropout of {name} .*\[0, 1\).*{dropout!r}"
    ):
        MODELS[name].load()((32, 32, 1), 10, dropout=dropout)


@pytest.mark.parametrize("name", ["alexnet", "vgg16", "mobilenet"])
def test_dropout_reaches_the_layers(name):
    network = MODELS[name].load()((32, 32, 1), 10, dropout=0.25)
    rates = [x.rate for x in network.layers if isinstance(x, keras.layers.Dropout)]
    assert rates
    assert set(rates) == {0.25}


@pytest.mark.parametrize("name", ["resnet18", "mobilenet"])
def test_unknown_stem_is_an_error(name):
    with pytest.raises(ConfigError, match=f"{name} has no stem 'tiny'.*paper, small"):
        MODELS[name].load()((32, 32, 1), 10, stem="tiny")


@pytest.mark.parametrize(("name", "stem"), STEMS)
def test_no_two_kernels_start_equal(name, stem, small_network):
    kernels = [w for w in small_network(name, stem).weights if len(w.shape) > 1]
    starts = {tuple(np.ravel(kernel)[:4]) for kernel in kernels}
    assert len(starts) == len(kernels)


@pytest.mark.parametrize(("name", "stem"), STEMS)
def test_gradients_reach_every_weight(name, stem, small_network, digits):
    keras.utils.set_random_seed(1)
    images, labels = digits
    images = np.pad(images / 255, ((0, 0), (2, 2), (2, 2), (0, 0)))
    network = small_network(name, stem)
    with tf.GradientTape() as tape:
        probabilities = network(images, training=True)
        losses = keras.losses.sparse_categorical_crossentropy(labels, probabilities)
        loss = tf.reduce_mean(losses)
    weights = network.trainable_weights
    gradients = tape.gradient(loss, [weight.value for weight in weights])
    for weight, gradient in zip(weights, gradients, strict=True):
        assert gradient is not None, weight.path
        assert np.isfinite(gradient).all(), weight.path
        assert np.any(gradient), weight.path


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        stem
        if stem[0] in ("lenet", "mobilenet")
        else pytest.param(*stem, marks=pytest.mark.slow)
        for stem in STEMS
    ],
)
def test_saved_model_comes_back_the_same(name, stem, digits, tmp_path):
    images, _ = digits
    model = build_model(name, (28, 28, 1), 10, stem=stem)
    path = tmp_path / "model.keras"
    model.save(path)
    loaded = keras.saving.load_model(path)
    path.unlink()  # up to 135 MB
    assert loaded.to_json() == model.to_json()  # tuples come back as lists
    np.testing.assert_array_equal(loaded(images), model(images))


@pytest.mark.parametrize(("name", "steps", "rate"), OVERFIT)
def test_network_learns_sixteen_digits_by_heart(name, steps, rate, digits):
    keras.utils.set_random_seed(0)
    images, labels = digits
    stem = MODELS[name].stems[-1]
    model = build_model(name, (28, 28, 1), 10, stem=stem)
    model.compile(
        keras.optimizers.Adam(rate),
        "sparse_categorical_crossentropy",
        jit_compile=False,
    )
    for _ in range(steps):
        model.train_on_batch(images, labels)
    predictions = np.argmax(model(images, training=False), axis=1)
    np.testing.assert_array_equal(predictions, labels)
