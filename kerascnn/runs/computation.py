"""How a run is computed, for what is to be computed in the same way."""

from __future__ import annotations

from dataclasses import replace

from kerascnn.errors import RunError, shown
from kerascnn.machine.computation import Computation
from kerascnn.machine.threads import can_split
from kerascnn.runs.folder import Run
from kerascnn.settings.config import TrainSettings

# What the parts of a batch and the ways of layers are chosen by, beside the machine.
SHAPING = (
    *("model", "model_options", "stem", "image_size", "batch_size"),
    *("mixed_precision", "fast_layers"),
)


def is_alike(settings: TrainSettings, others: TrainSettings) -> bool:
    """Whether trainings can be computed in the same way: of one network and batch."""
    return not _differing(settings, others)


def computation_of(run: Run, settings: TrainSettings) -> Computation | None:
    """How a run is computed, for a training of the same network.

    Args:
        run: The run.
        settings: Those of the training.

    Returns:
        `None` where a run of kerascnn 0.1 does not tell. That of a run on GPUs has no
        plan of layers.

    Raises:
        RunError: It does not go with these settings.
    """
    if name := _differing(settings, run.settings):
        before, now = (shown(getattr(each, name)) for each in (run.settings, settings))
        raise RunError(
            f"A training of {name} {now} cannot be computed as {run.path}, whose "
            f"{name} is {before}. Name a run of the same, or leave it out."
        )
    computation = run.computation
    if computation is None:
        return None
    parts = computation.parallelism.batch_parts
    if not can_split(settings.batch_size, parts):
        raise RunError(
            f"Cannot compute as {run.path}: {settings.batch_size} images are not "
            f"computed in {parts} parts, as its environment.json says. Put it back, or "
            "train anew."
        )
    if "GPU" in str(run.environment.get("devices")):
        return replace(computation, layer_plan=None)  # it is not for a processor
    return computation


def _differing(settings: TrainSettings, others: TrainSettings) -> str:
    """The first setting of what matters that differs; empty where none does."""
    names = (n for n in SHAPING if getattr(settings, n) != getattr(others, n))
    return next(names, "")
