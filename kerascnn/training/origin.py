"""What a checkpoint is of: it goes on with the same settings, on such devices."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from kerascnn.data.augmentations import of_flag
from kerascnn.errors import shown
from kerascnn.machine.devices import describe_devices
from kerascnn.settings.config import TrainSettings

if TYPE_CHECKING:
    from kerascnn.training.setup import TrainingSetup

# Settings that may change while a training is stopped, and why. All others decide what
# its steps compute, how many there are, or what the run says that it is of.
MAY_CHANGE = {
    "checkpoint_seconds": "How often checkpoints are written changes no step.",
    "checkpoint_steps": "Likewise.",
    "device": "Not what was asked for is compared, but the devices that it came to.",
    "gpus": "On another number of devices it goes on, but not bit for bit.",
    "store_predictions": "Done when the training is over.",
    "tensorboard": "Logs tell of the training, and it does not read them.",
    "test": "Done when the training is over.",
}


def describe_origin(setup: TrainingSetup) -> dict[str, Any]:
    """What a checkpoint of a training says of it, as plain values."""
    devices = describe_devices(setup.strategy)
    return {
        "settings": setup.settings.to_dict(),
        "device": devices[0].partition(":")[0],
        "replicas": setup.strategy.num_replicas_in_sync,
    }


def changed_settings(then: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Say which settings are not as they were, of those that may not change.

    Args:
        then: The settings of a checkpoint. One that is not among them has its default:
            the version that wrote the checkpoint did not know it.
        now: All settings.

    Returns:
        A phrase for each.
    """
    return list(_changed(then, now))


def _changed(then: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    defaults = {
        field.name: field.default
        if field.default_factory is dataclasses.MISSING
        else field.default_factory()
        for field in dataclasses.fields(TrainSettings)
    }
    for name in {**now, **then}:
        before, after = then.get(name, defaults.get(name)), now.get(name)
        if name == "augment":
            before = of_flag(before)
        if name not in MAY_CHANGE and before != after:
            yield f"{name} was {shown(before)} and is {shown(after)} now"
