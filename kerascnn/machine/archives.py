"""Zip archives from outside: read within limits, each fault one kind of error."""

from __future__ import annotations

import os
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kerascnn.machine.content import open_content

ENCRYPTED = 0x1
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


@contextmanager
def open_archive(path: Path, max_bytes: int) -> Iterator[zipfile.ZipFile]:
    """Open a zip archive whose members, unpacked, take at most so many bytes.

    Its members have different names, and can be read without a password. What is found
    to be wrong with one while it is read is an error of the same kind.

    Raises:
        UnfitFileError: It is a pipe, a device, a folder or a socket.
        OSError: The system cannot read it.
        ValueError: It is no archive, or a damaged one, or one of another kind.
    """
    with open_content(path) as file, _translated():
        # Unpacked or not: the list of members is bounded by this alone.
        if os.fstat(file.fileno()).st_size > max_bytes:
            raise ValueError(_too_large(max_bytes))
        if not zipfile.is_zipfile(file):
            raise ValueError("it is not a zip archive, or cut short")
        with zipfile.ZipFile(file) as archive:
            _check(archive.infolist(), max_bytes)
            yield archive


def _check(members: list[zipfile.ZipInfo], max_bytes: int) -> None:
    if len({member.filename for member in members}) < len(members):
        raise ValueError("two of its members have one name")
    for member in members:
        if member.flag_bits & ENCRYPTED:
            raise ValueError("it is encrypted")
        if member.compress_type not in METHODS:
            raise ValueError(f"it is compressed by method {member.compress_type}")
    if sum(member.file_size for member in members) > max_bytes:
        raise ValueError(_too_large(max_bytes))


def _too_large(max_bytes: int) -> str:
    return f"it holds more than {max_bytes / 1e6:,.1f} MB"


@contextmanager
def _translated() -> Iterator[None]:
    """Turn what `zipfile` raises for damaged archives into one kind of error."""
    try:
        yield
    except (
        zipfile.BadZipFile,
        zlib.error,
        struct.error,
        EOFError,
        NotImplementedError,
        OverflowError,
        MemoryError,
    ) as error:
        raise ValueError(f"it is a damaged zip archive ({error})") from error
