"""Ranges of numbers: what a setting may be, in one form for checks and for messages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from kerascnn.errors import ConfigError, shown


@dataclass(frozen=True)
class Range:
    """The numbers from one to another.

    NaN and infinity are in no range, and neither are `True` and `False`.

    Attributes:
        low: The smallest of them.
        high: The largest.
        open_low: Whether the smallest is left out.
        open_high: Whether the largest is left out.
        whole: Whether they are whole.
    """

    low: float
    high: float
    open_low: bool = False
    open_high: bool = False
    whole: bool = False

    @property
    def words(self) -> str:
        """The range for messages: `"a number in [0, 1)"`."""
        if self.whole:
            return f"a whole number from {self.low:,} to {self.high:,}"
        left, right = "[("[self.open_low], "])"[self.open_high]
        return f"a number in {left}{self.low:g}, {self.high:g}{right}"

    def __contains__(self, value: object) -> bool:
        kinds = int if self.whole else int | float
        if not isinstance(value, kinds) or isinstance(value, bool):
            return False
        return (
            self.low <= value <= self.high
            and not (self.open_low and value == self.low)
            and not (self.open_high and value == self.high)
        )

    def check(self, name: str, value: Any) -> None:
        """Refuse what is not in the range.

        Args:
            name: What it is for: `"epochs"`.
            value: What was given.

        Raises:
            ConfigError: With the range.
        """
        if value not in self:
            raise ConfigError(f"{name} has to be {self.words}, but got {shown(value)}.")


def whole(low: int, high: int) -> Range:
    """The whole numbers from one to another, both among them."""
    return Range(low, high, whole=True)
