"""What a model takes of a chip's memory, and whether that fits."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kerascnn.errors import ConfigError, ExportError


@dataclass(frozen=True)
class Memory:
    """What a model takes of a chip, in bytes; `None` where it is for none.

    Attributes:
        arena_bytes: RAM that its tensors are given, with the margin.
        flash_bytes: The model itself. TFLM's code and the program come on top.
        measured_bytes: What of the arena was needed here.
    """

    arena_bytes: int | None = None
    flash_bytes: int | None = None
    measured_bytes: int | None = None

    @property
    def words(self) -> str:
        """For a line of progress; empty where it is for no chip."""
        if self.arena_bytes is None:
            return ""
        return (
            f"{self.flash_bytes:,} bytes of flash, {self.arena_bytes:,} bytes of RAM "
            f"({self.measured_bytes:,} measured here), "
        )


def memory_of(folder: Path) -> Memory:
    """Read what the sources in a folder say of themselves, if it has any."""
    if not (folder / "model_settings.h").is_file():
        return Memory()
    return Memory(
        arena_bytes=_constant(folder / "model_settings.h", "kArenaSize"),
        flash_bytes=_constant(folder / "model_data.cc", "kModelLength"),
        measured_bytes=_constant(folder / "model_settings.h", "kArenaMeasured"),
    )


@dataclass(frozen=True)
class Limits:
    """What a chip has for a model, in bytes; `None` where it is not said.

    Attributes:
        arena: RAM for its tensors, `--arena-limit`.
        flash: Flash for the model, `--flash-limit`.
    """

    arena: int | None = None
    flash: int | None = None

    def require_use(self, formats: Sequence[str]) -> None:
        """Refuse limits that nothing would be held to.

        Raises:
            ConfigError: None of the formats is for chips.
        """
        if "micro" in formats:
            return
        for name, limit in (("arena", self.arena), ("flash", self.flash)):
            if limit is not None:
                raise ConfigError(
                    f"The limit --{name}-limit applies to micro, but the formats are "
                    f"{', '.join(formats)}. Add --format micro, or leave it out."
                )

    def check(self, memory: Memory, target: Path) -> None:
        """Refuse a model that is too large.

        Args:
            memory: What it takes.
            target: Where it would be, for the message.

        Raises:
            ExportError: With the bytes that are missing.
        """
        sides = (
            ("arena", "RAM", memory.arena_bytes, self.arena),
            ("flash", "flash", memory.flash_bytes, self.flash),
        )
        beyond = [
            f"{taken:,} bytes of {kind}, {taken - limit:,} more than --{name}-limit "
            f"{limit:,}"
            for name, kind, taken, limit in sides
            if taken is not None and limit is not None and taken > limit
        ]
        if beyond:
            raise ExportError(
                f"The model for {target} does not fit: it takes "
                f"{' and '.join(beyond)}. Train a smaller network, or one of a smaller "
                "--image-size."
            )


def _constant(file: Path, name: str) -> int:
    """A whole number of the sources that were just written, by its name."""
    found = re.search(rf"{name} = (\d+);", file.read_text("utf-8"))
    if found is None:
        raise ExportError(f"{file} has no {name}. Report this as a bug.")
    return int(found[1])
