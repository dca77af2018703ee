"""Evaluation: metrics worked out by hand, Keras and scikit-learn as witnesses."""

import io
import zipfile
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest

from kerascnn.config import TrainConfig
from kerascnn.errors import ConfigError, DivergedError, RunError, UnknownNameError
from kerascnn.evaluation import (
    Predictor,
    evaluate_file,
    evaluate_run,
    load_model,
    predict_probabilities,
)
from kerascnn.models import build_model
from kerascnn.runs import Run


@pytest.fixture(scope="module")
def run(lenet, tmp_path_factory):
    run = Run(tmp_path_factory.mktemp("runs") / "lenet-sgd-1")
    run.path.mkdir()
    run.write_text("config.json", TrainConfig(model="lenet").resolve().to_json())
    lenet.save(run.model_path)
    run.write_json("metrics.json", {"status": "finished"})
    return run


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


# Models from disk


def test_run_is_evaluated_on_the_whole_test_set(run, lenet, splits):
    evaluation = evaluate_run(run)
    _, test = splits
    expected = [
        np.asarray(lenet(test.images[i : i + 1000].astype(np.float32)))
        for i in range(0, 10_000, 1000)
    ]
    guesses = np.concatenate(expected).argmax(axis=1)
    assert evaluation.metrics["images"] == 10_000
    assert evaluation.metrics["correct"] == (guesses == test.labels).sum()
    np.testing.assert_array_equal(evaluation.probabilities.argmax(axis=1), guesses)
    np.testing.assert_array_equal(evaluation.test.labels, test.labels)
    document = evaluation.to_dict()
    assert document["source"] == str(run.path)
    assert document["dataset"] == "mnist"
    assert document["accuracy"] == evaluation.metrics["accuracy"]


def test_unfinished_and_diverged_runs_say_so(run, tmp_path):
    other = Run(tmp_path / "lenet-sgd-2")
    other.path.mkdir()
    with pytest.raises(RunError, match=r"has not finished.*--resume"):
        evaluate_run(other)
    other.write_json("metrics.json", {"status": "diverged", "diverged_at_epoch": 1})
    with pytest.raises(DivergedError, match="lower learning rate"):
        evaluate_run(other)


def test_unknown_dataset_of_a_file_suggests_the_nearest(run):
    with pytest.raises(UnknownNameError, match="Did you mean 'mnist'"):
        evaluate_file(run.model_path, "mnits")


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
def test_damaged_file_is_one_clear_line(run, tmp_path, damage):
    make, reason = DAMAGES[damage]
    path = tmp_path / "bad.keras"
    make(run.model_path, path)
    with pytest.raises(RunError) as caught:
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
    with pytest.raises(RunError, match="Lambda"):
        load_model(tmp_path / "lambda.keras")


def test_repacked_file_is_sound(run, tmp_path):
    """The damages above are damages, not ways of packing."""
    _repacked(run.model_path, tmp_path / "same.keras")
    loaded = load_model(tmp_path / "same.keras").get_weights()
    for actual, expected in zip(
        loaded, load_model(run.model_path).get_weights(), strict=True
    ):
        np.testing.assert_array_equal(actual, expected)


@pytest.mark.parametrize(
    ("shape", "classes", "message"),
    [
        ((32, 32, 3), 10, r"takes \(None, 32, 32, 3\) .* needs \(None, 28, 28, 1\)"),
        ((28, 28, 1), 7, r"gives \(None, 7\), but mnist needs .* \(None, 10\)"),
    ],
)
def test_model_for_other_data_is_refused(tmp_path, shape, classes, message):
    path = tmp_path / "other.keras"
    build_model("lenet", shape, classes).save(path)
    with pytest.raises(RunError, match=message):
        evaluate_file(path)


def test_model_of_a_fixed_batch_or_several_inputs_is_refused(tmp_path):
    fixed = keras.Input((28, 28, 1), batch_size=4)
    dense = keras.layers.Dense(10, activation="softmax")
    outputs = dense(keras.layers.Flatten()(fixed))
    keras.Model(fixed, outputs).save(tmp_path / "fixed.keras")
    with pytest.raises(RunError, match=r"takes \(4, 28, 28, 1\)"):
        evaluate_file(tmp_path / "fixed.keras")

    first, second = keras.Input((28, 28, 1)), keras.Input((28, 28, 1))
    outputs = dense(keras.layers.Flatten()(first + second))
    keras.Model([first, second], outputs).save(tmp_path / "two.keras")
    with pytest.raises(RunError, match=r"takes \[\(None, 28, 28, 1\), "):
        evaluate_file(tmp_path / "two.keras")


def test_model_without_softmax_is_refused(tmp_path):
    path = tmp_path / "logits.keras"
    layers = [keras.Input((28, 28, 1)), keras.layers.Flatten(), keras.layers.Dense(10)]
    keras.Sequential(layers).save(path)
    with pytest.raises(RunError, match=r"does not give probabilities: .* softmax"):
        evaluate_file(path)


def test_model_whose_weights_are_no_numbers_is_refused(tmp_path):
    path = tmp_path / "nan.keras"
    model = build_model("lenet", (28, 28, 1), 10)
    model.set_weights(
        [np.full_like(weights, np.nan) for weights in model.get_weights()]
    )
    model.save(path)
    with pytest.raises(RunError, match=r"not give probabilities: .* nan.*train again"):
        evaluate_file(path)


def test_model_that_takes_any_size_is_evaluated(tmp_path, splits):
    path = tmp_path / "any.keras"
    inputs = keras.Input((None, None, 1))
    x = keras.layers.Rescaling(1 / 255)(inputs)
    x = keras.layers.Conv2D(4, 3)(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    model = keras.Model(inputs, keras.layers.Dense(10, activation="softmax")(x))
    model.save(path)
    metrics = evaluate_file(path, batch_size=1000).metrics
    guesses = predict_probabilities(model, splits[1].images).argmax(axis=1)
    assert metrics["correct"] == (guesses == splits[1].labels).sum()
