"""The time of a training step over several machines, from what one machine takes.

The global batch is divided; what a step does with all weights, every machine does.
After the whole backward pass the gradients go around a ring: each machine sends and
receives `2 (n - 1) / n` times their bytes, in `2 (n - 1)` hops.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from roofline import NUMBER_BYTES, layer_costs, step_bytes
from turns import Setting

# The part of a link's speed that gRPC gets through, assumed.
EFFICIENCY = 0.8
# All-reduces of a step that wait for each other: gradients as one array, the loss, the
# correct predictions; and for a synchronized normalization the sum, the squares and the
# count, and their three gradients.
REDUCTIONS, REDUCTIONS_OF_NORMALIZATION = 3, 6
LEAST_GAIN = 1.01


@dataclass(frozen=True)
class Link:
    """What joins the machines: bits a second, and seconds of a hop, assumed."""

    bits_per_second: float
    latency_s: float


LINKS: Mapping[str, Link] = {
    "1 Gbit/s": Link(1e9, 50e-6),
    "10 Gbit/s": Link(10e9, 50e-6),
    "100 Gbit/s": Link(100e9, 5e-6),
}


@dataclass(frozen=True, kw_only=True)
class Work:
    """A network's training step.

    Attributes:
        batch_size: Images of it.
        seconds: On one machine.
        fixed_seconds: The part of them that smaller batches do not shorten.
        gradient_bytes: What is summed over the machines.
        reductions: All-reduces, one after the other.
    """

    batch_size: int
    seconds: float
    fixed_seconds: float
    gradient_bytes: int
    reductions: int


def network_work(setting: Setting, rate: float, bytes_per_second: float) -> Work:
    """The work of a setting, from its images and the memory's bytes a second."""
    model = setting.build()
    from keras.layers import BatchNormalization

    costs = layer_costs(setting)
    normalizations = [
        layer for layer in model.layers if isinstance(layer, BatchNormalization)
    ]
    # Of no images, a step still reads and writes weights, gradients and states.
    moved = sum(step_bytes(cost, 0, setting.optimizer) for cost in costs)
    return Work(
        batch_size=setting.batch_size,
        seconds=setting.batch_size / rate,
        fixed_seconds=min(moved / bytes_per_second, setting.batch_size / rate),
        gradient_bytes=NUMBER_BYTES * sum(cost.weights for cost in costs),
        reductions=REDUCTIONS + REDUCTIONS_OF_NORMALIZATION * len(normalizations),
    )


def ring_seconds(work: Work, machines: int, link: Link) -> float:
    """Seconds that the all-reduces of a step take."""
    hops = 2 * (machines - 1)
    per_hop = work.gradient_bytes / machines / (link.bits_per_second / 8 * EFFICIENCY)
    return hops * (per_hop + work.reductions * link.latency_s)


def share_seconds(work: Work, machines: int) -> float:
    """Seconds that a machine computes, where the batch is divided among all."""
    return work.fixed_seconds + (work.seconds - work.fixed_seconds) / machines


def speed_up(work: Work, machines: int, link: Link) -> float:
    """How many times as fast the same batches are trained on (strong scaling)."""
    seconds = share_seconds(work, machines) + ring_seconds(work, machines, link)
    return work.seconds / seconds


def efficiency(work: Work, machines: int, link: Link) -> float:
    """The part of its speed that each machine keeps with its batch (weak scaling)."""
    return work.seconds / (work.seconds + ring_seconds(work, machines, link))


def last_gaining(work: Work, link: Link) -> int:
    """The machines of which one more adds less than 1%; one image each at most."""
    return next(
        machines
        for machines in range(1, work.batch_size + 1)
        if machines == work.batch_size
        or speed_up(work, machines + 1, link)
        < LEAST_GAIN * speed_up(work, machines, link)
    )


def fastest(work: Work, link: Link) -> int:
    """The machines with which a step takes the shortest time."""
    return max(
        range(1, work.batch_size + 1),
        key=lambda machines: speed_up(work, machines, link),
    )
