"""What decides the bits of a training besides its settings: stored with each run."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kerascnn.errors import RunError, shown

# More threads than any processor has cores; TensorFlow starts as many as it is told.
MAX_PARALLEL = 1024


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
        layer_plan: Which way each layer is computed, as in `kerascnn.fast.plan`; those
            that it does not name are Keras's own. `None` where a run of an earlier
            version tells it by other names.
    """

    processor: str
    instruction_set: str
    parallelism: Parallelism
    layer_plan: Mapping[str, str] | None

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
            value = {"layer_plan": None, **value}
            value.pop("exchanged_layers", None)
            parallelism = Parallelism(**value["parallelism"])
            computation = cls(**{**value, "parallelism": parallelism})
        except (TypeError, LookupError) as error:
            raise RunError(
                f"computation is not as kerascnn writes it ({error})."
            ) from error
        for name, number in vars(parallelism).items():
            if type(number) is not int or not 1 <= number <= MAX_PARALLEL:
                raise RunError(
                    f"{name} has to be a whole number from 1 to {MAX_PARALLEL}, but "
                    f"got {shown(number)}."
                )
        plan = {} if computation.layer_plan is None else computation.layer_plan
        if not isinstance(plan, dict) or not all(
            isinstance(way, str) for way in plan.values()
        ):
            raise RunError(
                "layer_plan has to be an object of names of layers and ways, but got "
                f"{shown(plan)}."
            )
        return computation


# What decides the bits, and where `environment.json` has it.
_DECIDING = {
    "kerascnn": ("kerascnn",),
    "TensorFlow": ("packages", "tensorflow"),
    "Keras": ("packages", "keras"),
    "NumPy": ("packages", "numpy"),
    "devices": ("devices",),
    "workers": ("workers",),
    "GPUs": ("gpus", "names"),
    "compute capabilities": ("gpus", "compute_capabilities"),
    "CUDA": ("gpus", "cuda"),
    "cuDNN": ("gpus", "cudnn"),
    "TF32": ("gpus", "tf32"),
    "TF_ENABLE_ONEDNN_OPTS": ("settings", "TF_ENABLE_ONEDNN_OPTS", "value"),
    "processor": ("computation", "processor"),
    "instruction set": ("computation", "instruction_set"),
    "parts of a batch": ("computation", "parallelism", "batch_parts"),
    "threads of an operation": ("computation", "parallelism", "intra_op_threads"),
    "operations side by side": ("computation", "parallelism", "inter_op_threads"),
    "ways of layers": ("computation", "layer_plan"),
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
    if isinstance(value, bool):
        value = "on" if value else "off"
    return str(value or "none")
