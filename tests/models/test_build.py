"""A network with its preprocessing."""

import keras
import numpy as np
import pytest

from kerascnn.errors import ConfigError, InputShapeError, UnknownNameError
from kerascnn.models import MODELS
from kerascnn.models.build import build_model


def preprocessed(model, images):
    """What the network sees of `images`, and the preprocessing layers by name."""
    *layers, network = model.layers[1:]
    part = keras.Model(model.input, layers[-1].output)
    assert network.name == model.name.removesuffix("_classifier")
    return part(images).numpy(), [layer.name for layer in layers]


@pytest.mark.parametrize("name", MODELS)
def test_model_takes_raw_pixels_and_holds_the_network(name):
    model = build_model(name, (28, 28, 1), 10)
    assert model.name == f"{name}_classifier"
    assert model.input.name == "image"
    assert model.input_shape == (None, 28, 28, 1)
    assert model.input.dtype == "float32"
    assert model.output_shape == (None, 10)
    side = max(28, MODELS[name].min_size)
    assert model.get_layer(name).input_shape == (None, side, side, 1)
    assert model.get_layer(name).count_params() == model.count_params()


def test_images_of_the_networks_size_are_only_scaled(digits):
    images, _ = digits
    seen, layers = preprocessed(build_model("lenet", (28, 28, 1), 10), images)
    assert layers == ["rescale"]
    assert seen.max() == 1
    np.testing.assert_allclose(seen, images / 255, rtol=1e-6)


@pytest.mark.parametrize(
    ("image_shape", "image_size", "around"),
    [
        ((28, 28, 1), 32, ((2, 2), (2, 2))),
        ((28, 28, 1), 35, ((3, 4), (3, 4))),
        ((30, 27, 3), 32, ((1, 1), (2, 3))),
        ((32, 28, 1), 32, ((0, 0), (2, 2))),
    ],
)
def test_images_a_little_too_small_get_zeros_around_them(
    image_shape, image_size, around
):
    images = np.random.default_rng(0).integers(1, 256, (2, *image_shape))
    model = build_model("lenet", image_shape, 10, image_size=image_size)
    seen, layers = preprocessed(model, images.astype("float32"))
    assert layers == ["rescale", "pad"]
    expected = np.pad(images / 255, ((0, 0), *around, (0, 0)))
    np.testing.assert_allclose(seen, expected, rtol=1e-6)


@pytest.mark.parametrize(
    ("image_shape", "image_size"),
    [((28, 28, 1), 36), ((28, 28, 1), 64), ((28, 28, 1), 20), ((40, 28, 3), 32)],
)
def test_other_images_are_resized(image_shape, image_size):
    images = np.zeros((1, *image_shape), "float32")
    images[:, :, image_shape[1] // 2 :] = 255
    model = build_model("lenet", image_shape, 10, image_size=image_size)
    seen, layers = preprocessed(model, images)
    assert layers == ["rescale", "resize"]
    assert seen.shape == (1, image_size, image_size, image_shape[2])
    assert (seen[:, :, : image_size // 2 - 2] == 0).all()
    assert (seen[:, :, image_size // 2 + 2 :] == 1).all()


def test_resizing_is_bilinear():
    ramp = np.arange(28, dtype="float32") * 9
    images = np.broadcast_to(ramp[:, None], (1, 28, 28))[..., None]
    seen, _ = preprocessed(build_model("lenet", (28, 28, 1), 10, image_size=56), images)
    # The middle of pixel i of 56 lies at (i + 0.5) / 2 - 0.5 of 28.
    places = (np.arange(56) + 0.5) / 2 - 0.5
    expected = np.interp(places, np.arange(28), ramp) / 255
    np.testing.assert_allclose(seen[0, :, 3, 0], expected, atol=1e-6)


@pytest.mark.parametrize(
    ("name", "image_shape", "size"),
    [
        ("lenet", (28, 28, 1), (28, 28)),
        ("lenet", (8, 20, 1), (12, 20)),
        ("resnet18", (28, 28, 1), (32, 32)),
        ("resnet18", (28, 40, 3), (32, 40)),
        ("mobilenet", (40, 40, 3), (40, 40)),
    ],
)
def test_without_a_size_the_images_own_is_taken(name, image_shape, size):
    network = build_model(name, image_shape, 10).get_layer(name)
    assert network.input_shape == (None, *size, image_shape[2])


def test_model_gives_what_the_network_gives(digits):
    images, _ = digits
    model = build_model("lenet", (28, 28, 1), 10)
    network = model.get_layer("lenet")
    np.testing.assert_allclose(model(images), network(images / 255), atol=1e-6)


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
@pytest.mark.parametrize("name", ["lenet", "resnet18"])
def test_probabilities_are_float32_under_mixed_precision(name, policy, digits):
    images, _ = digits
    keras.config.set_dtype_policy(policy)
    try:
        model = build_model(name, (28, 28, 1), 10, image_size=64)
    finally:
        keras.config.set_dtype_policy("float32")
    convs = [x for x in model.get_layer(name).layers if "conv" in x.name]
    assert {x.compute_dtype for x in convs} == {policy.removeprefix("mixed_")}
    assert {x.compute_dtype for x in model.layers[1:-1]} == {"float32"}
    probabilities = model(images).numpy()
    assert model.output.dtype == "float32"
    assert probabilities.dtype == np.float32
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-6)


def test_loss_finds_the_logits_inside_the_network(digits):
    images, _ = digits
    model = build_model("lenet", (28, 28, 1), 10)
    predictions = model.get_layer("lenet").get_layer("predictions")
    predictions.kernel.assign(np.zeros((84, 10)))
    predictions.bias.assign(np.eye(10)[3] * 100)
    model.compile(loss="sparse_categorical_crossentropy", jit_compile=False)
    # From probabilities alone the loss would end at -log(1e-7) = 16.1.
    loss = model.test_on_batch(images, np.full(len(images), 4))
    assert loss == pytest.approx(100, rel=1e-5)


def test_stem_reaches_the_network():
    small = build_model("resnet18", (28, 28, 1), 10, stem="small")
    names = {layer.name for layer in small.get_layer("resnet18").layers}
    assert "stem_pool" not in names
    paper = build_model("resnet18", (28, 28, 1), 10)
    assert paper.get_layer("resnet18").get_layer("stem_pool").strides == (2, 2)
    lenet = build_model("lenet", (28, 28, 1), 10, stem="paper")
    assert lenet.count_params() == 61_706


def test_options_reach_the_network():
    model = build_model("mobilenet", (32, 32, 3), 10, alpha=0.5, dropout=0.1)
    network = model.get_layer("mobilenet")
    assert network.get_layer("block13_relu").output.shape[-1] == 512
    assert network.get_layer("dropout").rate == 0.1


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"name": "vgg"}, UnknownNameError, "no model 'vgg'. Did you mean 'vgg16'?"),
        ({"image_size": 31}, InputShapeError, "at least 32 .*image_size=31. Choose 32"),
        ({"image_size": 64.0}, InputShapeError, "but got image_size=64.0"),
        ({"image_shape": (28, 28)}, InputShapeError, r"but got \(28, 28\)"),
        (
            {"image_shape": (28, 0, 1)},
            InputShapeError,
            r"least 1, but got \(28, 0, 1\)",
        ),
        ({"num_classes": 1}, ConfigError, "num_classes=1"),
        (
            {"stem": "small"},
            ConfigError,
            "vgg16 has no stem 'small'. Choose .*: paper.",
        ),
        ({"alpha": 1.0}, ConfigError, "no option 'alpha', only dropout. Leave it out."),
        ({"name": "lenet", "dropout": 0}, ConfigError, "no option 'dropout', none."),
        ({"dropout": 1.0}, ConfigError, r"dropout of vgg16 .*\[0, 1\), but got 1.0"),
    ],
)
def test_wrong_setting_is_one_line(arguments, error, message):
    given = {"name": "vgg16", "image_shape": (28, 28, 1), "num_classes": 10}
    with pytest.raises(error, match=message) as raised:
        build_model(**given | arguments)
    assert "\n" not in str(raised.value)


def test_dropout_is_off_unless_the_model_is_trained():
    """Keras's `Resizing` would turn it on for the layers that follow."""
    model = build_model("alexnet", (28, 28, 1), 10, image_size=64)
    images = np.random.default_rng(0).integers(0, 256, (2, 28, 28, 1)).astype("float32")
    expected = model(images, training=False)
    np.testing.assert_array_equal(model(images), expected)
    assert np.abs(model(images, training=True) - expected).max() > 0.01
