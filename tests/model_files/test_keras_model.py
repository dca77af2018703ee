"""Keras models at work: every image answered once, in order."""

import keras
import numpy as np
import pytest

from kerascnn.errors import ConfigError, ModelFileError
from kerascnn.model_files.keras_model import Predictor, predict_probabilities
from kerascnn.models.build import build_model


@pytest.mark.parametrize("count", [1, 255, 256, 257, 600])
def test_each_image_is_answered_once_and_in_order(lenet, splits, count):
    images = splits[1].images[:count]
    expected = np.concatenate(
        [
            np.asarray(lenet(images[i : i + 100].astype(np.float32), training=False))
            for i in range(0, count, 100)
        ]
    )
    actual = predict_probabilities(lenet, images)
    assert actual.dtype == np.float32
    assert actual.shape == (count, 10)
    np.testing.assert_allclose(actual, expected, rtol=1e-4, atol=1e-6)


def test_batch_size_does_not_change_the_answers(lenet, splits):
    images = splits[1].images[:100]
    whole = predict_probabilities(lenet, images)
    parts = predict_probabilities(lenet, images, batch_size=7)
    np.testing.assert_allclose(parts, whole, rtol=1e-4, atol=1e-6)


def test_no_image_gives_no_answer(lenet, splits):
    assert predict_probabilities(lenet, splits[1].images[:0]).shape == (0, 10)


def traced(call, traces):
    """The same call, which is noted down."""

    def note(*arguments, **options):
        traces.append(arguments)
        return call(*arguments, **options)

    return note


def test_predictor_is_compiled_once_a_type_and_sees_new_weights(splits, monkeypatch):
    model = build_model("lenet", (28, 28, 1), 10)
    images = splits[1].images[:10]
    predictor = Predictor(model, batch_size=4)
    traces = []
    monkeypatch.setattr(model, "call", traced(model.call, traces))
    before = predictor(images)
    predictor(images[:3])
    assert len(traces) == 1
    np.testing.assert_array_equal(predictor(images.astype(np.float32)), before)
    assert len(traces) == 2
    model.set_weights([np.zeros_like(weights) for weights in model.get_weights()])
    assert not np.allclose(before, 0.1)
    np.testing.assert_allclose(predictor(images), 0.1, rtol=1e-6)


def test_batches_side_by_side_are_answered_in_order(lenet, splits):
    images = splits[1].images[:1000]
    together = Predictor(lenet, batch_size=64, workers=4)(images)
    np.testing.assert_array_equal(together, Predictor(lenet, batch_size=64)(images))


def test_dropout_and_batch_statistics_are_off(splits):
    inputs = keras.Input((28, 28, 1))
    x = keras.layers.Flatten()(inputs)
    x = keras.layers.BatchNormalization()(x)
    x = keras.layers.Dropout(0.5)(x)
    outputs = keras.layers.Dense(10, activation="softmax")(x)
    predictor = Predictor(keras.Model(inputs, outputs))
    images = splits[1].images[:8]
    np.testing.assert_array_equal(predictor(images), predictor(images))
    np.testing.assert_allclose(predictor(images[:1]), predictor(images)[:1], rtol=1e-4)


@pytest.mark.slow  # TensorFlow waits ten seconds for memory to become free
def test_batch_that_does_not_fit_into_memory_says_what_to_lower(splits):
    inputs = keras.Input((28, 28, 1))
    x = keras.layers.Dense(10_000)(keras.layers.Flatten()(inputs))
    x = keras.layers.RepeatVector(2**31 - 1)(x)  # 86 TB an image
    x = keras.layers.GlobalAveragePooling1D()(x)
    outputs = keras.layers.Dense(10, activation="softmax")(x)
    with pytest.raises(ConfigError, match=r"^3 images at a time .* --batch-size\.$"):
        predict_probabilities(keras.Model(inputs, outputs), splits[1].images[:3])


def model_of(shape, *layers):
    inputs = x = keras.Input(shape)
    for layer in layers:
        x = layer(x)
    return keras.Model(inputs, x)


@pytest.mark.parametrize(
    ("model", "shapes"),
    [
        (
            model_of((5,), keras.layers.Dense(3)),
            r"takes \(None, 5\) and gives \(None, 3\)",
        ),
        (
            model_of((28, 28, 1), keras.layers.Conv2D(3, 28)),
            r"takes \(None, 28, 28, 1\) and gives \(None, 1, 1, 3\)",
        ),
        (keras.Sequential([keras.layers.Dense(3)]), "takes None and gives None"),
    ],
    ids=["no images", "no probabilities", "not built"],
)
def test_what_is_no_classifier_of_images_says_what_it_is(splits, model, shapes):
    with pytest.raises(ModelFileError, match=shapes) as caught:
        predict_probabilities(model, splits[1].images[:3])
    assert "\n" not in str(caught.value)
