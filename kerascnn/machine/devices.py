"""Where to compute: one CPU, or all GPUs together."""

from __future__ import annotations

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
    return tf.distribute.MirroredStrategy()


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
