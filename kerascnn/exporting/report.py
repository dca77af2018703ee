"""What a folder of exports holds: `export.json`, and the records in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from kerascnn.data.facts import DatasetFacts
from kerascnn.errors import RunError
from kerascnn.machine.files import read_json
from kerascnn.machine.records import read_record
from kerascnn.model_files.find import REPORT_NAME
from kerascnn.model_files.formats import FORMATS


@dataclass(frozen=True, kw_only=True)
class Export:
    """One exported file and what its check said.

    Attributes:
        format: A name of `FORMATS`.
        quantization: A name of `QUANTIZATIONS`.
        path: Where it is; ends in `.rejected` where it failed.
        size_bytes: Its size.
        images: How many test images it was checked on.
        largest_difference: Of any probability from the model's.
        agreement: The share of images with the same predicted class.
        accuracy: The share of correct predictions, by the file.
        accuracy_drop: By how much that is lower than the model's.
        problem: Why it was rejected; empty where it was not.
        temperature: The model's, which calibrates its probabilities, and nearly so the
            file's; `None` where it has none.
        arena_bytes: The memory that a program on a chip reserves for its tensors;
            `None` for other formats.
        flash_bytes: The size of the model alone, as a chip has it; likewise.
    """

    format: str
    quantization: str
    path: Path
    size_bytes: int
    images: int
    largest_difference: float
    agreement: float
    accuracy: float
    accuracy_drop: float
    problem: str = ""
    temperature: float | None = None
    arena_bytes: int | None = None
    flash_bytes: int | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self) | {"path": str(self.path)}


@dataclass(frozen=True, kw_only=True)
class ExportReport:
    """The content of `export.json`.

    Attributes:
        run: The name of the run that the files are of.
        model: Its network, a name of `MODELS`.
        dataset: The data that it is for.
        files: What was exported into the folder, rejected files among them.
    """

    run: str
    model: str
    dataset: DatasetFacts
    files: tuple[Export, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "run": self.run,
            "model": self.model,
            "dataset": self.dataset.to_dict(),
            "files": [export.to_dict() for export in self.files],
        }

    def after(self, folder: Path) -> ExportReport:
        """The same with what a folder's report had before, as long as it is there."""
        now = {export.path.name for export in self.files}
        kept = tuple(
            export for export in read_exports(folder) if export.path.name not in now
        )
        return replace(self, files=kept + self.files)


def read_exports(folder: Path) -> Sequence[Export]:
    """What a folder's report says of the files that are still there.

    What cannot be read of it is left out, since the report is written anew.
    """
    path = folder / REPORT_NAME
    if not path.exists():
        return ()
    try:
        rows = read_json(path, "Export again.")["files"]
        exports = [read_record(Export, row) for row in rows]
    except (RunError, LookupError, TypeError):
        return ()
    there = [_found(export, folder) for export in exports]
    return [export for export in there if export is not None]


def _found(export: Export, folder: Path) -> Export | None:
    """The record with the path of its file in the folder, if there is such a file."""
    row = FORMATS.get(export.format)
    if row is None or export.quantization not in row.quantizations:
        return None
    end = ".rejected" if export.problem else ""
    path = folder / f"{row.file_name(export.quantization)}{end}"
    return replace(export, path=path) if path.exists() else None
