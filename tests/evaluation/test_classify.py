"""Images of every kind classified by every kind of model, as one kind of result."""

from dataclasses import replace

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from kerascnn.errors import (
    InputShapeError,
    ModelFileError,
    PictureError,
    UnknownNameError,
)
from kerascnn.evaluation.classify import classify
from kerascnn.model_files.find import artifact_of_run, open_artifact


@pytest.fixture(scope="module")
def images(splits):
    return splits[1].images[:12]


@pytest.fixture(scope="module")
def expected(lenet, images):
    return np.asarray(lenet(images.astype(np.float32), training=False))


def same(images):
    return images


def gray(images):
    return images[..., 0]


KINDS = {
    "bytes": same,
    "without channels": gray,
    "wider integers": lambda images: images.astype(np.int32),
    "float64": lambda images: images.astype(np.float64),
    "tensor": tf.constant,
    "list of arrays": list,
    "nested lists": lambda images: gray(images).tolist(),
    "not contiguous": lambda images: np.asfortranarray(images),
}


@pytest.mark.parametrize("kind", KINDS)
def test_arrays_are_taken_as_they_are(lenet, images, expected, kind):
    found = classify(KINDS[kind](images), lenet)
    assert found.probabilities.dtype == np.float32
    np.testing.assert_allclose(found.probabilities, expected, rtol=1e-4, atol=1e-6)
    assert found.classes.dtype == np.int64
    assert found.classes.tolist() == expected.argmax(axis=1).tolist()
    assert found.names == [str(index) for index in found.classes]
    assert len(found) == 12


@pytest.mark.parametrize("one", [same, gray], ids=["channels", "gray"])
def test_one_image_is_a_batch_of_one(lenet, images, expected, one):
    found = classify(one(images)[3], lenet)
    np.testing.assert_allclose(found.probabilities, expected[3:4], rtol=1e-4, atol=1e-6)


def test_no_image_gives_nothing_of_the_same_kind(lenet, images):
    found = classify(images[:0], lenet)
    assert found.probabilities.shape == (0, 10)
    assert found.names == []


def test_fractions_of_brightness_count(lenet, images):
    half = classify(images / 2, lenet).probabilities
    rounded = classify(images // 2, lenet).probabilities
    assert 0 < abs(half - rounded).max() < 0.2


def test_pictures_are_prepared_and_arrays_are_not(lenet, images, expected, tmp_path):
    """A picture of dark on light is inverted, as `kerascnn predict` does."""
    opened = [Image.fromarray(255 - image) for image in gray(images)]
    for number, picture in enumerate(opened):
        picture.save(tmp_path / f"{number:02}.png")
    paths = sorted(tmp_path.glob("*.png"))
    for pictures in (opened, paths, tuple(map(str, paths)), tmp_path, str(tmp_path)):
        found = classify(pictures, lenet, dataset="mnist")
        np.testing.assert_allclose(found.probabilities, expected, rtol=1e-4, atol=1e-6)
    for picture in (opened[0], paths[0]):
        one = classify(picture, lenet, dataset="mnist").probabilities
        np.testing.assert_allclose(one, expected[:1], rtol=1e-4, atol=1e-6)
    kept = classify(paths, lenet, dataset="mnist", invert=False)
    raw = classify(255 - images, lenet)
    np.testing.assert_array_equal(kept.probabilities, raw.probabilities)


@pytest.mark.slow
def test_models_on_disk_give_the_same(lenet_run, exported, images, expected):
    artifacts = [
        artifact_of_run(lenet_run),
        *(open_artifact(exported / n) for n in ("model.tflite", "saved_model")),
    ]
    for artifact in artifacts:
        for kind in (same, KINDS["float64"]):
            found = classify(kind(images), artifact)
            np.testing.assert_allclose(
                found.probabilities, expected, rtol=1e-3, atol=1e-5
            )
            assert found.class_names == tuple("0123456789")
            assert len(classify(images[:0], artifact)) == 0


@pytest.mark.parametrize(
    ("wrong", "error", "message"),
    [
        (lambda i: i[:, :20], InputShapeError, r"but got an array \(12, 20, 28, 1\)"),
        (
            lambda i: np.repeat(i, 3, axis=3),
            InputShapeError,
            r"images \(28, 28, 1\)",
        ),
        (lambda i: [i[0], i[1][:20]], InputShapeError, "of one array have one shape"),
        (lambda i: i > 100, PictureError, "but got bool"),
        (lambda i: i * 2.0, PictureError, "but got 0 to 510. Give raw pixels"),
        (lambda i: i / 255 - 0.5, PictureError, r"but got -0.5 to 0.5"),
        (lambda i: i + np.nan, PictureError, "but got nan to nan"),
        (lambda i: "no.png", PictureError, "Cannot read no.png: there is no such file"),
        (lambda i: [Image.new("L", (9, 9)), i[0]], TypeError, "there is a ndarray"),
    ],
)
def test_what_is_no_image_is_one_clear_error(lenet, images, wrong, error, message):
    with pytest.raises(error, match=message):
        classify(wrong(images), lenet)


def test_model_that_is_no_classifier_is_refused(images):
    inputs = keras.Input((28, 28, 1))
    flat = keras.layers.Flatten()(inputs)
    with pytest.raises(ModelFileError, match="does not give probabilities"):
        classify(images, keras.Model(inputs, keras.layers.Dense(10)(flat)))
    with pytest.raises(ModelFileError, match=r"gives \(None, 28, 28, 1\), but a"):
        classify(images, keras.Model(inputs, keras.layers.ReLU()(inputs)))
    with pytest.raises(ModelFileError, match="takes None and gives None"):
        classify(images, keras.Sequential())


def test_data_set_gives_names_and_has_to_fit(lenet, images):
    assert classify(images[:1], lenet, dataset="fashion_mnist").names == ["Sneaker"]
    with pytest.raises(ModelFileError, match=r"those of cifar10 are \(32, 32, 3\)"):
        classify(images, lenet, dataset="cifar10")
    with pytest.raises(UnknownNameError):
        classify(images, lenet, dataset="mnst")


def test_classification_is_calibrated_by_the_models_temperature(lenet_run, images):
    artifact = artifact_of_run(lenet_run)
    raw = classify(images, artifact)
    assert raw.temperature is None
    np.testing.assert_array_equal(raw.calibrated, raw.probabilities)
    cool = classify(images, replace(artifact, temperature=2.0))
    np.testing.assert_array_equal(cool.probabilities, raw.probabilities)
    roots = np.sqrt(raw.probabilities.astype(float))
    expected = roots / roots.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(cool.calibrated, expected, rtol=1e-5)
    assert cool.rejected(0.9).tolist() == (expected.max(axis=1) < 0.9).tolist()
    assert raw.rejected(0.9).sum() < cool.rejected(0.9).sum()
