"""How fast steps go, from the recent ones."""

from __future__ import annotations

from collections import deque

# Calls that are looked at: some seconds for small networks, a minute for large ones.
RECENT_CALLS = 25


class Pace:
    """The time of a step, from those that were done last.

    The first call of a process is not counted, since it compiles the step.
    """

    def __init__(self) -> None:
        self._calls: deque[tuple[int, float]] = deque(maxlen=RECENT_CALLS)
        self._has_compiled = False

    def add(self, count: int, seconds: float) -> None:
        """Take note of a call: so many steps in so many seconds."""
        if self._has_compiled:
            self._calls.append((count, seconds))
        self._has_compiled = True

    @property
    def seconds_per_step(self) -> float | None:
        """Seconds; `None` before the second call."""
        steps = sum(count for count, _ in self._calls)
        return sum(seconds for _, seconds in self._calls) / steps if steps else None
