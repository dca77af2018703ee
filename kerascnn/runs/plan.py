"""What a run is to do: its settings, or, while it is continued, those of that.

A finished run stays as it is until its continuation has finished: what that will leave
is in the checkpoint's folder, the settings among it.
"""

from __future__ import annotations

from kerascnn.errors import ConfigError
from kerascnn.machine.text import command_line
from kerascnn.runs.folder import Run
from kerascnn.settings.config_file import ConfigFile, read_config


def is_continuing(run: Run) -> bool:
    """Whether a run that had finished was given more epochs, which are not done yet."""
    return run.continuation_path.is_file()


def read_plan(run: Run) -> ConfigFile:
    """What the run is to do by now.

    Raises:
        ConfigError: The file cannot be read.
    """
    continuing = is_continuing(run)
    return read_config(
        run.continuation_path if continuing else run.path / "config.json"
    )


def write_plan(run: Run, plan: ConfigFile) -> None:
    """Write what the run is to do, whole or not at all.

    Raises:
        RunError: The file cannot be written.
    """
    continuing = is_continuing(run)
    path = run.continuation_path if continuing else run.path / "config.json"
    Run(path.parent).write_text(path.name, plan.to_json())


def change_epochs(run: Run, epochs: int, begun: int) -> ConfigFile:
    """What the run is to do if it is to have so many epochs in all.

    Args:
        run: The run, which has not diverged.
        epochs: How many.
        begun: Epochs of which steps are done, where the run has not finished.

    Raises:
        ConfigError: Fewer epochs than are done, or a number that cannot be.
        RunError: The run cannot be read.
    """
    plan, metrics = read_plan(run), run.metrics
    ended = metrics is not None and not is_continuing(run)
    done = metrics.epochs if metrics is not None and ended else begun
    if plan.settings.plan_digest is not None:
        raise ConfigError(
            f"{run.path} belongs to a comparison, whose plan says how many epochs it "
            "has. Train anew with: "
            + command_line(
                "train", "--config", run.path / "config.json", "--epochs", str(epochs)
            )
        )
    if epochs == (done if ended else plan.settings.epochs):
        return plan
    changed = plan.with_epochs(epochs, after_epoch=done, anew=ended)
    if epochs < done:
        raise ConfigError(
            f"{run.path} has done or begun {done} epochs already, but epochs, which "
            f"counts them all, is {epochs}. Give a larger number, or train anew with: "
            + command_line(
                "train", "--config", run.path / "config.json", "--epochs", str(epochs)
            )
        )
    return changed
