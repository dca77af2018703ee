"""Tables of what can be named on the command line, imported when it is used."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from importlib import import_module
from typing import Any, TypeVar

from kerascnn.errors import ConfigError, UnknownNameError, shown


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One row of a table.

    Attributes:
        name: The name that users type.
        target: Where the object lives, as `"package.module:attribute"`.
        summary: One line for listings.
    """

    name: str
    target: str
    summary: str

    def load(self) -> Any:
        """Import and return the object that this row stands for."""
        return load_target(self.target)


def load_target(target: str) -> Any:
    """Import and return the object of a `"package.module:attribute"`."""
    module, _, attribute = target.partition(":")
    return getattr(import_module(module), attribute)


E = TypeVar("E", bound=Entry)


def known_name(kind: str, name: object, known: Collection[str]) -> str:
    """The name of a table that is meant: case, `-` and `_` may differ.

    Args:
        kind: What it names, for messages: `"model"`.
        name: What was given.
        known: The names that there are.

    Raises:
        UnknownNameError: None of them is meant.
        ConfigError: It is no text.

    Example:
        >>> known_name("model", "ResNet-18", ["lenet", "resnet18"])
        'resnet18'
    """
    if not isinstance(name, str):
        raise ConfigError(f"{kind} has to be a name, but got {shown(name)}.")
    if name in known:
        return name
    for other in known:
        if _letters(other) == _letters(name):
            return other
    raise UnknownNameError(kind, name, known)


def _letters(name: str) -> str:
    return name.lower().replace("-", "").replace("_", "")


class Registry(dict[str, E]):
    """Rows by name, in the order given; `table["LeNet"]` is the row of `lenet`.

    Args:
        kind: What the rows are, for the message of a wrong name: `"model"`.
        entries: The rows; two of one name are a programming error.
    """

    def __init__(self, kind: str, *entries: E) -> None:
        super().__init__((entry.name, entry) for entry in entries)
        if len(self) != len(entries):
            raise ValueError(f"two {kind} entries share a name")
        self.kind = kind

    def __getitem__(self, name: str) -> E:
        """The row that is meant by a name; see `known_name`."""
        return super().__getitem__(known_name(self.kind, name, self))
