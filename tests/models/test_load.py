"""Models in files that are sound, damaged, or hold code."""

import io
import random
import zipfile
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest

from kerascnn.errors import ModelFileError
from kerascnn.models.load import load_model


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


def test_loading_draws_no_random_numbers(lenet_run):
    before = random.getstate()
    load_model(lenet_run.model_path)
    assert random.getstate() == before
