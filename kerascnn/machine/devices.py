"""Where to compute: one processor, one GPU, or several GPUs together."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf

from kerascnn.errors import ConfigError

# The first that multiplies in bfloat16, as NVIDIA counts: Ampere.
BFLOAT16_CAPABILITY = (8, 0)


def get_strategy(
    device: str = "auto", gpus: int = 1, *, xla: bool = False
) -> tf.distribute.Strategy:
    """Choose how training is spread over the devices of this machine.

    Args:
        device: As for `take_gpus`.
        gpus: Likewise.
        xla: Whether XLA compiles the steps, which a `MirroredStrategy` hinders.

    Returns:
        A `MirroredStrategy` over the GPUs, TensorFlow's default strategy, or a
        `OneDeviceStrategy`.

    Raises:
        ConfigError: TensorFlow sees fewer GPUs than are asked for.
    """
    count = take_gpus(device, gpus)
    if not count:
        is_hidden = not tf.config.get_visible_devices("GPU")
        return tf.distribute.get_strategy() if is_hidden else one_device("CPU:0")
    return one_device("GPU:0") if xla else mirror([f"GPU:{n}" for n in range(count)])


def take_gpus(device: str, gpus: int) -> int:
    """Choose on how many GPUs to compute, and hide the others, if TensorFlow lets it.

    Args:
        device: `"gpu"`, `"cpu"`, or `"auto"` for GPUs where there are any.
        gpus: How many GPUs, the first of those that TensorFlow sees.

    Returns:
        How many are used; 0 stands for the processor.

    Raises:
        ConfigError: TensorFlow sees fewer GPUs than are asked for.
    """
    seen = tf.config.get_visible_devices("GPU")
    hidden = len(tf.config.list_physical_devices("GPU")) - len(seen)
    count = choose_gpus(device, gpus, len(seen), hidden)
    # Where it has started, it keeps them.
    with contextlib.suppress(RuntimeError):
        tf.config.set_visible_devices(seen[:count], "GPU")
    return count


def choose_gpus(device: str, gpus: int, seen: int, hidden: int = 0) -> int:
    """Choose on how many GPUs to compute; 0 stands for the processor.

    Args:
        device: As for `take_gpus`.
        gpus: Likewise.
        seen: How many TensorFlow sees.
        hidden: How many more there are, which were hidden in this process before.

    Raises:
        ConfigError: It sees fewer than are asked for.
    """
    if device == "cpu" or (device == "auto" and gpus == 1 and not seen):
        return 0
    if hidden and gpus > seen:
        raise ConfigError(
            f"gpus is {gpus}, but this process began with {seen} of {seen + hidden} "
            "GPUs. Train in a new one."
        )
    if not seen:
        instead = "with --device cpu" if gpus == 1 else "without --gpus"
        raise ConfigError(
            f"TensorFlow sees no GPU. Ask `kerascnn doctor` why, or train {instead}."
        )
    if gpus > seen:
        raise ConfigError(
            f"gpus is {gpus}, but TensorFlow sees {seen}. Set it to {seen} or less, or "
            "ask `kerascnn doctor` what it sees."
        )
    return gpus


def one_device(name: str) -> tf.distribute.Strategy:
    """Make a strategy for a device by its name, such as `"GPU:0"`."""
    return tf.distribute.OneDeviceStrategy(name)


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


def replica_devices(strategy: tf.distribute.Strategy) -> tuple[str, ...]:
    """The devices of a strategy in this process, one a replica.

    Returns:
        Their names; none for the default strategy, which leaves them to TensorFlow.
    """
    try:
        return tuple(strategy.extended.worker_devices)
    except RuntimeError:  # the default strategy has none
        return ()


def describe_devices(strategy: tf.distribute.Strategy) -> list[str]:
    """Name the devices that a strategy computes on, one a replica."""
    names = replica_devices(strategy)
    if not names:
        return ["GPU:0" if tf.config.get_visible_devices("GPU") else "CPU:0"]
    return [":".join(name.split(":")[-2:]) for name in names]


def is_one_cpu(strategy: tf.distribute.Strategy) -> bool:
    """Whether a strategy computes on one processor, and no GPU."""
    return [name[:3] for name in describe_devices(strategy)] == ["CPU"]


def gpu_details(strategy: tf.distribute.Strategy) -> list[dict[str, Any]]:
    """What TensorFlow tells of the GPUs of a strategy, of each device that is one."""
    visible = tf.config.get_visible_devices("GPU")
    names = [name.partition(":") for name in describe_devices(strategy)]
    return [
        dict(tf.config.experimental.get_device_details(visible[int(number)]))
        for kind, _, number in names
        if kind == "GPU"
    ]


def half_precision(gpus: Sequence[Mapping[str, Any]]) -> str:
    """The 16-bit type to multiply in: `"bfloat16"`, or `"float16"` on older GPUs.

    Args:
        gpus: What `gpu_details` gave; nothing for a processor.
    """
    capabilities = [gpu.get("compute_capability") or (0, 0) for gpu in gpus]
    has_bfloat16 = all(found >= BFLOAT16_CAPABILITY for found in capabilities)
    return "bfloat16" if has_bfloat16 else "float16"
