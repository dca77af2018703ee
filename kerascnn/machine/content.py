"""The content of files from outside: of regular files alone, and within limits."""

from __future__ import annotations

import json
import math
import os
import stat
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

# A file of these kinds has no end, waits for its other side, or does things when read.
KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a pipe",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFSOCK: "a socket",
}
MAX_JSON_BYTES = 16_000_000
MAX_MODEL_BYTES = 4_000_000_000
MAX_JSON_DEPTH = 50


class UnfitFileError(OSError):
    """Why a file is not read, in words for people that go on after a colon."""


def open_content(path: str | os.PathLike[str]) -> BinaryIO:
    """Open a regular file, to read its bytes.

    Raises:
        UnfitFileError: It is a pipe, a device, a folder or a socket.
        OSError: The system cannot read it.
        ValueError: A name that no file can have.
    """
    _require_regular(os.stat(path))  # to open a device may do something already
    # What took the file's place since is opened without waiting for its other side.
    descriptor = os.open(
        path,
        os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0),
    )
    file = open(descriptor, "rb")  # noqa: SIM115
    try:
        _require_regular(os.fstat(descriptor))
    except BaseException:
        file.close()
        raise
    return file


def read_content(path: str | os.PathLike[str], max_bytes: int) -> bytes:
    """Read a regular file of at most so many bytes.

    Raises:
        UnfitFileError: As by `open_content`, or it is larger.
        OSError: The system cannot read it.
        ValueError: A name that no file can have.
    """
    with open_content(path) as file:
        content = file.read(max_bytes + 1) or b""
    if len(content) > max_bytes:
        raise UnfitFileError(f"it has more than {max_bytes // 10**6:,} MB")
    return content


def load_json(path: Path) -> Any:
    """Read the JSON document in a regular file.

    Raises:
        OSError: As by `read_content`.
        ValueError: As by `parse_json`.
    """
    return parse_json(read_content(path, MAX_JSON_BYTES))


def parse_json(content: str | bytes) -> Any:
    """Parse JSON as its standard has it: without NaN, infinity and endless nesting.

    Raises:
        ValueError: It is none, it is not UTF-8, or it is nested deeper than
            `MAX_JSON_DEPTH`.
    """
    too_deep = f"it is nested more than {MAX_JSON_DEPTH} deep"
    try:
        value = json.loads(content, parse_constant=_refuse, parse_float=_finite)
    except json.JSONDecodeError as error:
        raise ValueError(f"it is not JSON ({error})") from None
    except RecursionError:
        raise ValueError(too_deep) from None
    level = [value]
    for _ in range(MAX_JSON_DEPTH):
        level = [child for parent in level for child in _children(parent)]
    if any(_children(parent) for parent in level):
        raise ValueError(too_deep)
    return value


def _children(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


def _finite(text: str) -> float:
    value = float(text)
    return value if math.isfinite(value) else _refuse(text)


def _refuse(text: str) -> NoReturn:
    raise ValueError(f"{text[:20]} is no number that JSON can have")


def _require_regular(status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        kind = KINDS.get(stat.S_IFMT(status.st_mode), "something else")
        raise UnfitFileError(f"it is {kind}, not a file")
