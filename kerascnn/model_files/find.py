"""Models on disk, found by what users type: a run, or a model's file or folder."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path

from kerascnn.data import DATASETS
from kerascnn.data.facts import DatasetFacts
from kerascnn.data.sources import known_dataset
from kerascnn.errors import ModelFileError, UnknownNameError, shown
from kerascnn.machine.content import MAX_MODEL_BYTES, load_json
from kerascnn.machine.files import read_json
from kerascnn.model_files.formats import (
    FORMATS,
    KERAS,
    FormatEntry,
    kinds_of_files,
)
from kerascnn.runs.folder import Run, open_run
from kerascnn.runs.metrics import TEMPERATURE

# Beside exported files: what they are of, and what their check said.
REPORT_NAME = "export.json"


@dataclass(frozen=True, kw_only=True)
class Artifact:
    """A model on disk.

    Attributes:
        path: What its runtime opens.
        format: A name of `FORMATS`.
        dataset: The data that it is for.
        source: What to call it: the run's folder, or the path.
        run: The run that it is the model of, if it is one.
        temperature: That of `RunMetrics`, which calibrates its probabilities; `None`
            where none is known.
    """

    path: Path
    format: str
    dataset: DatasetFacts
    source: Path
    run: Run | None = None
    temperature: float | None = None

    @property
    def size_bytes(self) -> int:
        """The size of the file, or of all files in the folder."""
        return size_bytes(self.path)


def find_artifact(
    reference: str | None, out: Path, dataset: str | None = None
) -> Artifact:
    """Find the model that a user names.

    Args:
        reference: A run's name in `out` or its folder, or the file or folder of a
            model; where `None`, the newest run.
        out: The folder of runs.
        dataset: Other data of the same classes, or what a file is for of which nothing
            tells it; where `None`, what its run or its export was for.

    Raises:
        RunError: There is no such run, or it has no model.
        ModelFileError: There is no such file, nothing tells what it is for, or the data
            are of other classes.
        UnknownNameError: No run of that name, or no data set.
    """
    if reference is not None and format_of(Path(reference)):
        return open_artifact(Path(reference), dataset)
    return artifact_of_run(open_run(reference, out), dataset)


def artifact_of_run(run: Run, dataset: str | None = None) -> Artifact:
    """The model of a finished run.

    Args:
        run: The run.
        dataset: Other data of the same classes; what it was trained on where `None`.

    Raises:
        RunError: It has none.
        ModelFileError: The data are of other classes.
        UnknownNameError: No data set of that name.
    """
    artifact = Artifact(
        path=run.require_model(),
        format=KERAS,
        dataset=run.dataset,
        source=run.path,
        run=run,
        temperature=run.require_metrics().temperature,
    )
    return artifact if dataset is None else _for_other_data(artifact, dataset)


def open_artifact(path: Path, dataset: str | None = None) -> Artifact:
    """The model in a file, or in the folder of a format of folders.

    Args:
        path: The file or folder; `model.keras` of a run is the run's.
        dataset: As for `find_artifact`.

    Raises:
        ModelFileError: There is none, nothing tells what it is for, or the data are of
            other classes.
        UnknownNameError: No data set of that name.
    """
    kind = format_of(path)
    if kind is None:
        raise _no_model(path)
    _require_file(path, kind)
    if dataset is not None and known_dataset(dataset) in DATASETS:
        return _artifact(path, kind, DatasetFacts.from_table(dataset))
    run = Run(path.parent)
    if path == run.model_path and (run.path / "config.json").is_file():
        artifact = artifact_of_run(run)
    else:
        report = _report_beside(path, kind)
        artifact = _artifact(path, kind, _facts_in(report))
        temperature = _temperature_in(report, artifact.path.name)
        artifact = replace(artifact, temperature=temperature)
    return artifact if dataset is None else _for_other_data(artifact, dataset)


def _for_other_data(artifact: Artifact, dataset: str) -> Artifact:
    """The same model for other data of its classes.

    Raises:
        ModelFileError: The data are of other classes.
        UnknownNameError: No data set of that name.
    """
    facts = artifact.dataset.elsewhere(dataset)
    if facts.class_names != artifact.dataset.class_names:
        raise ModelFileError(
            f"{artifact.source} tells the classes of {artifact.dataset.title} apart, "
            f"but those of {facts.title} are others. Leave --dataset out, or give data "
            "of the same classes."
        )
    return replace(artifact, dataset=facts)


def find_weights(reference: str, out: Path) -> Path:
    """The `.keras` file that a user names: of a run, or by its path; absolute.

    Args:
        reference: A run's name in `out` or its folder, or the file.
        out: The folder of runs.

    Raises:
        RunError: There is no such run, or it has no model.
        ModelFileError: There is no such file.
        UnknownNameError: No run of that name.
    """
    path = Path(reference)
    if format_of(path) != KERAS:
        return open_run(reference, out).require_model().absolute()
    if not os.path.isfile(path):
        raise ModelFileError(f"There is no file {path}. Give a run, or a .keras file.")
    return path.absolute()


def exported_artifacts(run: Run, dataset: str | None = None) -> list[Artifact]:
    """What `kerascnn export` left in a run's folder, in the order of `FORMATS`.

    Files that are for other machines are left out.

    Args:
        run: The run.
        dataset: As for `artifact_of_run`.

    Raises:
        ModelFileError: What has the name of a model is none, or the data are of other
            classes.
        UnknownNameError: No data set of that name.
    """
    facts = run.dataset
    found = [
        (list(FORMATS).index(kind), path, kind)
        for path in sorted((run.path / "export").glob("*"))
        if not path.name.startswith(".")
        and (kind := format_of(path)) is not None
        and FORMATS[kind].check_s is None
    ]
    for _, path, kind in found:
        _require_file(path, kind)
    artifacts = [_artifact(path, kind, facts) for _, path, kind in sorted(found)]
    if dataset is None:
        return artifacts
    return [_for_other_data(artifact, dataset) for artifact in artifacts]


def format_of(path: Path) -> str | None:
    """The format that a path's name, or a folder's content, stands for.

    A page stands for none: its scripts could do whatever the user may.
    """
    for row in FORMATS.values():
        if row.joins:
            continue
        if os.path.isdir(path):  # of a name that cannot be, path.is_dir() raises
            if row.marker and os.path.isfile(_newest_version(path, row) / row.marker):
                return row.name
        elif row.suffix and path.name.endswith(row.suffix):
            return row.name
    return None


def size_bytes(path: Path) -> int:
    """The size of a file, or of all files in a folder."""
    if path.is_file():
        return path.stat().st_size
    return sum(child.stat().st_size for child in path.rglob("*") if child.is_file())


def _require_file(path: Path, kind: str) -> None:
    """Refuse what is no file, or too large, where the format is one of files.

    A pipe or a device by such a name would be waited for, or has no end.
    """
    if FORMATS[kind].marker:
        return
    if not os.path.isfile(path):
        raise _no_model(path)
    if os.path.getsize(path) > MAX_MODEL_BYTES:
        raise ModelFileError(
            f"{path} has more than {MAX_MODEL_BYTES // 10**6:,} MB, as no model has. "
            "Give another file."
        )


def _no_model(path: Path) -> ModelFileError:
    return ModelFileError(
        f"There is no model file {path}. Give a run, a {kinds_of_files()}."
    )


def _artifact(path: Path, kind: str, facts: DatasetFacts) -> Artifact:
    return Artifact(
        path=_newest_version(path, FORMATS[kind]),
        format=kind,
        dataset=facts,
        source=path,
    )


def _newest_version(path: Path, row: FormatEntry) -> Path:
    """The folder with the marker; servers have a numbered one for each version."""
    if not row.marker or os.path.isfile(path / row.marker) or not os.path.isdir(path):
        return path
    try:
        versions = [child for child in path.iterdir() if child.name.isdecimal()]
    except OSError:  # a folder of somebody else's
        return path
    return max(versions, key=lambda child: int(child.name), default=path)


def _report_beside(path: Path, kind: str) -> Path:
    """The report beside an exported file, which says what data it is for."""
    # A folder may be a numbered version in one of its own.
    for folder in path.resolve().parents[: 2 if FORMATS[kind].marker else 1]:
        report = folder / REPORT_NAME
        if report.is_file():
            return report
    raise ModelFileError(
        f"It is not known which data {path} is for: no {REPORT_NAME} is beside it. "
        "Give --dataset NAME."
    )


def _facts_in(path: Path) -> DatasetFacts:
    try:
        report = load_json(path)
        dataset = report.get("dataset") if isinstance(report, dict) else None
        if isinstance(dataset, str):  # older reports have the name alone
            return DatasetFacts.from_table(dataset)
    except (OSError, ValueError, UnknownNameError) as error:
        raise ModelFileError(
            f"Cannot tell from {path} which data its files are for: "
            f"{str(error).rstrip('.')}. Give --dataset NAME."
        ) from error
    return DatasetFacts.from_dict(dataset, path)


def _temperature_in(path: Path, name: str) -> float | None:
    """What a report says of the file of a name; older reports say nothing of it."""
    report = read_json(path, "Export again.")
    rows = report.get("files", [])
    for row in rows if isinstance(rows, list) else []:
        if isinstance(row, dict) and os.path.basename(str(row.get("path"))) == name:
            temperature = row.get("temperature")
            if temperature is None or temperature in TEMPERATURE:
                return temperature
            raise ModelFileError(
                f"The temperature of {name} in {path} has to be {TEMPERATURE.words}, "
                f"but is {shown(temperature)}. Export again."
            )
    return None
