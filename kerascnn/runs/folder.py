"""Runs: a folder for each training, in which every file is whole or absent.

```text
saved_models/lenet-adagrad-1/
    config.json       what was asked for, and the settings that it came to
    dataset.json      the data: image shape, class names, counts, digest
    environment.json  versions, machine, commit, and what decides the bits
    history.csv       one line an epoch
    steps.csv         one line a step
    metrics.json      how it ended; written last
    test_predictions.npy  the predicted class of each test image, if it was asked for
    model.keras       the trained model
    README.md         what the model is, for people
    figures/          pictures
    checkpoint/       while it trains: all that `--resume` needs; while a finished run
                      is continued, its new settings and histories as well
```
"""

from __future__ import annotations

import csv
import io
import math
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kerascnn.data.facts import DatasetFacts
from kerascnn.errors import DivergedError, RunError, UnknownNameError, shown
from kerascnn.machine.computation import Computation
from kerascnn.machine.content import read_content
from kerascnn.machine.files import (
    locked_folder,
    read_array,
    read_json,
    translated_os_errors,
    write_array,
    write_json,
    write_text,
)
from kerascnn.machine.tensorflow import load_tensorflow
from kerascnn.machine.text import command_line
from kerascnn.runs.metrics import RunMetrics
from kerascnn.settings.config import TrainConfig, TrainSettings
from kerascnn.settings.config_file import ConfigFile, read_config

if TYPE_CHECKING:
    import keras
    import numpy as np
    import numpy.typing as npt

DEFAULT_FOLDER = Path("saved_models")
# A line a step, of a million steps.
MAX_CSV_BYTES = 100_000_000

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Run:
    """A training on disk.

    Attributes:
        path: Its folder.
    """

    path: Path

    @property
    def name(self) -> str:
        """The name of the folder."""
        return self.path.name

    @property
    def model_path(self) -> Path:
        """Where the trained model is, once there is one."""
        return self.path / "model.keras"

    @property
    def figures_path(self) -> Path:
        """The folder of pictures."""
        return self.path / "figures"

    @property
    def figures(self) -> dict[str, Path]:
        """The pictures that there are, by name: `figures["curves"]` is a PNG file."""
        return {path.stem: path for path in sorted(self.figures_path.glob("*.png"))}

    @property
    def predictions_path(self) -> Path:
        """Where the predicted class of each test image is, if it was stored."""
        return self.path / "test_predictions.npy"

    @property
    def checkpoint_path(self) -> Path:
        """The folder that holds what a resumed training needs."""
        return self.path / "checkpoint"

    @property
    def continuation_path(self) -> Path:
        """The settings of more epochs, while a finished run is continued with them."""
        return self.checkpoint_path / "config.json"

    @property
    def config(self) -> TrainConfig:
        """What was asked for."""
        return read_config(self.path / "config.json").asked

    @property
    def settings(self) -> TrainSettings:
        """What that came to, by the recipes of the time of the run."""
        return read_config(self.path / "config.json").settings

    @property
    def dataset(self) -> DatasetFacts:
        """The facts of its data; those of a run of version 0.1 are from the table."""
        path = self.path / "dataset.json"
        if not path.exists():
            return DatasetFacts.from_table(self.config.dataset)
        return DatasetFacts.from_dict(self._read_json(path.name), path)

    @property
    def environment(self) -> dict[str, Any]:
        """Versions, machine, commit, and what decides the bits."""
        return self._read_json("environment.json")

    @property
    def computation(self) -> Computation | None:
        """How it is computed; `None` where a run of kerascnn 0.1 does not tell."""
        value = self.environment.get("computation")
        try:
            return None if value is None else Computation.from_dict(value)
        except RunError as error:
            path = self.path / "environment.json"
            raise RunError(f"Cannot read {path}: {error} Put it back.") from error

    @property
    def metrics(self) -> RunMetrics | None:
        """How the training ended; `None` while it has not."""
        path = self.path / "metrics.json"
        if not path.exists():
            return None
        value = self._read_json(path.name)
        try:
            return RunMetrics.from_dict(value)
        except RunError as error:
            raise RunError(
                f"Cannot read {path}: {error} Train the run again."
            ) from error

    @property
    def history(self) -> dict[str, list[float]]:
        """The numbers of all epochs by column: `history["accuracy"]`."""
        rows = self.epochs
        columns = dict.fromkeys(name for row in rows for name in row)
        return {name: [row.get(name, math.nan) for row in rows] for name in columns}

    @property
    def epochs(self) -> list[dict[str, float]]:
        """One row an epoch, numbers by column; a value that was not taken is absent."""
        return self._read_csv("history.csv")

    @property
    def steps(self) -> list[dict[str, float]]:
        """One row a step, likewise."""
        return self._read_csv("steps.csv")

    @property
    def test_predictions(self) -> npt.NDArray[np.integer[Any]]:
        """The predicted class of each test image, in their order, `(number,)`."""
        classes, facts = read_array(self.predictions_path), self.dataset
        number = facts.counts.get("test", len(classes)) if classes.ndim else 0
        if (
            classes.shape != (number,)
            or classes.dtype.kind not in "iu"
            or not ((classes >= 0) & (classes < facts.num_classes)).all()
        ):
            raise RunError(
                f"Cannot read {self.predictions_path}: it has to hold one of "
                f"{facts.num_classes} classes for each of {number:,} test images. "
                "Train the run again."
            )
        return classes

    @property
    def status(self) -> str:
        """`"finished"`, `"diverged"` or `"unfinished"`."""
        metrics = self.metrics
        return "unfinished" if metrics is None else metrics.status

    def require_metrics(self) -> RunMetrics:
        """What a run that finished was measured to be.

        Raises:
            DivergedError: Its loss or weights were no longer finite numbers.
            RunError: The run has not finished.
        """
        metrics = self.metrics
        if metrics is None:
            raise RunError(
                f"{self.path} has not finished. Go on with: "
                + command_line("train", "--resume", self.path)
            )
        if metrics.status == "diverged":
            raise DivergedError(
                f"{self.path} diverged in epoch {metrics.diverged_at_epoch} and holds "
                "no model. Train again with a lower learning rate."
            )
        return metrics

    def require_model(self) -> Path:
        """The path of the trained model.

        Raises:
            DivergedError: It diverged and has none.
            RunError: The run has not finished, or its model was taken away.
        """
        self.require_metrics()
        if not self.model_path.exists():
            raise RunError(
                f"{self.path} has finished, but {self.model_path.name} is gone. Put it "
                "back, or train the run again."
            )
        return self.model_path

    def load_model(self) -> keras.Model:
        """Load the trained model; it takes raw pixels, as all of kerascnn's models.

        Raises:
            RunError: The run has no model.
            ModelFileError: The file is damaged.
        """
        path = self.require_model()
        load_tensorflow()
        from kerascnn.models.load import load_model

        return load_model(path)

    def write_text(self, name: str, text: str) -> None:
        """Write a text file of the run, whole or not at all."""
        write_text(self.path / name, text)

    def write_json(self, name: str, value: Mapping[str, Any]) -> None:
        """Write a JSON file of the run, whole or not at all."""
        write_json(self.path / name, value)

    def write_csv(self, name: str, rows: Sequence[Row]) -> None:
        """Write rows of equal columns, whole or not at all; `None` is left empty."""
        text = io.StringIO()
        writer = csv.DictWriter(
            text, list(rows[0]) if rows else [], lineterminator="\n"
        )
        writer.writeheader()
        writer.writerows(rows)
        self.write_text(name, text.getvalue())

    def write_predictions(self, classes: npt.NDArray[np.integer[Any]]) -> None:
        """Write the predicted class of each test image, in as few bytes as possible."""
        import numpy as np

        smallest = np.min_scalar_type(int(classes.max()))
        write_array(self.predictions_path, classes.astype(smallest))

    def has(self, name: str) -> bool:
        """Whether there is a file of that name."""
        return (self.path / name).is_file()

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the run, so that no second process trains it.

        Raises:
            RunError: Another process holds it.
        """
        with locked_folder(self.path, "being trained"):
            yield

    def _read_json(self, name: str) -> dict[str, Any]:
        return read_json(self.path / name, "Train the run again.")

    def _read_csv(self, name: str) -> list[dict[str, float]]:
        path = self.path / name
        try:
            text = read_content(path, MAX_CSV_BYTES).decode()
            rows = csv.DictReader(text.splitlines(), restval="", strict=True)
            return [{k: float(v) for k, v in row.items() if v} for row in rows]
        except (OSError, ValueError, TypeError, csv.Error) as error:
            raise RunError(
                f"Cannot read {path}: {error}. Train the run again."
            ) from error


def create_run(
    config: TrainConfig,
    environment: Mapping[str, Any],
    out: Path = DEFAULT_FOLDER,
    name: str | None = None,
    *,
    settings: TrainSettings | None = None,
    dataset: DatasetFacts,
) -> Run:
    """Make the folder of a new run, with its settings, environment and data's facts.

    Args:
        config: What is asked for.
        environment: What it will run on.
        out: The folder of all runs.
        name: The folder's name; where `None`, `<model>-<optimizer>-<n>` with the next
            free number.
        settings: What that comes to; `config.resolve()` where `None`.
        dataset: What it will learn from.

    Raises:
        RunError: The name is taken or is no name, or the folder cannot be written.
    """
    if name is not None and (
        Path(name).name != name or name[:1] in {"", "."} or "\0" in name
    ):
        raise RunError(
            f"A run is named by a plain folder name, but got {name!r}. Choose the "
            "folder that it goes into with --out."
        )
    with translated_os_errors(out):
        out.mkdir(parents=True, exist_ok=True)
        # Not named by the process: threads share its number, and containers may.
        holder = tempfile.TemporaryDirectory(prefix=".new-", dir=out)
    with holder:
        draft = Run(Path(holder.name) / "run")
        settings = settings or config.resolve()
        draft.write_text("config.json", ConfigFile(config, settings).to_json())
        draft.write_json("environment.json", environment)
        draft.write_json("dataset.json", dataset.to_dict())
        path = _claim(
            draft.path, out, name or f"{config.model}-{config.optimizer}", name
        )
    return Run(path)


def require_free(path: Path) -> None:
    """Refuse the folder of a new run where there is something of that name.

    Raises:
        RunError: There is.
    """
    if os.path.lexists(path):
        raise RunError(
            f"There is a run {path} already. Choose another --name, or go on with "
            f"it: {command_line('train', '--resume', path)}"
        )


def _claim(draft: Path, out: Path, stem: str, name: str | None) -> Path:
    """Move a draft to its name: the one given, or the stem's next free number."""
    number = 1
    while True:
        path = out / (name or f"{stem}-{number}")
        with translated_os_errors(path):
            if not path.exists():
                try:
                    draft.rename(path)
                    return path
                except FileExistsError:  # another process was faster
                    pass
                except OSError:
                    if not path.exists():
                        raise
        if name:
            require_free(path)
        number += 1


def list_runs(out: str | os.PathLike[str] = DEFAULT_FOLDER) -> list[Run]:
    """All runs in a folder, the newest last."""
    out = Path(out)
    if not out.is_dir():
        return []
    runs = [Run(path.parent) for path in out.glob("*/config.json")]
    return sorted(
        (run for run in runs if not run.name.startswith(".")),
        key=lambda run: (run.path / "config.json").stat().st_mtime_ns,
    )


def newest_run(out: Path = DEFAULT_FOLDER) -> Run:
    """The run that finished last.

    Raises:
        RunError: No run has finished.
    """
    finished = {
        metrics.finished_at: run
        for run in list_runs(out)
        if (metrics := run.metrics) is not None and metrics.status == "finished"
    }
    if not finished:
        raise RunError(
            f"There is no finished run in {out}. Make one with: kerascnn train lenet"
        )
    return finished[max(finished)]


def open_run(
    reference: str | os.PathLike[str] | None = None,
    out: str | os.PathLike[str] = DEFAULT_FOLDER,
) -> Run:
    """Open a run by its path, by its name in `out`, or the newest one.

    Args:
        reference: The path or the name; the run that finished last where `None`.
        out: The folder of all runs.

    Raises:
        RunError: There is none, or the folder is no run.
        UnknownNameError: No run of that name; the message suggests the nearest.
    """
    out = Path(out)
    if reference is None:
        return newest_run(out)
    given = os.fspath(reference)
    paths = (Path(given), out / given) if given else ()
    # Of a name that cannot be, Path.exists() raises.
    for path in paths:
        if os.path.isfile(path / "config.json"):
            return Run(path)
    for path in paths:
        if os.path.lexists(path):
            raise RunError(
                f"{path} is no run: it holds no config.json. `kerascnn runs` lists "
                "the runs there are."
            )
    names = [run.name for run in list_runs(out)]
    if not names:
        raise RunError(
            f"There is no run {shown(given)}, and none in {out} at all. Make one "
            "with: kerascnn train lenet"
        )
    raise UnknownNameError("run", given, names)
