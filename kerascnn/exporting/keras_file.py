"""Files of Keras's own."""

from __future__ import annotations

from pathlib import Path

import keras


def write_keras(
    model: keras.Model, target: Path, class_names: tuple[str, ...], **_: object
) -> None:
    """Write a `.keras` file of the model alone."""
    model.save(target)
