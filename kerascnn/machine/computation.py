"""What decides the bits of a training besides its settings: stored with each run."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kerascnn.errors import RunError

# Fewer images leave a core less to compute than it costs to start it.
MIN_PART = 16


@dataclass(frozen=True, kw_only=True)
class Parallelism:
    """How a batch is shared among the cores of a processor.

    Sums are added up in another order where it differs.

    Attributes:
        batch_parts: In how many parts, side by side, each batch is computed.
        intra_op_threads: Threads that share an operation.
        inter_op_threads: Operations side by side.
    """

    batch_parts: int
    intra_op_threads: int
    inter_op_threads: int


@dataclass(frozen=True, kw_only=True)
class Computation:
    """How a training is computed.

    Attributes:
        processor: Its name.
        instruction_set: The widest that it has and that may be used.
        parallelism: How a batch is shared among its cores.
        exchanged_layers: By name, the class of each layer that is one of
            `kerascnn.fast.layers` in place of Keras's own.
    """

    processor: str
    instruction_set: str
    parallelism: Parallelism
    exchanged_layers: Mapping[str, str]

    def to_dict(self) -> dict[str, Any]:
        """Plain values by name."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, value: Mapping[str, Any]) -> Computation:
        """Read what `to_dict` gave.

        Raises:
            RunError: It is something else.
        """
        try:
            parallelism = Parallelism(**value["parallelism"])
            computation = cls(**{**value, "parallelism": parallelism})
        except (TypeError, LookupError) as error:
            raise RunError(
                f"computation is not as kerascnn writes it ({error})."
            ) from error
        for name, number in vars(parallelism).items():
            if type(number) is not int or number < 1:
                raise RunError(
                    f"{name} has to be a whole number of at least 1, but got "
                    f"{number!r}."
                )
        return computation


def choose_parallelism(
    batch_size: int,
    *,
    splits_batches: bool,
    cores: int,
    intra_op_threads: int = 0,
    inter_op_threads: int = 0,
) -> Parallelism:
    """Choose in how many parts each batch is computed, and by how many threads.

    The operations of a small network are too short to be shared among cores: there each
    core computes a part of the batch alone, and an operation gets no more threads.

    Args:
        batch_size: Images of a batch.
        splits_batches: Whether the network gains by it, and is trained on one
            processor and no GPU.
        cores: Cores that there are.
        intra_op_threads: As TensorFlow was told before; 0 where it was not. Where it
            was told one of the two, the parts share the threads that there are.
        inter_op_threads: Likewise.

    Returns:
        A number of parts that divides the batch, 1 where nothing is gained, and the
        threads.
    """
    parts = 1
    intra, inter = cores, cores
    if splits_batches:
        parts = max(
            parts
            for parts in range(1, cores + 1)
            if parts == 1
            or (batch_size % parts == 0 and batch_size >= parts * MIN_PART)
        )
        if not (intra_op_threads or inter_op_threads):
            intra, inter = cores // parts, parts
    return Parallelism(
        batch_parts=parts,
        intra_op_threads=intra_op_threads or intra,
        inter_op_threads=inter_op_threads or inter,
    )


# What decides the bits, and where `environment.json` has it.
_DECIDING = {
    "kerascnn": ("kerascnn",),
    "TensorFlow": ("packages", "tensorflow"),
    "Keras": ("packages", "keras"),
    "NumPy": ("packages", "numpy"),
    "devices": ("devices",),
    "TF_ENABLE_ONEDNN_OPTS": ("settings", "TF_ENABLE_ONEDNN_OPTS", "value"),
    "processor": ("computation", "processor"),
    "instruction set": ("computation", "instruction_set"),
    "parts of a batch": ("computation", "parallelism", "batch_parts"),
    "threads of an operation": ("computation", "parallelism", "intra_op_threads"),
    "operations side by side": ("computation", "parallelism", "inter_op_threads"),
    "exchanged layers": ("computation", "exchanged_layers"),
}


def differences(then: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Say what decides the bits and is not as it was.

    Args:
        then: What `environment.json` holds.
        now: The same of this process.

    Returns:
        A phrase for each difference; none where the bits will be the same.
    """
    found = []
    for name, path in _DECIDING.items():
        before, after = _value(then, path), _value(now, path)
        if before != after:
            found.append(f"{name} {_text(before)} then, {_text(after)} now")
    return found


def _value(environment: Any, path: tuple[str, ...]) -> Any:
    """What is at a place in nested objects; `None` where there is nothing."""
    for name in path:
        environment = environment.get(name) if isinstance(environment, dict) else None
    return environment


def _text(value: Any) -> str:
    if isinstance(value, dict):
        value = [f"{name} ({kind})" for name, kind in value.items()]
    if isinstance(value, list):
        value = " ".join(str(item) for item in value)
    return str(value or "none")
