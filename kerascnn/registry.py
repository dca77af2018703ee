"""Tables of what can be named on the command line, imported when it is used."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import Any, NoReturn, TypeVar

from kerascnn.errors import UnknownNameError


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


class Registry(dict[str, E]):
    """Rows by name, in the order given.

    Args:
        kind: What the rows are, for the message of a wrong name: `"model"`.
        entries: The rows; two of one name are a programming error.
    """

    def __init__(self, kind: str, *entries: E) -> None:
        super().__init__((entry.name, entry) for entry in entries)
        if len(self) != len(entries):
            raise ValueError(f"two {kind} entries share a name")
        self.kind = kind

    def __missing__(self, name: str) -> NoReturn:
        raise UnknownNameError(self.kind, name, self)
