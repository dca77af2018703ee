"""Keras models at work: whole answers, and files that are sound or damaged."""

import io
import zipfile
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest

from kerascnn.errors import ConfigError, ModelFileError
from kerascnn.model_files.keras_model import (
    Predictor,
    load_model,
    predict_probabilities,
)
from kerascnn.models.build import build_model

# Probabilities


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


def test_predictor_is_compiled_once_and_sees_new_weights(splits):
    model = build_model("lenet", (28, 28, 1), 10)
    images = splits[1].images[:10]
    predictor = Predictor(model, batch_size=4)
    before = predictor(images)
    predictor(images[:3])
    assert predictor._compiled.experimental_get_tracing_count() == 1
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


# Files


def _repacked(source: Path, target: Path, **parts: bytes | None) -> None:
    """Copy a `.keras` file with some of its parts replaced, or left out."""
    names = {"config": "config.json", "weights": "model.weights.h5"}
    changed = {names[key]: value for key, value in parts.items()}
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            content = changed.get(name, old.read(name))
            if content is not None:
                new.writestr(name, content)


def _with_zeros_in_the_middle(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes(100) + content[middle + 100 :]


def _without_a_layer(source: Path) -> bytes:
    """The weights of a model, those of its first dense layer left out."""
    with zipfile.ZipFile(source) as file:
        weights = io.BytesIO(file.read("model.weights.h5"))
    with h5py.File(weights, "r+") as file:
        paths = []
        file.visit(paths.append)
        del file[next(path for path in paths if path.endswith("/dense"))]
    return weights.getvalue()


DAMAGES = {
    "empty": (lambda good, bad: bad.write_bytes(b""), "not a zip archive"),
    "text": (lambda good, bad: bad.write_text("hello\n" * 99), "not a zip archive"),
    "truncated": (
        lambda good, bad: bad.write_bytes(good.read_bytes()[:-5000]),
        "not a zip archive, or cut short",
    ),
    "altered": (
        lambda good, bad: bad.write_bytes(_with_zeros_in_the_middle(good.read_bytes())),
        "model.weights.h5 in it was altered",
    ),
    "no config": (
        lambda good, bad: _repacked(good, bad, config=None),
        "no item named 'config.json'",
    ),
    "config is no JSON": (
        lambda good, bad: _repacked(good, bad, config=b"{"),
        "Expecting property name",
    ),
    "config is a list": (
        lambda good, bad: _repacked(good, bad, config=b"[1]"),
        "indices must be integers",
    ),
    "config is no model": (
        lambda good, bad: _repacked(
            good,
            bad,
            config=b'{"module": "keras.layers", "class_name": "Dense", "config": '
            b'{"units": 3}, "registered_name": null}',
        ),
        "it holds a Dense, not a model",
    ),
    "no weights": (
        lambda good, bad: _repacked(good, bad, weights=None),
        "Expected a model.weights.h5",
    ),
    "weights are no HDF5": (
        lambda good, bad: _repacked(good, bad, weights=b"abc"),
        "file signature not found",
    ),
    "weights of a layer missing": (
        lambda good, bad: _repacked(good, bad, weights=_without_a_layer(good)),
        "no matching group found",
    ),
    "missing": (lambda good, bad: None, "No such file"),
    "folder": (lambda good, bad: bad.mkdir(), "Is a directory"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_file_is_one_clear_line(lenet_run, tmp_path, damage):
    make, reason = DAMAGES[damage]
    path = tmp_path / "bad.keras"
    make(lenet_run.model_path, path)
    with pytest.raises(ModelFileError) as caught:
        load_model(path)
    message = str(caught.value)
    assert message.startswith(f"Cannot load a model from {path}: ")
    assert reason in message
    assert message.endswith("Save it again with model.save, or train again.")
    assert "\n" not in message
    assert len(message) < 400


def test_code_in_a_file_is_not_run(tmp_path):
    layers = [keras.Input((28, 28, 1)), keras.layers.Lambda(lambda x: x)]
    keras.Sequential(layers).save(tmp_path / "lambda.keras")
    with pytest.raises(ModelFileError, match="Lambda"):
        load_model(tmp_path / "lambda.keras")


def test_repacked_file_is_sound(lenet_run, tmp_path):
    """The damages above are damages, not ways of packing."""
    _repacked(lenet_run.model_path, tmp_path / "same.keras")
    loaded = load_model(tmp_path / "same.keras").get_weights()
    for actual, expected in zip(
        loaded, load_model(lenet_run.model_path).get_weights(), strict=True
    ):
        np.testing.assert_array_equal(actual, expected)
