"""The folder of a comparison, in which every file is whole or absent.

```text
comparison/
    plan.json      what is compared, and how: a `Protocol`
    runs/          a folder for each training, as `kerascnn train` writes it
    logs/          what each training said
    leases/        who trains what on a cluster, while it is trained there
    failed.json    the runs that are left out, if any
    left_out.json  the networks that were given up, if any, each with the reason
    chosen.json    the learning rates, chosen on validation
    labels.npy     the classes of the test images, in their order
    test.json      the accuracies that follow from them; joined once
    results.json   all that follows: `kerascnn.comparison.results`
    report.html    for people; report.md is the same
    figures/       pictures, as PNG and SVG
```

Weights, logs and checkpoints are not needed for any of it: without them, the folder can
be kept in version control, and a copy of it goes on where it was.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kerascnn.comparison.config import CompareConfig, Protocol
from kerascnn.comparison.plan import Outcome, PlannedRun, planned_runs
from kerascnn.errors import ConfigError, RunError
from kerascnn.machine import files
from kerascnn.runs.computation import is_alike
from kerascnn.runs.folder import Run, list_runs
from kerascnn.runs.metrics import RunMetrics

if TYPE_CHECKING:
    import numpy.typing as npt

# What a scheduler may need to set for a machine of its own; no result rests on it.
OWN_SETTINGS = {"device", "tensorboard", "checkpoint_seconds"}
PLAN_NAME = "plan.json"
LEFT_OUT_NAME = "left_out.json"


@dataclass(frozen=True)
class ComparisonFolder:
    """A comparison on disk.

    Attributes:
        path: Its folder.
    """

    path: Path

    @property
    def runs_path(self) -> Path:
        """The folder of its runs."""
        return self.path / "runs"

    @property
    def figures_path(self) -> Path:
        """The folder of its pictures."""
        return self.path / "figures"

    @property
    def protocol(self) -> Protocol:
        """What is compared, and how."""
        path = self.path / PLAN_NAME
        protocol = Protocol.from_dict(self.read_json(PLAN_NAME), str(path))
        if path.read_text("utf-8") != protocol.to_json():
            raise ConfigError(
                f"{path} was edited: its text is not what kerascnn wrote. Put it back, "
                "or take another --out."
            )
        left_out = self.left_out()
        if unknown := left_out.keys() - protocol.networks.keys():
            raise ConfigError(
                f"{self.path / LEFT_OUT_NAME} names {', '.join(sorted(unknown))}, but "
                f"{path} has {', '.join(protocol.networks)}. Put it back as it was."
            )
        return dataclasses.replace(protocol, left_out=tuple(left_out))

    def run(self, planned: PlannedRun) -> Run:
        """The run that was planned, whether it exists or not."""
        return Run(self.runs_path / planned.name)

    def first_of(self, planned: PlannedRun) -> Run | None:
        """The first run of the same network, which all others are computed as.

        A pair is to differ in its optimizers alone.
        """
        settings = planned.config.resolve()
        for other in self.planned():
            run = self.run(other)
            is_begun = run.has("environment.json") and other.name != planned.name
            if is_begun and is_alike(settings, run.settings):
                return run
        return None

    def has(self, name: str) -> bool:
        """Whether there is a file of that name."""
        return (self.path / name).is_file()

    def log_path(self, name: str) -> Path:
        """Where the training of a run writes what it says."""
        return self.path / "logs" / f"{name}.log"

    def lease_path(self, name: str) -> Path:
        """The folder of the lease on a run, by which one worker alone trains it."""
        return self.path / "leases" / name

    def planned(self) -> list[PlannedRun]:
        """All runs that are known of by now."""
        return planned_runs(self.protocol, self.outcomes())

    def left(self) -> list[PlannedRun]:
        """The runs that can be done now, and are not yet."""
        outcomes = self.outcomes()
        runs = planned_runs(self.protocol, outcomes)
        return [run for run in runs if run.name not in outcomes]

    def outcomes(self) -> dict[str, Outcome]:
        """How the runs ended, by name; without those that have not.

        Raises:
            RunError: A run with other settings than planned, or one that has read the
                test images.
        """
        protocol = self.protocol
        outcomes = {name: Outcome(status="failed") for name in self.failed()}
        metrics = {run.name: run.metrics for run in list_runs(self.runs_path)}
        for name, found in metrics.items():
            if found is not None:
                finished = found.status == "finished"
                outcomes[name] = Outcome(
                    status=found.status,
                    validation_accuracy=found.validation_accuracy if finished else None,
                    validation_loss=found.validation_loss if finished else None,
                )
        for planned in planned_runs(protocol, outcomes):
            if planned.name in metrics:
                _check_run(self.run(planned), planned, metrics[planned.name])
        return outcomes

    def failed(self) -> dict[str, str]:
        """The runs that are left out, each with the reason."""
        return self.read_json("failed.json") if self.has("failed.json") else {}

    def left_out(self) -> dict[str, str]:
        """The networks that were given up after the plan, each with the reason."""
        return self.read_json(LEFT_OUT_NAME) if self.has(LEFT_OUT_NAME) else {}

    def leave_out(self, reasons: Mapping[str, str]) -> None:
        """Give up networks for good; the report says so first.

        Args:
            reasons: Why, by network.

        Raises:
            ConfigError: One that is not compared, or all that are left.
            RunError: The test accuracies are known already.
        """
        compared = self.protocol.compared
        new = {k: v for k, v in reasons.items() if k not in self.left_out()}
        if unknown := new.keys() - self.protocol.networks.keys():
            raise ConfigError(
                f"{', '.join(sorted(unknown))} cannot be left out: {self.path} "
                f"compares {', '.join(compared)}."
            )
        if new and self.has("test.json"):
            raise RunError(
                f"No network can be left out of {self.path} any more: its test "
                "accuracies are known. Start it again without --leave-out."
            )
        if new and not compared.keys() - new.keys():
            raise ConfigError(
                f"{', '.join(compared)}: one network has to be left in {self.path}."
            )
        if new:
            self.write_json(LEFT_OUT_NAME, self.left_out() | new)

    def chosen_digest(self) -> str:
        """The SHA-256 of `chosen.json`, by which later changes to it are seen."""
        import hashlib  # takes its time to import

        return hashlib.sha256((self.path / "chosen.json").read_bytes()).hexdigest()

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the comparison, so that no second process works on it.

        Raises:
            RunError: Another process holds it.
        """
        with files.locked_folder(self.path, "being worked on"):
            yield

    def read_json(self, name: str) -> dict[str, Any]:
        """Read a JSON object.

        Raises:
            RunError: It cannot be read, or is none.
        """
        return files.read_json(self.path / name, "Take another --out, or put it back.")

    def write_json(self, name: str, value: Mapping[str, Any]) -> None:
        """Write a JSON object, whole or not at all."""
        files.write_json(self.path / name, value)

    def write_text(self, name: str, text: str) -> None:
        """Write a text, whole or not at all."""
        files.write_text(self.path / name, text)

    def read_array(self, name: str) -> npt.NDArray[Any]:
        """Read an array.

        Raises:
            RunError: It cannot be read.
        """
        return files.read_array(self.path / name)

    def write_array(self, name: str, array: npt.NDArray[Any]) -> None:
        """Write an array, whole or not at all."""
        files.write_array(self.path / name, array)


def open_comparison(out: Path, given: Mapping[str, Any]) -> ComparisonFolder:
    """Open the comparison in a folder, or make it.

    Args:
        out: The folder.
        given: Settings of `CompareConfig`. Where the folder holds a comparison, they
            have to be its own; with none at all it goes on as it is.

    Raises:
        ConfigError: Settings that cannot be, or that differ from the folder's.
        RunError: The folder cannot be read or written.
    """
    folder = ComparisonFolder(out)
    exists = folder.has(PLAN_NAME)
    if exists and not given:
        _ = folder.protocol
        return folder
    protocol = CompareConfig(**given).resolve()
    if not exists:
        folder.write_text(PLAN_NAME, protocol.to_json())
        return folder
    there, here = _settings(folder.protocol), _settings(protocol)
    for name in there:
        if there[name] != here.get(name):
            raise ConfigError(
                f"The comparison in {out} has {name} = {there[name]}, but "
                f"{here.get(name)} is asked for. Go on with it by --out {out} "
                "alone, or give another --out."
            )
    return folder


def _settings(protocol: Protocol) -> dict[str, Any]:
    """What makes a comparison, by name, those first that others follow from."""
    settings = {
        "models": " ".join(protocol.networks),
        "optimizers": " ".join(protocol.optimizers),
        **{
            name: value
            for name, value in vars(protocol).items()
            if name not in {"networks", "optimizers", "command", "left_out"}
        },
    }
    for model, network in protocol.networks.items():
        for name, value in {**vars(network.budget), **network.settings}.items():
            settings[f"{name} of {model}"] = value
        for optimizer, rate in network.centres.items():
            settings[f"the rate of {model} with {optimizer}"] = rate
    for optimizer, options in protocol.optimizers.items():
        for name, value in options.items():
            settings[f"{name} of {optimizer}"] = value
    return settings


def _check_run(run: Run, planned: PlannedRun, metrics: RunMetrics | None) -> None:
    found, wanted = run.settings.to_dict(), planned.config.resolve().to_dict()
    for name, value in wanted.items():
        if name not in OWN_SETTINGS and found[name] != value:
            raise RunError(
                f"{run.path} was trained with {name} = {found[name]}, but the "
                f"comparison plans {value}. Delete it, and it is trained as planned."
            )
    if metrics is not None and metrics.test_accuracy is not None:
        raise RunError(
            f"{run.path} has measured the test images, which a comparison does once "
            "and at its end. Delete it, and it is trained as planned."
        )
