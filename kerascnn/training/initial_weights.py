"""Begin with the weights of another training, where they fit."""

from __future__ import annotations

from pathlib import Path

import keras

from kerascnn.errors import ModelFileError
from kerascnn.models.layers import all_layers
from kerascnn.models.load import load_model

# Weights that a line names.
MAX_NAMED = 3


def take_weights(model: keras.Model, network: str, path: Path) -> str:
    """Copy weights of the same name and shape from a file into a model.

    Moving statistics of normalization are among them; seeds are not.

    Args:
        model: A model as `compile_model` gives it.
        network: The name of the network in it.
        path: A `.keras` file of the same network, maybe of other classes, channels or
            size of images. It is loaded in safe mode.

    Returns:
        What was copied and what was not, in a line.

    Raises:
        ModelFileError: It cannot be loaded, or nothing in it fits.
    """
    source = load_model(path)
    name = path.parent.name if path.name == "model.keras" else path.name
    theirs, ours = _weights(source), _weights(model)
    fitting = [
        key for key in ours if key in theirs and theirs[key].shape == ours[key].shape
    ]
    # Biases of one length are in any two networks.
    is_same = any(layer.name == network for layer in source.layers)
    if not is_same or all(len(ours[key].shape) < 2 for key in fitting):
        raise ModelFileError(
            f"No weights of {path} fit: it holds {source.name!r:.80}, but {network} is "
            f"trained. Give a run of {network} with the same options."
        )
    for key in fitting:
        ours[key].assign(theirs[key])
    others = [
        f"{key} {tuple(theirs[key].shape)} is {tuple(variable.shape)}"
        if key in theirs
        else f"{key} is not in it"
        for key, variable in ours.items()
        if key not in fitting
    ]
    if not others:
        return f"Copied all {len(ours)} weights of {name}."
    more = len(others) - MAX_NAMED
    named = [*others[:MAX_NAMED], *([f"and {more} more"] if more > 0 else [])]
    return (
        f"Copied {len(fitting)} of {len(ours)} weights of {name}; not copied: "
        f"{', '.join(named)}."
    )


def _weights(model: keras.Model) -> dict[str, keras.Variable]:
    """What is learned or measured in training, by name: `conv1_bn/moving_mean`."""
    return {
        f"{layer.name}/{weight.name}": weight
        for layer in all_layers(model)
        for weight in layer.weights
    }
