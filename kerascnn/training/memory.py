"""The memory that a training takes, estimated before anything of it is allocated.

Where memory ends, a system ends the process without a word, or allocates what is not
there: no error tells of it.
"""

from __future__ import annotations

import math

import keras

from kerascnn.data.facts import DatasetFacts
from kerascnn.errors import ConfigError
from kerascnn.machine.environment import usable_memory_bytes
from kerascnn.machine.state import fresh_state
from kerascnn.model_files.keras_model import BATCH_SIZE
from kerascnn.models.layers import all_layers
from kerascnn.settings.config import TrainSettings
from kerascnn.training.network import build_network

# Networks of the recipes' sizes fit into every machine: to estimate takes 50 ms.
SMALL_PIXELS = BATCH_SIZE * 64**2


def check_memory(settings: TrainSettings, data: DatasetFacts) -> None:
    """Refuse a training that does not fit into the memory of this machine.

    Raises:
        ConfigError: With what it needs, and what to make smaller.
    """
    images = max(settings.batch_size, BATCH_SIZE)
    if images * settings.image_size**2 <= SMALL_PIXELS:
        return
    training, prediction = estimate_bytes(settings, data)
    needed, available = max(training, prediction), usable_memory_bytes()
    if needed > available:
        smaller = "image_size" + (" or batch_size" if training > prediction else "")
        raise ConfigError(
            f"{settings.model} at an image_size of {settings.image_size} in batches of "
            f"{settings.batch_size} needs about {math.ceil(needed / 1e9):,} GB of "
            f"memory, and this machine has {available / 1e9:.0f} GB. Set {smaller} "
            "lower."
        )


def estimate_bytes(settings: TrainSettings, data: DatasetFacts) -> tuple[int, int]:
    """The memory of a training step, and that of predicting a batch, in bytes.

    A step holds the weights, their gradients and what an optimizer keeps of each, twice
    at most, and the outputs of all layers; a prediction the weights, and an output
    beside those that it is worked out from. Three networks were within a third of it.
    """
    with fresh_state(), keras.StatelessScope(initialize_variables=False):
        network = build_network(settings, data)  # shapes alone
    outputs = [math.prod(layer.output.shape[1:]) for layer in all_layers(network)]
    number_bytes = 2 if settings.mixed_precision else 4
    weights = 4 * network.count_params()
    step = number_bytes * settings.batch_size * sum(outputs)
    prediction = number_bytes * BATCH_SIZE * max(outputs)
    return 4 * weights + 3 * step // 2, weights + 3 * prediction
