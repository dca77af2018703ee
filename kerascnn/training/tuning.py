"""Timing the layers of a network for the trainings that come."""

from __future__ import annotations

from collections.abc import Iterator

from kerascnn.fast.plan import default_plan
from kerascnn.fast.tuning import TunedLayer, tune_layers
from kerascnn.machine.computation import Parallelism
from kerascnn.machine.environment import instruction_set
from kerascnn.models.build import build_model
from kerascnn.settings.config import TrainSettings
from kerascnn.settings.tuned_ways import keep_ways, tuned_ways


def tune_network(
    settings: TrainSettings, parallelism: Parallelism
) -> Iterator[TunedLayer]:
    """Time the layers of a network as trainings by these settings compute them.

    What is found is kept when the last layer is timed.

    Args:
        settings: Their image size, stem, batch size and precision count.
        parallelism: How a batch is shared among the cores; TensorFlow was told of it.

    Yields:
        Each layer when it is timed.

    Raises:
        RunError: What was found cannot be written.
    """
    model = build_model(
        settings.model,
        (settings.image_size, settings.image_size, 1),
        10,
        image_size=settings.image_size,
        stem=settings.stem,
        **settings.model_options,
    )
    found = dict(tuned_ways(parallelism))
    plan = default_plan(model, instruction_set(), bfloat16=settings.mixed_precision)
    images = settings.batch_size // parallelism.batch_parts
    layers = tune_layers(model, plan, images, bfloat16=settings.mixed_precision)
    for layer in layers:
        found[layer.kind] = layer.way
        yield layer
    keep_ways(found, parallelism)
