"""Evaluation: metrics worked out by hand, Keras and scikit-learn as witnesses."""

import io
import math
import warnings
import zipfile
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest
from sklearn import metrics as sklearn_metrics

from kerascnn.config import TrainConfig
from kerascnn.data import load_dataset
from kerascnn.errors import ConfigError, DivergedError, RunError, UnknownNameError
from kerascnn.evaluation import (
    Predictor,
    compute_metrics,
    evaluate_file,
    evaluate_run,
    load_model,
    loss_and_accuracy,
    predict_probabilities,
)
from kerascnn.models import build_model
from kerascnn.runs import Run


@pytest.fixture(scope="module")
def splits():
    return load_dataset("mnist")


@pytest.fixture(scope="module")
def lenet(splits):
    """A LeNet that has seen a few thousand digits: mostly right, not always."""
    train, _ = splits
    keras.utils.set_random_seed(0)
    model = build_model("lenet", (28, 28, 1), 10)
    model.compile(keras.optimizers.Adam(0.002), "sparse_categorical_crossentropy")
    for start in range(0, 60 * 64, 64):
        batch = slice(start, start + 64)
        model.train_on_batch(train.images[batch], train.labels[batch])
    return model


@pytest.fixture(scope="module")
def probabilities(lenet, splits):
    return predict_probabilities(lenet, splits[1].images[:2000])


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


# Metrics

HAND = np.array(
    [[0.7, 0.2, 0.1], [0.6, 0.3, 0.1], [0.1, 0.8, 0.1], [0.2, 0.3, 0.5]], np.float32
)
HAND_LABELS = np.array([0, 1, 1, 2])


def test_metrics_agree_with_hand_arithmetic():
    metrics = compute_metrics(HAND, HAND_LABELS, "abc", bins=4)
    assert metrics["images"] == 4
    assert metrics["correct"] == 3
    assert metrics["accuracy"] == 0.75
    loss = -(math.log(0.7) + math.log(0.3) + math.log(0.8) + math.log(0.5)) / 4
    assert metrics["loss"] == pytest.approx(loss, rel=1e-6)
    assert metrics["top_k"] == {"1": 0.75, "2": 1.0, "3": 1.0}
    assert metrics["confusion_matrix"] == [[1, 0, 0], [1, 1, 0], [0, 0, 1]]
    assert metrics["per_class"] == [
        {"name": "a", "images": 1, "precision": 0.5, "recall": 1.0, "f1": 2 / 3},
        {"name": "b", "images": 2, "precision": 1.0, "recall": 0.5, "f1": 2 / 3},
        {"name": "c", "images": 1, "precision": 1.0, "recall": 1.0, "f1": 1.0},
    ]
    assert metrics["precision"] == pytest.approx(2.5 / 3)
    assert metrics["recall"] == pytest.approx(2.5 / 3)
    assert metrics["f1"] == pytest.approx((2 / 3 + 2 / 3 + 1) / 3)


def test_calibration_error_agrees_with_hand_arithmetic():
    metrics = compute_metrics(HAND, HAND_LABELS, "abc", bins=4)
    # 0.5 is the upper bound of the second bin, and in it.
    assert metrics["reliability"] == [
        {"confidence": None, "accuracy": None, "images": 0},
        {"confidence": 0.5, "accuracy": 1.0, "images": 1},
        {"confidence": pytest.approx(0.65), "accuracy": 0.5, "images": 2},
        {"confidence": pytest.approx(0.8), "accuracy": 1.0, "images": 1},
    ]
    expected = (1 * 0.5 + 2 * 0.15 + 1 * 0.2) / 4
    assert metrics["expected_calibration_error"] == pytest.approx(expected)


def test_certainty_falls_into_the_last_bin():
    metrics = compute_metrics(np.eye(2, dtype=np.float32), np.array([0, 1]), "ab")
    assert len(metrics["reliability"]) == 15
    assert metrics["reliability"][-1]["images"] == 2
    assert metrics["expected_calibration_error"] == 0


def test_metrics_agree_with_scikit_learn(probabilities, splits):
    labels = splits[1].labels[:2000]
    guesses = probabilities.argmax(axis=1)
    metrics = compute_metrics(probabilities, labels, splits[1].class_names)
    assert 0.5 < metrics["accuracy"] < 1
    assert metrics["accuracy"] == sklearn_metrics.accuracy_score(labels, guesses)
    exact = probabilities.astype(np.float64)
    exact /= exact.sum(axis=1, keepdims=True)
    log_loss = sklearn_metrics.log_loss(labels, exact)
    assert metrics["loss"] == pytest.approx(log_loss, rel=1e-4)
    for k in (2, 3, 5):
        top_k = sklearn_metrics.top_k_accuracy_score(labels, probabilities, k=k)
        assert metrics["top_k"][str(k)] == pytest.approx(top_k, abs=1e-12)
    macro = sklearn_metrics.f1_score(labels, guesses, average="macro")
    assert metrics["f1"] == pytest.approx(macro)
    assert np.trace(metrics["confusion_matrix"]) == metrics["correct"]
    assert sum(row["images"] for row in metrics["reliability"]) == 2000


def test_metrics_agree_with_keras(lenet, probabilities, splits):
    labels = splits[1].labels[:2000]
    lenet.compile(loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    expected = lenet.evaluate(
        splits[1].images[:2000], labels, batch_size=250, verbose=0, return_dict=True
    )
    metrics = compute_metrics(probabilities, labels, splits[1].class_names)
    assert metrics["correct"] == round(expected["accuracy"] * 2000)
    assert metrics["loss"] == pytest.approx(expected["loss"], rel=1e-4)


@pytest.mark.parametrize(
    ("answer", "label"), [([1, 0], 1), ([1, 0], 0), ([0.25, 0.75], 0)]
)
def test_loss_is_clipped_as_in_keras(answer, label):
    answers, labels = np.array([answer], np.float32), np.array([label])
    loss, _ = loss_and_accuracy(answers, labels)
    expected = keras.losses.sparse_categorical_crossentropy(labels, answers)
    assert loss == pytest.approx(float(expected[0]), rel=1e-4, abs=1e-6)


def test_loss_of_numbers_that_are_none_is_none():
    labels = np.array([1, 2])
    loss, accuracy = loss_and_accuracy(np.full((2, 3), np.nan, np.float32), labels)
    assert math.isnan(loss)
    assert accuracy == 0


def test_one_image_and_absent_classes_give_no_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        metrics = compute_metrics(HAND[:1], HAND_LABELS[:1], "abc")
    assert metrics["images"] == 1
    assert metrics["accuracy"] == 1
    # Means over the one class that has an image; the others are 0/0.
    assert (metrics["precision"], metrics["recall"], metrics["f1"]) == (1, 1, 1)
    assert metrics["per_class"][2] == {
        "name": "c",
        "images": 0,
        "precision": 0.0,
        "recall": 0.0,
        "f1": 0.0,
    }
    assert metrics["confusion_matrix"] == [[1, 0, 0], [0, 0, 0], [0, 0, 0]]


def test_of_equal_probabilities_the_first_is_the_guess():
    answers = np.full((2, 2), 0.5, np.float32)
    metrics = compute_metrics(answers, np.array([0, 1]), "ab")
    assert metrics["top_k"] == {"1": 0.5, "2": 1.0}
    assert metrics["accuracy"] == 0.5


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
        "Bad CRC-32",
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
