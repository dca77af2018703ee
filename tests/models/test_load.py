"""Models in files that are sound, damaged, or hold code."""

import io
import json
import os
import random
import zipfile
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest

from kerascnn.errors import ModelFileError
from kerascnn.models.build import build_model
from kerascnn.models.load import load_model


def _repacked(source, target, method=zipfile.ZIP_STORED, more=(), **parts) -> None:
    """Copy a `.keras` file with some of its parts replaced, or left out."""
    names = {"config": "config.json", "weights": "model.weights.h5"}
    changed = {names[key]: value for key, value in parts.items()}
    with (
        zipfile.ZipFile(source) as old,
        zipfile.ZipFile(target, "w", method) as new,
    ):
        for name in old.namelist():
            content = changed.get(name, old.read(name))
            if content is not None:
                new.writestr(name, content)
        for name, content in more:
            new.writestr(name, content)


def _bomb() -> bytes:
    """An archive that says that it unpacks to 1 TB."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("config.json", "{}")
        archive.writestr("model.weights.h5", "")
        archive.infolist()[1].file_size = 10**12
    return file.getvalue()


def _encrypted(content: bytes) -> bytes:
    """The same file, the bit that says so set in its list of members."""
    changed, start = bytearray(content), -1
    while (start := changed.find(b"PK\x01\x02", start + 1)) >= 0:
        changed[start + 8] |= 1
    return bytes(changed)


def _config(source: Path):
    with zipfile.ZipFile(source) as file:
        return json.loads(file.read("config.json"))


def _network(config):
    """The layers of the network within the classifier."""
    layers = config["config"]["layers"]
    (network,) = (row for row in layers if row["class_name"] == "Functional")
    return network["config"]["layers"]


def _with_units(source: Path, units: object) -> bytes:
    """A config whose last layer has so many units."""
    config = _config(source)
    _network(config)[-1]["config"]["units"] = units
    return json.dumps(config).encode()


def _without_layers(source: Path) -> bytes:
    config = _config(source)
    del _network(config)[3:]
    return json.dumps(config).encode()


def _promising() -> bytes:
    """Weights of 4 TB that were never written."""
    file = io.BytesIO()
    with h5py.File(file, "w") as weights:
        weights.create_dataset("a", (10**6, 10**6), "f4", chunks=(1000, 1000))
    return file.getvalue()


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
        "it is a damaged zip archive (Bad CRC-32 for file 'model.weights.h5')",
    ),
    "no config": (
        lambda good, bad: _repacked(good, bad, config=None),
        "it holds no config.json",
    ),
    "config is no JSON": (
        lambda good, bad: _repacked(good, bad, config=b"{"),
        "it is not JSON (Expecting property name",
    ),
    "config is a list": (
        lambda good, bad: _repacked(good, bad, config=b"[1]"),
        "its config.json is no object",
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
        "it holds no model.weights.h5",
    ),
    "weights are no HDF5": (
        lambda good, bad: _repacked(good, bad, weights=b"abc"),
        "file signature not found",
    ),
    "weights of a layer missing": (
        lambda good, bad: _repacked(good, bad, weights=_without_a_layer(good)),
        "no matching group found",
    ),
    "config is nested without end": (
        lambda good, bad: _repacked(good, bad, config=b"[" * 100_000),
        "nested more than 50 deep",
    ),
    "config is too large": (
        lambda good, bad: _repacked(good, bad, config=b" " * 16_000_001),
        "its config.json is too large",
    ),
    "more than its size": (
        lambda good, bad: bad.write_bytes(_bomb()),
        "it holds more than 4,000.0 MB",
    ),
    "another method": (
        lambda good, bad: _repacked(good, bad, method=zipfile.ZIP_LZMA),
        "it is compressed by method 14",
    ),
    "encrypted": (
        lambda good, bad: bad.write_bytes(_encrypted(good.read_bytes())),
        "it is encrypted",
    ),
    "an asset": (
        lambda good, bad: _repacked(good, bad, more=[("assets/../../a", b"")]),
        "it holds 'assets/../../a', which no model of images has",
    ),
    "layer of many units": (
        lambda good, bad: _repacked(good, bad, config=_with_units(good, 10**18)),
        "it is of a model with 340,",
    ),
    "layer of some more units": (
        lambda good, bad: _repacked(good, bad, config=_with_units(good, 9 * 10**6)),
        "it is of a model with 3,060.2 MB of weights, but holds 0.",
    ),
    "layer of more units than there can be": (
        lambda good, bad: _repacked(good, bad, config=_with_units(good, 10**30)),
        "",
    ),
    "layer of no units": (
        lambda good, bad: _repacked(good, bad, config=_with_units(good, [])),
        "",
    ),
    "layer left out": (
        lambda good, bad: _repacked(good, bad, config=_without_layers(good)),
        "",
    ),
    "weights that say they are more": (
        lambda good, bad: _repacked(good, bad, weights=_promising()),
        "its model.weights.h5 says that it holds more than it does",
    ),
    "pipe": (lambda good, bad: os.mkfifo(bad), "it is a pipe, not a file"),
    "missing": (lambda good, bad: None, "No such file"),
    "folder": (lambda good, bad: bad.mkdir(), "it is a folder, not a file"),
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
    assert len(message) < 500


def test_model_whose_weights_are_no_numbers_is_refused(tmp_path):
    model = build_model("lenet", (28, 28, 1), 10)
    kernel = model.get_layer("lenet").get_layer("fc1_dense").kernel
    kernel.assign(np.full(kernel.shape, np.inf, np.float32))
    model.save(tmp_path / "bad.keras")
    with pytest.raises(ModelFileError, match="fc1_dense/kernel holds numbers that"):
        load_model(tmp_path / "bad.keras")


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "bfloat16", "float16"])
def test_model_in_sixteen_bits_is_loaded(tmp_path, policy):
    layers = [keras.Input((4,)), keras.layers.Dense(3, dtype=policy)]
    model = keras.Sequential(layers)
    model.save(tmp_path / "model.keras")
    loaded = load_model(tmp_path / "model.keras").get_weights()
    for actual, expected in zip(loaded, model.get_weights(), strict=True):
        np.testing.assert_array_equal(actual, expected)


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
