"""Records in files: flat dataclasses, read back with every value checked."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from types import NoneType
from typing import Any, TypeVar, get_args, get_type_hints

from kerascnn.errors import RunError, shown

Record = TypeVar("Record")

# No count or size is larger, and Python's integers have no bounds.
MAX_NUMBER = 2**63
# By the type of a field; one of another type is the class's to check.
_KINDS: dict[type, tuple[str, tuple[type, ...]]] = {
    str: ("text", (str,)),
    int: ("a whole number", (int,)),
    float: ("a number", (int, float)),
    Path: ("a path", (str,)),
}


def read_record(cls: type[Record], value: object) -> Record:
    """Make a flat dataclass of plain values; names that it lacks are ignored.

    Raises:
        RunError: A value that is missing or of another kind, or no object at all.
    """
    if not isinstance(value, Mapping):
        raise RunError("It has to be an object of names and values.")
    given: dict[str, Any] = {}
    types = get_type_hints(cls)
    for field in dataclasses.fields(cls):  # type: ignore[arg-type]
        if field.name in value:
            given[field.name] = _checked(
                field.name, types[field.name], value[field.name]
            )
        elif field.default is dataclasses.MISSING:
            raise RunError(f"{field.name} is missing.")
    return cls(**given)


def _checked(name: str, annotation: Any, value: object) -> Any:
    choices = get_args(annotation) or (annotation,)
    kind = choices[0]
    if kind not in _KINDS or (value is None and NoneType in choices):
        return value
    words, types = _KINDS[kind]
    is_odd = isinstance(value, bool) or (
        isinstance(value, int | float) and not abs(value) < MAX_NUMBER
    )
    if is_odd or not isinstance(value, types):
        raise RunError(f"{name} has to be {words}, but is {shown(value)}.")
    return Path(str(value)) if kind is Path else value
