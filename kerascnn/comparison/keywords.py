"""The settings of a comparison as keywords, for type checkers and editors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict


class CompareKeywords(TypedDict, total=False):
    """The fields of `CompareConfig` besides the models, which tells what they mean."""

    optimizers: Sequence[str]
    dataset: str
    resize: str | None
    group_by: str | None
    test_fraction: float | None
    preset: str
    schedule: str
    epochs: int | None
    limit: int | None
    seeds: int | None
    trials: int | None
    tuning_epochs: int | None
    tuning_limit: int | None
    tune: bool
    margin: float
    target: float
