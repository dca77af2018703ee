"""Where to compute: one CPU, or all GPUs together; and with how many threads."""

from __future__ import annotations

import os
from dataclasses import replace

import tensorflow as tf

from kerascnn.errors import ConfigError
from kerascnn.machine.computation import Parallelism
from kerascnn.machine.environment import usable_cores


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


def configured_threads() -> dict[str, int]:
    """The threads that TensorFlow was told of by a call or by a variable, else 0.

    Returns:
        `intra_op_threads` and `inter_op_threads`.
    """
    told = tf.config.threading
    return {
        "intra_op_threads": told.get_intra_op_parallelism_threads()
        or _number("TF_NUM_INTRAOP_THREADS"),
        "inter_op_threads": told.get_inter_op_parallelism_threads()
        or _number("TF_NUM_INTEROP_THREADS"),
    }


def use_threads(parallelism: Parallelism) -> Parallelism:
    """Tell TensorFlow its threads, which it only hears before it has computed.

    Returns:
        The same with the threads that TensorFlow really uses.
    """
    try:
        told = tf.config.threading
        told.set_intra_op_parallelism_threads(parallelism.intra_op_threads)
        told.set_inter_op_parallelism_threads(parallelism.inter_op_threads)
    except RuntimeError:  # TensorFlow has computed
        pass
    # TensorFlow's own default is a thread a core.
    used = {name: n or usable_cores() for name, n in configured_threads().items()}
    return replace(parallelism, **used)


def _number(variable: str) -> int:
    value = os.environ.get(variable, "")
    return int(value) if value.isdecimal() else 0
