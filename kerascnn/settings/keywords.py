"""The settings of a training as keywords, for type checkers and editors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypedDict

from kerascnn.settings.optimizers import OptionValue


class TrainKeywords(TypedDict, total=False):
    """The fields of `TrainConfig` besides the model, which tells what they mean."""

    dataset: str
    resize: str
    group_by: str | None
    test_fraction: float
    optimizer: str
    momentum: float | None
    optimizer_options: Mapping[str, OptionValue]
    model_options: Mapping[str, float]
    limit: int | None
    validation_fraction: float
    augment: str
    class_weights: str | None
    init_from: str | None
    label_smoothing: float
    early_stop: int | None
    mixed_precision: bool
    ema: float | None
    seed: int
    deterministic: bool
    device: str
    gpus: int
    sync_batch_norm: bool
    xla: bool
    fast_layers: bool
    test: bool
    store_predictions: bool
    plan_digest: str | None
    tensorboard: bool
    checkpoint_seconds: float
    checkpoint_steps: int | None
    learning_rate: float | None
    epochs: int | None
    batch_size: int | None
    schedule: str | None
    warmup_epochs: float | None
    image_size: int | None
    stem: str | None
