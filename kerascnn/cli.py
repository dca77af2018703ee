"""The command line: the group of all commands, and the boundary of errors."""

from __future__ import annotations

import signal
from importlib import import_module
from typing import IO, Any

import click

from kerascnn import __version__
from kerascnn.commands.usage import explain_usage
from kerascnn.errors import (
    KerasCNNError,
    TrainingInterruptedError,
    UnknownNameError,
)
from kerascnn.machine.signals import clean_up_on_sigterm
from kerascnn.machine.tensorflow import configure
from kerascnn.machine.text import printable

# The name of each command, which is also that of its module and its function, and its
# line in the list. Here, so that help and one command do not import all the others.
COMMANDS = {
    "train": "Train a network, and write a run.",
    "evaluate": "Measure runs, or models in files, on the test set.",
    "predict": "Classify pictures of any size and kind.",
    "compare": "Compare optimizers on one network or several.",
    "export": "Export a run to other formats, each checked against it.",
    "demo": "Make a page that runs a model in the browser, and open it.",
    "benchmark": "Time models in their runtimes, and say which to ship.",
    "tune": "Time a network's layers here, for trainings to come.",
    "models": "List the networks.",
    "datasets": "List the data sets, or check a folder of pictures.",
    "optimizers": "List the optimizers.",
    "runs": "List the runs, show some side by side, or remove them.",
    "doctor": "Check versions, devices and data, and say what to do.",
}


class Stopped(click.ClickException):
    """A command that a signal stopped, which is no error of anyone's."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(printable(message))
        self.exit_code = exit_code  # type: ignore[misc]  # a class's, by its hints

    def show(self, file: IO[Any] | None = None) -> None:
        """Write the message, on a line of its own after the terminal's `^C`."""
        click.echo(self.message, file=file, err=True)


class ErrorBoundary(click.Group):
    """Shows a mistake of the user's as one line; a bug keeps its traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command that was asked for."""
        try:
            return super().invoke(ctx)
        except TrainingInterruptedError as error:
            raise Stopped(str(error), error.exit_code) from error
        except KeyboardInterrupt as error:
            raise Stopped("Stopped.", 128 + signal.SIGINT) from error
        except KerasCNNError as error:
            raise click.ClickException(printable(str(error))) from error
        except click.UsageError as error:
            path = error.ctx.command_path if error.ctx else ctx.command_path
            line = printable(f"{explain_usage(error)} See: {path} --help")
            raise click.UsageError(line) from error


class Commands(ErrorBoundary):
    """The commands of the table, imported when they are asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names of all commands."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command; `None` where there is none of that name."""
        if cmd_name not in COMMANDS:
            return None
        module = import_module(f"kerascnn.commands.{cmd_name}")
        command: click.Command = getattr(module, cmd_name)
        return command

    def format_commands(
        self, ctx: click.Context, formatter: click.HelpFormatter
    ) -> None:
        """List the commands, without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find a command; a wrong name is answered with the nearest."""
        is_wrong = args[0] not in COMMANDS and not args[0].startswith("-")
        if is_wrong and not ctx.resilient_parsing:
            ctx.fail(str(UnknownNameError("command", args[0], COMMANDS)))
        return super().resolve_command(ctx, args)


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 88},
)
@click.version_option(__version__, "-V", "--version", prog_name="kerascnn")
def main() -> None:
    """Train, compare, check and ship five classic convolutional networks.

    Results go to standard output, progress and errors to standard error. The exit code
    is 0 if all is done, 1 after an error, 2 for a wrong command line, 130 after Ctrl-C
    and 143 after SIGTERM: a training writes a checkpoint first, and says how to resume.
    """
    clean_up_on_sigterm()
    configure()
