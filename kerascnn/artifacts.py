"""Models on disk, found by what users type: a run, a file, or a SavedModel's folder."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kerascnn.data import DATASETS
from kerascnn.errors import ModelFileError
from kerascnn.formats import FORMATS
from kerascnn.runs import Run, find_run

# Beside exported files: what they are of, and what their check said.
REPORT_NAME = "export.json"
DEFAULT_DATASET = "mnist"


@dataclass(frozen=True, kw_only=True)
class Artifact:
    """A model on disk.

    Attributes:
        path: What its runtime opens.
        format: A name of `FORMATS`.
        dataset: The data set that it is for, a name of `DATASETS`.
        source: What to call it: the run's folder, or the path.
        run: The run that it is the model of, if it is one.
    """

    path: Path
    format: str
    dataset: str
    source: Path
    run: Run | None = None

    @property
    def size_bytes(self) -> int:
        """The size of the file, or of all files in the folder."""
        return sum(path.stat().st_size for path in _files(self.path))


def find_artifact(
    reference: str | None, out: Path, dataset: str | None = None
) -> Artifact:
    """Find the model that a user names.

    Args:
        reference: A run's name in `out` or its folder, a model file, or the folder of a
            SavedModel; where `None`, the newest run.
        out: The folder of runs.
        dataset: What a file is for; where `None`, what it was exported for, or mnist.

    Raises:
        RunError: There is no such run, or it has no model.
        ModelFileError: There is no such file.
        UnknownNameError: No run of that name, or no data set.
    """
    if reference is None:
        return artifact_of_run(find_run(None, out))
    path = Path(reference)
    if format_of(path) is None:
        return artifact_of_run(find_run(reference, out))
    run = Run(path.parent)
    if path == run.model_path and (run.path / "config.json").is_file():
        return artifact_of_run(run)
    return open_artifact(path, dataset)


def artifact_of_run(run: Run) -> Artifact:
    """The model of a finished run.

    Raises:
        RunError: It has none.
    """
    return Artifact(
        path=run.require_model(),
        format="keras",
        dataset=run.settings.dataset,
        source=run.path,
        run=run,
    )


def open_artifact(path: Path, dataset: str | None = None) -> Artifact:
    """The model in a file, or in the folder of a SavedModel.

    Raises:
        ModelFileError: There is none.
        UnknownNameError: No data set of that name.
    """
    kind = format_of(path)
    if not path.exists() or kind is None:
        suffixes = ", ".join(row.suffix for row in FORMATS.values() if row.suffix)
        raise ModelFileError(
            f"There is no model file {path}. Give a run, a {suffixes} file, or the "
            "folder of a SavedModel."
        )
    dataset = dataset or _exported_for(path) or DEFAULT_DATASET
    return Artifact(
        path=_newest_version(path) if kind == "saved-model" else path,
        format=kind,
        dataset=DATASETS[dataset].name,
        source=path,
    )


def exported_artifacts(folder: Path) -> list[Artifact]:
    """The models that `kerascnn export` left in a folder, in the order of `FORMATS`."""
    found = [
        (list(FORMATS).index(kind), path)
        for path in sorted(folder.glob("*"))
        if not path.name.startswith(".") and (kind := format_of(path)) is not None
    ]
    return [open_artifact(path) for _, path in sorted(found)]


def format_of(path: Path) -> str | None:
    """The format that a path's name, or a folder's content, stands for."""
    if path.is_dir():
        return (
            "saved-model"
            if (_newest_version(path) / "saved_model.pb").is_file()
            else None
        )
    for row in FORMATS.values():
        if row.suffix and path.name.endswith(row.suffix):
            return row.name
    return None


def _newest_version(path: Path) -> Path:
    """The folder of a SavedModel; TensorFlow Serving has a numbered one for each."""
    if (path / "saved_model.pb").is_file() or not path.is_dir():
        return path
    versions = [child for child in path.iterdir() if child.name.isdecimal()]
    return max(versions, key=lambda child: int(child.name), default=path)


def _exported_for(path: Path) -> str | None:
    """The data set that the report beside a file names."""
    report: Any = None
    for folder in path.resolve().parents[:2]:
        try:
            report = json.loads((folder / REPORT_NAME).read_text("utf-8"))
        except (OSError, ValueError):
            continue
        if isinstance(report, dict) and report.get("dataset") in DATASETS:
            return str(report["dataset"])
    return None


def _files(path: Path) -> Iterator[Path]:
    if path.is_file():
        yield path
    else:
        yield from (child for child in path.rglob("*") if child.is_file())
