"""What a training says while it goes on: a live line, or one line an epoch."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, TextIO

from kerascnn.machine.numbers import (
    format_accuracy,
    format_count,
    format_loss,
    format_seconds,
)
from kerascnn.machine.text import printable

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

GAP = "  "
MIN_BAR_WIDTH = 6
# What a terminal writes behind the line when it is interrupted has to stay on it, or it
# could not be taken away.
INTERRUPTS = "^C^C "
# A notebook has no width that a kernel could ask for.
NOTEBOOK_WIDTH = 100


class Reporter:
    """Says nothing; the base of those that do."""

    def message(self, text: str) -> None:
        """Say one thing that stays."""

    def stage(self, text: str) -> None:
        """Say what goes on now and takes a while, until something else is said."""

    def steps(
        self,
        *,
        epoch: str,
        done: int,
        total: int,
        loss: float,
        accuracy: float,
        images_per_second: float | None,
        seconds_left: float | None,
    ) -> None:
        """Tell how far an epoch has come, several times a second or less.

        Args:
            epoch: Which one, of how many: `"1/7"`.
            done: Steps of it that are done.
            total: Steps that it has.
            loss: The mean of the steps that are done.
            accuracy: Likewise, in `[0, 1]`.
            images_per_second: Of the recent steps; `None` after the first.
            seconds_left: Until the training ends; likewise.
        """

    def epoch(self, epoch: str, row: Mapping[str, Any]) -> None:
        """Tell how an epoch ended, from its row of the history."""

    def close(self) -> None:
        """Take away what was for the moment: the call has ended, maybe by an error."""


class LineReporter(Reporter):
    """Writes to a stream; on a terminal or in a notebook, with a live line.

    The line fits the width of the terminal. It has colors where the terminal has, and
    `NO_COLOR` is not set.

    Args:
        stream: Standard error where `None`.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self.stream = stream or sys.stderr
        self._in_notebook = _is_notebook(self.stream)
        self.live = self._in_notebook or _is_terminal(self.stream)
        self._drawn = 0

    def message(self, text: str) -> None:
        """Write one line, in the place of the live one."""
        self.close()
        print(printable(text), file=self.stream, flush=True)

    def stage(self, text: str) -> None:
        """Draw the live line anew, with a text."""
        if self.live:
            from rich.text import Text

            self._draw(Text(printable(text), "cyan"))

    def steps(
        self,
        *,
        epoch: str,
        done: int,
        total: int,
        loss: float,
        accuracy: float,
        images_per_second: float | None,
        seconds_left: float | None,
    ) -> None:
        """Draw the live line anew, with a bar."""
        if not self.live:
            return
        fields = {
            "epoch": f"epoch {epoch}",
            "bar": " " * MIN_BAR_WIDTH,
            "loss": f"loss {format_loss(loss)}",
            "accuracy": f"accuracy {format_accuracy(accuracy)}",
        }
        if images_per_second is not None:
            fields["speed"] = f"{format_count(images_per_second)} images/s"
        if seconds_left is not None:
            fields["left"] = f"{format_seconds(seconds_left)} left"
        fields = _fit(fields, ("speed", "loss", "accuracy", "bar"), self._width)

        from rich.text import Text

        texts = {name: Text(text) for name, text in fields.items()}
        if "bar" in texts:
            room = self._width - len(GAP.join(fields.values()))
            texts["bar"] = self._bar(MIN_BAR_WIDTH + max(room, 0), done / total)
        if "left" in texts:
            texts["left"].stylize("cyan")
        self._draw(Text(GAP).join(texts.values()))

    def epoch(self, epoch: str, row: Mapping[str, Any]) -> None:
        """Write the line of an epoch; on a terminal, as much of it as fits."""
        fields = {
            "epoch": f"epoch {epoch}",
            "loss": f"loss {format_loss(row['loss'])}",
            "accuracy": f"accuracy {format_accuracy(row['accuracy'])}",
        }
        if row.get("validation_loss") is not None:
            loss, accuracy = row["validation_loss"], row["validation_accuracy"]
            fields["validation loss"] = f"validation loss {format_loss(loss)}"
            fields["validation"] = f"validation accuracy {format_accuracy(accuracy)}"
        fields["speed"] = f"{format_count(row['images_per_second'])} images/s"
        fields["seconds"] = format_seconds(row["seconds"])
        if self.live and not self._in_notebook:
            least = ("speed", "loss", "validation loss", "accuracy", "seconds")
            fields = _fit(fields, least, self._width)
        self.message(GAP.join(fields.values()))

    def close(self) -> None:
        """Take the live line away."""
        if self._drawn:
            self._write("")

    @cached_property
    def _console(self) -> Console:
        from rich.console import Console  # takes its time to import

        # Rich's own way into a notebook needs widgets, which may not be there.
        width = NOTEBOOK_WIDTH if self._in_notebook else None
        return Console(file=self.stream, width=width, force_jupyter=False)

    @property
    def _width(self) -> int:
        """Cells of the live line."""
        return self._console.width - len(INTERRUPTS)

    def _bar(self, width: int, share: float) -> Text:
        """A bar that is told from its rest without colors as well."""
        from rich.text import Text

        full, rest = "━─" if self._console.encoding.startswith("utf") else "#."
        filled = int(width * share)
        return Text.assemble(
            (full * filled, "green"), (rest * (width - filled), "bright_black")
        )

    def _draw(self, line: Text) -> None:
        line.truncate(self._width, overflow="ellipsis")
        with self._console.capture() as captured:
            self._console.print(line, end="", no_wrap=True, overflow="ignore")
        self._write(captured.get(), line.cell_len)

    def _write(self, text: str, width: int = 0) -> None:
        """Write over the live line, in one piece, so that it does not flicker."""
        if self._in_notebook:
            rest = " " * (self._drawn - width) + ("" if width else "\r")
        else:
            rest = "\x1b[K"
        self.stream.write(f"\r{text}{rest}")
        self.stream.flush()
        self._drawn = width


def _fit(fields: dict[str, str], least: Sequence[str], width: int) -> dict[str, str]:
    """Leave out what is named in `least`, in this order, until the rest fits."""
    fitting = dict(fields)
    for name in least:
        if len(GAP.join(fitting.values())) <= width:
            break
        fitting.pop(name, None)
    return fitting


def _is_terminal(stream: TextIO) -> bool:
    """Whether a stream ends in a terminal whose cursor can be moved."""
    return stream.isatty() and os.environ.get("TERM") not in {"dumb", "unknown"}


def _is_notebook(stream: TextIO) -> bool:
    """Whether a stream ends in a cell: that of a kernel says that it is no terminal."""
    return type(stream).__module__.partition(".")[0] == "ipykernel"
