"""What a folder of exports holds: `export.json`, and the records in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from kerascnn.data.facts import DatasetFacts
from kerascnn.errors import RunError
from kerascnn.machine.files import read_json
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

    @classmethod
    def from_dict(cls, value: Mapping[str, Any]) -> Export:
        """The record of which `to_dict` gave the plain values.

        Raises:
            TypeError: A value is missing, or one too many.
            KeyError: There is no path.
        """
        return cls(**dict(value) | {"path": Path(value["path"])})

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
            export
            for export in read_exports(folder)
            if export.path.name not in now and export.path.exists()
        )
        return replace(self, files=kept + self.files)


def read_exports(folder: Path) -> Sequence[Export]:
    """What a folder's report says of its files; nothing where it cannot be read."""
    path = folder / REPORT_NAME
    if not path.exists():
        return ()
    try:
        files = read_json(path, "Export again.")["files"]
        exports = [Export.from_dict(row) for row in files]
    except (RunError, LookupError, TypeError):
        return ()  # it is written anew
    return [export for export in exports if export.format in FORMATS]
