"""Runs removed from the disk: nothing but runs, and nothing outside of them."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from kerascnn.errors import KerasCNNError, RunError
from kerascnn.machine.files import translated_os_errors
from kerascnn.runs.folder import Run, list_runs


def remove_run(run: Run) -> int:
    """Remove the folder of a run with all that is in it.

    It loses its name first, so that no half of it is ever taken for a run. Links in it
    are removed, and not what they lead to.

    Args:
        run: The run, as `open_run` gives it.

    Returns:
        How many bytes it held.

    Raises:
        RunError: The folder is a link, no run that can be read, or holds other runs; or
            the run is being trained, or the folder cannot be written.
    """
    check_removable(run)
    path = run.path.absolute()
    with run.locked():
        size = size_of(path)
        hidden = path.with_name(f".removed-{os.getpid()}-{path.name}")
        with translated_os_errors(path):
            path.rename(hidden)
            shutil.rmtree(hidden)
    return size


def check_removable(run: Run) -> None:
    """Refuse what is not plainly a run, or is being trained.

    Raises:
        RunError: As `remove_run`.
    """
    if run.path.is_symlink() or run.path.name in {"", ".."}:
        raise RunError(
            f"{run.path} is not the name of a run's own folder, but a link or dots. "
            "Give the folder itself."
        )
    try:
        _ = run.config, run.environment
    except KerasCNNError as error:
        raise RunError(
            f"{run.path} may be no run: it lacks a config.json or environment.json "
            "that can be read. If it is one, remove the folder by hand."
        ) from error
    if inner := list_runs(run.path):
        raise RunError(
            f"{run.path} holds other runs, {inner[0].name} for one. Remove these first."
        )
    with run.locked():
        pass


def size_of(folder: Path) -> int:
    """The bytes of all files in a folder; links count for nothing."""
    return sum(
        path.lstat().st_size for path in folder.rglob("*") if not path.is_symlink()
    )
