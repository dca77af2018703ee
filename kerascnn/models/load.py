"""Models in `.keras` files, loaded in safe mode."""

from __future__ import annotations

import io
import math
import warnings
from pathlib import Path
from typing import Any

import h5py
import keras
import tensorflow as tf

from kerascnn.errors import ModelFileError
from kerascnn.machine.archives import open_archive
from kerascnn.machine.content import MAX_JSON_BYTES, MAX_MODEL_BYTES, parse_json
from kerascnn.machine.state import fresh_state

CONFIG, WEIGHTS, METADATA = "config.json", "model.weights.h5", "metadata.json"


@fresh_state()
def load_model(path: Path) -> keras.Model:
    """Load the model in a `.keras` file; code that it may hold is not run.

    Raises:
        ModelFileError: It holds no model, or one that cannot be loaded.
    """
    try:
        config, weights_bytes = _read(path)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            # Keras only warns of weights that are missing, and makes up others.
            warnings.filterwarnings("error", "Skipping nested container")
            _check_size(config, weights_bytes)
            model = keras.models.load_model(path, compile=False, safe_mode=True)
        _check_values(model)
    except Exception as error:  # what a layer raises over a setting may be anything
        reason = " ".join(str(error).split()).split(". ")[0].rstrip(".")
        raise ModelFileError(
            f"Cannot load a model from {path}: {reason[:300] or type(error).__name__}. "
            "Save it again with model.save, or train again."
        ) from error
    return model


def _read(path: Path) -> tuple[dict[str, Any], int]:
    """What the file says of the model, and how many bytes its weights are.

    Raises:
        OSError: The file cannot be read.
        ValueError: It is none that Keras wrote, or is damaged.
    """
    with open_archive(path, MAX_MODEL_BYTES) as archive:
        sizes = {member.filename: member.file_size for member in archive.infolist()}
        for name in (CONFIG, WEIGHTS):
            if name not in sizes:
                raise ValueError(f"it holds no {name}")
        for name in sizes.keys() - {CONFIG, WEIGHTS, METADATA}:
            raise ValueError(f"it holds {name!r:.80}, which no model of images has")
        if sizes[CONFIG] > MAX_JSON_BYTES:
            raise ValueError(f"its {CONFIG} is too large")
        config = parse_json(archive.read(CONFIG))
        if not isinstance(config, dict):
            raise ValueError(f"its {CONFIG} is no object")
        weights = archive.read(WEIGHTS)
    with h5py.File(io.BytesIO(weights)) as file:
        arrays: list[int] = []
        file.visititems(lambda _, item: arrays.append(getattr(item, "nbytes", 0)))
    if sum(arrays) > len(weights):
        raise ValueError(f"its {WEIGHTS} says that it holds more than it does")
    return config, len(weights)


@fresh_state()
def _check_size(config: dict[str, Any], weights_bytes: int) -> None:
    """Refuse what is no model, or one of more weights than its file holds.

    The model is built without values of its weights, which take no memory so.
    """
    with keras.StatelessScope(initialize_variables=False):
        model = keras.saving.deserialize_keras_object(
            config | {"compile_config": None}, safe_mode=True
        )
        if not isinstance(model, keras.Model):
            raise ValueError(f"it holds a {type(model).__name__}, not a model")
        needed = sum(
            math.prod(variable.shape) * tf.as_dtype(variable.dtype).size
            for variable in model.variables
        )
    if needed > weights_bytes:
        raise ValueError(
            f"it is of a model with {needed / 1e6:,.1f} MB of weights, but holds "
            f"{weights_bytes / 1e6:,.1f} MB"
        )


def _check_values(model: keras.Model) -> None:
    """Refuse weights that hold NaN or infinity."""
    for variable in model.weights:
        if not keras.ops.all(keras.ops.isfinite(variable)):
            raise ValueError(f"{variable.path} holds numbers that are not finite")
