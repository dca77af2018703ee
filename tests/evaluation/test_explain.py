"""Grad-CAM: against arithmetic by hand, and where real digits are."""

from pathlib import Path

import keras
import numpy as np
import pytest

from kerascnn.errors import ModelFileError
from kerascnn.evaluation.explain import explain_images
from kerascnn.models.build import build_model

PATH = Path("model.keras")


def explain(model, images, classes):
    return explain_images(model, images, np.asarray(classes), PATH)


@pytest.fixture
def images():
    return np.random.default_rng(0).integers(0, 256, (3, 6, 5, 1), dtype=np.uint8)


def by_hand(last, factor=1.0):
    """Two channels, the image and 255 less it; classes that like one of them each."""
    inputs = keras.Input((6, 5, 1))
    conv = keras.layers.Conv2D(2, 1, activation="relu", name="two")
    x = keras.layers.GlobalAveragePooling2D()(conv(inputs))
    dense = keras.layers.Dense(2, name="dense", activation=last)
    outputs = dense(x)
    if last is None:
        outputs = keras.layers.Softmax()(outputs)
    model = keras.Model(inputs, outputs)
    conv.set_weights([np.array([[[[1.0, -1.0]]]]), np.array([0.0, 255.0])])
    dense.set_weights([factor * np.array([[3.0, -1.0], [-2.0, 4.0]]), np.zeros(2)])
    return model


@pytest.mark.parametrize("last", ["softmax", None])
@pytest.mark.parametrize("factor", [0.001, 10])
def test_map_is_the_weighted_sum_of_the_channels(images, last, factor):
    """Also where the model is so sure that its probabilities have no gradient."""
    model = by_hand(last, factor)
    before = model.predict(images, verbose=0)
    assert (factor < 1) == (before.max() < 1)
    light = images[..., 0].astype(float)
    for label, (of_light, of_dark) in enumerate([(3, -2), (-1, 4)]):
        heat = np.maximum(of_light * light + of_dark * (255 - light), 0)
        for image, found in zip(heat, explain(model, images, [label] * 3), strict=True):
            assert found.layer == "two"
            assert found.box == (0, 0, 1, 1)
            np.testing.assert_allclose(found.heat, image / image.max(), atol=1e-5)
    np.testing.assert_array_equal(model.predict(images, verbose=0), before)


def test_each_image_is_explained_by_its_own_class(images):
    model = by_hand("softmax")
    mixed = explain(model, images, [0, 1, 0])
    for index, label in enumerate([0, 1, 0]):
        [alone] = explain(model, images[index : index + 1], [label])
        np.testing.assert_allclose(mixed[index].heat, alone.heat, atol=1e-6)


def test_nothing_that_speaks_for_the_class_is_zero():
    [found] = explain(by_hand("softmax"), np.zeros((1, 6, 5, 1), np.uint8), [0])
    assert found.heat.tolist() == np.zeros((6, 5)).tolist()
    rows = {"layer": "two", "box": [0, 0, 1, 1], "heat": [[0.0] * 5] * 6}
    assert found.to_dict() == rows


@pytest.mark.parametrize(
    ("name", "layer", "shape", "box"),
    [
        ("lenet", "block2_conv", (10, 10), (4, 24)),
        ("alexnet", "block1_conv", (6, 6), (1.5, 25.5)),
        ("vgg16", "block4_3_conv", (4, 4), (-2, 30)),
        # "same" pads an even side by one pixel, after it, where strides are 2.
        ("resnet18", "stage3b_relu", (4, 4), (1.5, 33.5)),
        ("mobilenet", "block5_relu", (4, 4), (1.5, 33.5)),
    ],
)
def test_last_map_of_4x4_is_taken_of_every_network(splits, name, layer, shape, box):
    """At 28x28, which all but LeNet pad to 32x32."""
    model = build_model(name, (28, 28, 1), 10)
    images = splits[1].images[:2]
    attributes = [set(vars(one)) for one in model._flatten_layers()]
    explained = explain(model, images, [3, 4])
    assert attributes == [set(vars(one)) for one in model._flatten_layers()]
    start, end = box
    for found in explained:
        assert (found.layer, found.heat.shape) == (layer, shape)
        assert [28 * side for side in found.box] == pytest.approx(
            [start] * 2 + [end] * 2
        )
        assert found.heat.max() in (0, 1)
        assert found.heat.min() >= 0


def layers_of(name):
    layers = keras.layers
    conv = {"kernel_initializer": "ones"}
    return {
        "valid": [layers.Conv2D(1, 5, **conv)],
        "padded": [layers.ZeroPadding2D(((3, 1), (0, 2))), layers.Conv2D(1, 3, **conv)],
        "same": [layers.Conv2D(1, 3, padding="same", **conv)],
        "strides": [layers.Conv2D(1, 3, strides=2, padding="same", **conv)],
        "pooled": [layers.AveragePooling2D(2), layers.Conv2D(1, 3, **conv)],
        "resized": [layers.Resizing(48, 72), layers.Conv2D(1, 3, **conv)],
    }[name]


@pytest.mark.parametrize(
    "name", ["valid", "padded", "same", "strides", "pooled", "resized"]
)
def test_map_lies_over_the_image_where_it_is_of(name):
    """A spot's heat has its middle at the spot, from 0 to 1 in both directions."""
    image = np.zeros((1, 24, 24, 1), np.uint8)
    image[0, 10:12, 14:16] = 255
    last = [
        keras.layers.GlobalAveragePooling2D(),
        keras.layers.Dense(2, kernel_initializer="ones", activation="softmax"),
    ]
    model = keras.Sequential([keras.Input((24, 24, 1)), *layers_of(name), *last])
    [found] = explain(model, image, [0])
    left, top, right, bottom = found.box
    height, width = found.heat.shape
    rows = top + (np.arange(height) + 0.5) * (bottom - top) / height
    columns = left + (np.arange(width) + 0.5) * (right - left) / width
    middle = (
        (found.heat.sum(axis=1) * rows).sum() / found.heat.sum(),
        (found.heat.sum(axis=0) * columns).sum() / found.heat.sum(),
    )
    # With strides, pixels between two of the map count for one of them.
    atol = 0.5 / 24 if name == "strides" else 1e-5
    np.testing.assert_allclose(middle, (11 / 24, 15 / 24), atol=atol)


def test_heat_is_where_the_digits_are(lenet, splits):
    """Strokes have twice as much as their share of the area."""
    images = splits[1].images[:200]
    classes = lenet(images.astype(np.float32)).numpy().argmax(axis=1)
    heat = np.zeros((200, 28, 28))
    for number, found in enumerate(explain(lenet, images, classes)):
        heat[number, 4:24, 4:24] = np.kron(found.heat, np.ones((2, 2)))
    strokes = images[..., 0] > 127
    assert (heat * strokes).sum() / heat.sum() > 2 * strokes.mean()


def test_model_without_a_map_or_softmax_says_so(images):
    layers = keras.layers
    flat = [keras.Input((6, 5, 1)), layers.Flatten()]
    model = keras.Sequential([*flat, layers.Dense(2, activation="softmax")])
    with pytest.raises(ModelFileError, match="no map of a convolution with at least 4"):
        explain(model, images, [0, 0, 0])
    convolved = [keras.Input((6, 5, 1)), layers.Conv2D(2, 3), layers.Flatten()]
    model = keras.Sequential([*convolved, layers.Dense(2, activation="softmax")])
    with pytest.raises(ModelFileError, match="no map of a convolution with at least 4"):
        explain(model, images, [0, 0, 0])  # 4x3
    convolved = [keras.Input((6, 5, 1)), layers.Conv2D(2, 1), layers.Flatten()]
    model = keras.Sequential([*convolved, layers.Dense(2, activation="sigmoid")])
    with pytest.raises(ModelFileError, match=r"last layer, dense.*, is no softmax"):
        explain(model, images, [0, 0, 0])
