"""The layers of a model, however models lie in models."""

from __future__ import annotations

from collections.abc import Iterator

import keras


def all_layers(model: keras.Model) -> Iterator[keras.Layer]:
    """The layers of a model, and of those in it."""
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from all_layers(layer)
        else:
            yield layer
