"""Files that are whole or absent, and folders that one process works on at a time."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from kerascnn.errors import RunError
from kerascnn.machine.arrays import read_header, read_values
from kerascnn.machine.content import load_json, open_content

if TYPE_CHECKING:
    import numpy.typing as npt

# Of the arrays that stand in files of their own: a class or a label each image.
MAX_ARRAY_BYTES = 256_000_000


@contextmanager
def locked_folder(path: Path, use: str) -> Iterator[None]:
    """Hold the lock of a folder, so that no second process works on it.

    The system lifts the lock of a process that ends, however it ends.

    Args:
        path: The folder.
        use: What is done with it, for the message: `"being trained"`.

    Raises:
        RunError: Another process holds it.
    """
    from filelock import FileLock, Timeout  # takes its time to import

    lock = FileLock(path / ".lock", timeout=0)
    with translated_os_errors(path):
        try:
            lock.acquire()
        except Timeout as error:
            raise RunError(
                f"{path} is {use} by another process. Wait for it, or stop it first."
            ) from error
    try:
        yield
    finally:
        lock.release()


def write_text(path: Path, text: str) -> None:
    """Write a text, whole or not at all.

    Raises:
        RunError: It cannot be written.
    """
    write_whole(path, lambda file: file.write(text.encode()))


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Write a JSON object, whole or not at all.

    Raises:
        RunError: It cannot be written.
        ValueError: A number that is not finite, which JSON does not have.
    """
    write_text(path, json.dumps(value, indent=2, allow_nan=False) + "\n")


def read_json(path: Path, mend: str) -> dict[str, Any]:
    """Read a JSON object.

    Args:
        path: The file.
        mend: What to do about one that cannot be read, for the message.

    Raises:
        RunError: It cannot be read, or is none.
    """
    try:
        value = load_json(path)
    except (OSError, ValueError) as error:
        raise RunError(f"Cannot read {path}: {error}. {mend}") from error
    if not isinstance(value, dict):
        raise RunError(f"{path} has to hold one JSON object. {mend}")
    return value


def read_array(path: Path) -> npt.NDArray[Any]:
    """Read an array of numbers; nothing in the file is run.

    Raises:
        RunError: It cannot be read.
    """
    try:
        with open_content(path) as file:
            header = read_header(file)
            if header.size_bytes > MAX_ARRAY_BYTES:
                raise ValueError(f"it has more than {MAX_ARRAY_BYTES // 10**6:,} MB")
            return read_values(file, header)
    except (OSError, ValueError) as error:
        raise RunError(f"Cannot read {path}: {error}. Train the run again.") from error


def write_array(path: Path, array: npt.NDArray[Any]) -> None:
    """Write an array of numbers, whole or not at all.

    Raises:
        RunError: It cannot be written.
    """
    import numpy as np

    write_whole(path, lambda file: np.save(file, array, allow_pickle=False))


def require_writable(
    path: Path, mend: str = "Give a file in a folder that can be written."
) -> None:
    """Refuse a file that could not be written, before work is spent on it.

    Nothing is left behind; folders of the path that are missing stay so.

    Args:
        path: The file.
        mend: What to do about one that cannot be written, for the message.

    Raises:
        RunError: It could not.
    """
    try:
        path.with_name(f".part-{path.name}").is_file()  # a name too long, for one
        folder = next(folder for folder in path.absolute().parents if folder.exists())
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise RunError(
            f"Cannot write {path}: {error.strerror or error}. {mend}"
        ) from error


def write_whole(path: Path, write: Callable[[IO[bytes]], Any]) -> None:
    """Write a file so that it is there whole, or as it was before.

    Args:
        path: The file; its folder is made where there is none.
        write: Gets the open binary file.

    Raises:
        RunError: It cannot be written.
    """
    with whole_file(path) as beside, open(beside, "wb") as file:
        write(file)


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Give a name beside a file to write to; what is there then takes its place.

    Raises:
        RunError: It cannot be written.
    """
    with beside(path) as part, translated_os_errors(path):
        yield part
        place(part, path)


@contextmanager
def beside(path: Path) -> Iterator[Path]:
    """Give a name beside a file or folder to write to; nothing stays there.

    The name has the same suffix. The folder of both is made where there is none.

    Raises:
        RunError: The folder cannot be written.
    """
    part = path.with_name(f".part-{path.name}")
    with translated_os_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        _remove(part)  # a pipe there would be waited for, a link be written through
    try:
        yield part
    finally:
        _remove(part)


def place(part: Path, path: Path) -> None:
    """Give a file or folder its name; what had it before goes.

    The bytes of a file are on the disk before the name changes, so that not even a
    power cut leaves half a file.

    Raises:
        RunError: It cannot be done.
    """
    with translated_os_errors(path):
        if part.is_dir():
            old = path.with_name(f".old-{path.name}")
            _remove(old)
            if path.exists():
                path.rename(old)
            part.rename(path)
            _remove(old)
        else:
            with open(part, "rb") as file:
                os.fsync(file.fileno())
            os.replace(part, path)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


@contextmanager
def translated_os_errors(path: Path) -> Iterator[None]:
    """Turn an error of the system into one line on what to do."""
    try:
        yield
    except OSError as error:
        raise RunError(
            f"Cannot write {path}: {error.strerror or error}. Make room or give "
            "another folder with --out; an unfinished run goes on with --resume."
        ) from error
