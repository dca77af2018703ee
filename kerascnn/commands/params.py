"""Kinds of values on the command line that Click does not have."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem

from kerascnn.data import DATASETS
from kerascnn.data.sources import is_folder, known_dataset
from kerascnn.errors import ConfigError, UnknownNameError, shown
from kerascnn.machine.content import parse_json
from kerascnn.machine.files import require_writable
from kerascnn.machine.ranges import Range
from kerascnn.registry import known_name

# What matplotlib draws, and browsers and documents show.
FIGURE_SUFFIXES = (".png", ".svg", ".pdf")
STANDARD_OUTPUT = "-"


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
        """Return the name that is meant, or fail with the nearest one."""
        try:
            return known_name(self.kind, value, self.choices)
        except UnknownNameError as error:
            self.fail(str(error), param, ctx)


class DatasetName(click.ParamType):  # type: ignore[type-arg]  # not generic in 8.2
    """A data set: a name of the table, `tfds:NAME`, or a folder of pictures."""

    name = "NAME|tfds:NAME|FOLDER"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> str:
        """Return its reference, or fail with the nearest name."""
        try:
            reference = known_dataset(value)
        except (ConfigError, UnknownNameError) as error:
            self.fail(str(error), param, ctx)
        if is_folder(reference) and not os.path.isdir(reference):
            if os.path.lexists(reference):
                self.fail(f"{shown(reference)} is no folder. Name one.", param, ctx)
            self.fail(f"There is no folder {shown(reference)}.", param, ctx)
        return reference

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """The names, and folders."""
        return [
            CompletionItem(incomplete, type="dir"),
            *(CompletionItem(name) for name in DATASETS if name.startswith(incomplete)),
        ]


class Number(click.ParamType):  # type: ignore[type-arg]  # not generic in 8.2
    """A number of a range; NaN and infinity are in none.

    Args:
        range: What it may be.
    """

    def __init__(self, range: Range) -> None:
        self.range = range
        self.name = "integer" if range.whole else "float"

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        """The range, for the help."""
        return f"{self.range.low:.15g}..{self.range.high:.15g}"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Return the number, or fail with the range."""
        kind = int if self.range.whole else float
        try:
            number = kind(value)
            self.range.check("it", number)
        except ConfigError as error:
            self.fail(str(error), param, ctx)
        except ValueError:
            self.fail(f"{shown(value)} is not {self.range.words}.", param, ctx)
        return number


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
            number = parse_json(text.lower())
        except ValueError:
            number = text
        if number is None or isinstance(number, int | float):
            return name.strip().replace("-", "_"), number
        self.fail(
            f"{shown(value)} is not NAME=VALUE with a number, true or false, such as "
            f"{self.example}.",
            param,
            ctx,
        )


class Folder(click.Path):
    """A folder that is there or can be made; anything else by its name is refused."""

    def __init__(self) -> None:
        super().__init__(file_okay=False, path_type=Path)

    def convert(
        self,
        value: Any,
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> Path:
        """Return the path, or fail where it cannot be a folder."""
        text = os.fspath(value)
        if not text.strip() or "\0" in text:
            self.fail(f"{shown(text)} is no name of a folder.", param, ctx)
        if os.path.lexists(text) and not os.path.isdir(text):
            self.fail(f"{shown(text)} is no folder. Name one.", param, ctx)
        return Path(text)


class OutputFile(click.Path):
    """A file to be written, refused before any work where it could not be.

    Args:
        suffixes: How its name has to end, if that matters.
        allow_dash: Whether `-` is standard output.

    Raises:
        RunError: Its folder cannot be written.
    """

    def __init__(self, suffixes: Sequence[str] = (), *, allow_dash: bool = False):
        super().__init__(dir_okay=False, path_type=Path, allow_dash=allow_dash)
        self.suffixes = suffixes

    def convert(
        self,
        value: Any,
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> Path:
        """Return the path, or fail with what it has to be."""
        if self.allow_dash and os.fspath(value) == STANDARD_OUTPUT:
            return Path(STANDARD_OUTPUT)
        if "\0" in os.fspath(value):
            self.fail(f"{shown(value)} is no name of a file.", param, ctx)
        path = Path(super().convert(value, param, ctx))  # type: ignore[arg-type]
        if self.suffixes and path.suffix.lower() not in self.suffixes:
            self.fail(
                f"{shown(str(path))} has to end in one of {', '.join(self.suffixes)}.",
                param,
                ctx,
            )
        if os.path.exists(path) and not os.path.isfile(path):
            self.fail(f"{shown(str(path))} is no file. Name one.", param, ctx)
        require_writable(path)
        return path


class FigureFile(OutputFile):
    """A file for a figure."""

    def __init__(self) -> None:
        super().__init__(FIGURE_SUFFIXES)
