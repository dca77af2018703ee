"""Models in `.keras` files, loaded in safe mode."""

from __future__ import annotations

import warnings
import zipfile
import zlib
from pathlib import Path

import keras

from kerascnn.errors import ModelFileError
from kerascnn.machine.state import fresh_state


@fresh_state()
def load_model(path: Path) -> keras.Model:
    """Load the model in a `.keras` file; code that it may hold is not run.

    Raises:
        ModelFileError: It holds no model, or one that cannot be loaded.
    """
    try:
        with open(path, "rb") as file:
            if not zipfile.is_zipfile(file):
                raise ValueError("it is not a zip archive, or cut short")
            # Python's and Keras's versions word what they find in it differently.
            with zipfile.ZipFile(file) as archive:
                altered = archive.testzip()
        if altered:
            raise ValueError(f"{altered} in it was altered")
        with warnings.catch_warnings():
            # Keras only warns of weights that are missing, and makes up others.
            warnings.filterwarnings("error", "Skipping nested container")
            model = keras.models.load_model(path, compile=False, safe_mode=True)
        if not isinstance(model, keras.Model):
            raise ValueError(f"it holds a {type(model).__name__}, not a model")
    except (
        OSError,
        ValueError,
        TypeError,
        LookupError,
        UserWarning,
        zipfile.BadZipFile,
        zlib.error,
    ) as error:
        reason = " ".join(str(error).split()).split(". ")[0].rstrip(".")
        raise ModelFileError(
            f"Cannot load a model from {path}: {reason}. Save it again with "
            "model.save, or train again."
        ) from error
    return model
