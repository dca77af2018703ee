"""Where to compute: one CPU, or all GPUs together."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import tensorflow as tf

from kerascnn.errors import ConfigError


def get_strategy(device: str = "auto") -> tf.distribute.Strategy:
    """Choose how training is spread over the devices of this machine.

    Args:
        device: `"gpu"` for all GPUs, `"cpu"` for none of them, `"auto"` for GPUs where
            there are any.

    Returns:
        A `MirroredStrategy` over the GPUs, or TensorFlow's default strategy.

    Raises:
        ConfigError: GPUs are asked for, but TensorFlow sees none.
    """
    gpus = tf.config.list_physical_devices("GPU")
    if device == "gpu" and not gpus:
        raise ConfigError(
            "TensorFlow sees no GPU. Ask `kerascnn doctor` why, or train with "
            "--device cpu."
        )
    if device == "cpu" and gpus:
        tf.config.set_visible_devices([], "GPU")
    if device == "cpu" or not gpus:
        return tf.distribute.get_strategy()
    return mirror()


def mirror(devices: Sequence[str] | None = None) -> tf.distribute.MirroredStrategy:
    """Make a strategy that can be one of several in a process.

    Two plain `MirroredStrategy` objects number their sums over devices alike, and
    TensorFlow aborts where two sums of one number differ in shape, as those of two
    networks do.

    Args:
        devices: Names of devices, such as `["GPU:0", "GPU:1"]`; all GPUs where `None`.
    """
    return _Mirrored(devices)


class _Mirrored(tf.distribute.MirroredStrategy):  # type: ignore[misc]
    """Numbers its sums from a number of its own on; no public way does that."""

    # Those of a plain strategy are below, and no strategy has a thousand groups.
    _bases = itertools.count(10_000, 1_000)

    def __init__(self, devices: Sequence[str] | None) -> None:
        self._collective_key_base = next(self._bases)
        super().__init__(devices)


def describe_devices(strategy: tf.distribute.Strategy) -> list[str]:
    """Name the devices that a strategy computes on, one a replica."""
    if not isinstance(strategy, tf.distribute.MirroredStrategy):
        return ["CPU:0"]  # the default strategy names no devices
    names = strategy.extended.worker_devices
    return [":".join(str(name).split(":")[-2:]) for name in names]


def is_one_cpu(strategy: tf.distribute.Strategy) -> bool:
    """Whether a strategy computes on one processor, and no GPU."""
    return strategy.num_replicas_in_sync == 1 and not tf.config.get_visible_devices(
        "GPU"
    )
