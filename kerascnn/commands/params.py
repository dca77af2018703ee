"""Kinds of values on the command line that Click does not have."""

from __future__ import annotations

import json
from collections.abc import Collection
from pathlib import Path
from typing import Any

import click

from kerascnn.errors import UnknownNameError
from kerascnn.machine.files import require_writable

# What matplotlib draws, and browsers and documents show.
FIGURE_SUFFIXES = (".png", ".svg", ".pdf")


class Name(click.Choice[str]):
    """A name of a table; a wrong one is answered with the nearest.

    Args:
        kind: What is named, for the message: `"model"`.
        names: The names there are.
    """

    def __init__(self, kind: str, names: Collection[str]) -> None:
        super().__init__(list(names))
        self.kind = kind

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> str:
        """Return a name that exists, or fail with the nearest one."""
        if value not in self.choices:
            self.fail(str(UnknownNameError(self.kind, value, self.choices)), param, ctx)
        return str(value)


class NameValue(click.ParamType):  # type: ignore[type-arg]  # not generic in 8.2
    """`name=value`, where the value is a number, `true`, `false` or `null`.

    Args:
        example: One, for the message of what is none.
    """

    name = "NAME=VALUE"

    def __init__(self, example: str) -> None:
        self.example = example

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, Any]:
        """Return the name and the value."""
        name, _, text = str(value).partition("=")
        try:
            return name.strip().replace("-", "_"), json.loads(text.lower())
        except json.JSONDecodeError:
            self.fail(
                f"{value!r} is not NAME=VALUE with a number, true or false, such as "
                f"{self.example}.",
                param,
                ctx,
            )


class FigureFile(click.Path):
    """A file for a figure, refused before any work where it could not be written.

    Raises:
        RunError: Its folder cannot be written.
    """

    def __init__(self) -> None:
        super().__init__(dir_okay=False, path_type=Path)

    def convert(
        self,
        value: Any,
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> Path:
        """Return the path, or fail with the formats that there are."""
        path = Path(super().convert(value, param, ctx))  # type: ignore[arg-type]
        if path.suffix.lower() not in FIGURE_SUFFIXES:
            self.fail(
                f"{str(path)!r} has to end in one of {', '.join(FIGURE_SUFFIXES)}.",
                param,
                ctx,
            )
        require_writable(path)
        return path
