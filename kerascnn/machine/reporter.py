"""What a training says while it goes on: a live line, or one line an epoch."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any, TextIO


class Reporter:
    """Says nothing; the base of those that do."""

    def message(self, text: str) -> None:
        """Say one thing."""

    def steps(
        self,
        *,
        epoch: str,
        done: int,
        total: int,
        loss: float,
        accuracy: float,
        images_per_second: float,
        seconds_left: float,
    ) -> None:
        """Tell how far an epoch has come, several times a second or less."""

    def epoch(self, epoch: str, row: Mapping[str, Any]) -> None:
        """Tell how an epoch ended, from its row of the history."""


class LineReporter(Reporter):
    """Writes to a stream; on a terminal or in a notebook, with a live line of steps.

    Args:
        stream: Standard error where `None`.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self.stream = stream or sys.stderr
        self.live = self.stream.isatty() or _is_notebook(self.stream)
        self._width = 0

    def message(self, text: str) -> None:
        """Write one line, in the place of the live one."""
        self._clear()
        print(text, file=self.stream, flush=True)

    def steps(
        self,
        *,
        epoch: str,
        done: int,
        total: int,
        loss: float,
        accuracy: float,
        images_per_second: float,
        seconds_left: float,
    ) -> None:
        """Draw the live line anew."""
        if not self.live:
            return
        filled = 20 * done // total
        line = (
            f"epoch {epoch} [{'#' * filled}{'.' * (20 - filled)}] "
            f"loss {loss:.4f}  accuracy {accuracy:.4f}  "
            f"{images_per_second:,.0f} images/s  {format_seconds(seconds_left)} left"
        )
        padding = " " * (self._width - len(line))
        print(f"\r{line}{padding}", end="", file=self.stream, flush=True)
        self._width = len(line)

    def epoch(self, epoch: str, row: Mapping[str, Any]) -> None:
        """Write the line of an epoch."""
        words = [
            f"epoch {epoch}",
            f"loss {row['loss']:.4f}",
            f"accuracy {row['accuracy']:.4f}",
        ]
        if row.get("validation_loss") is not None:
            words += [
                f"validation loss {row['validation_loss']:.4f}",
                f"accuracy {row['validation_accuracy']:.4f}",
            ]
        words += [
            f"{row['images_per_second']:,.0f} images/s",
            format_seconds(row["seconds"]),
        ]
        self.message("  ".join(words))

    def _clear(self) -> None:
        if self._width:
            print(f"\r{' ' * self._width}\r", end="", file=self.stream)
            self._width = 0


def _is_notebook(stream: TextIO) -> bool:
    """Whether a stream ends in a cell: that of a kernel says that it is no terminal."""
    return type(stream).__module__.partition(".")[0] == "ipykernel"


def format_seconds(seconds: float) -> str:
    """Write a time as people do: `4.2 s`, `3 min 05 s`, `2 h 07 min`."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, seconds = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {seconds:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"
