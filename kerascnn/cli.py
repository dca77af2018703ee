"""The command line: the group of all commands, and the boundary of errors."""

from __future__ import annotations

from typing import Any

import click

from kerascnn import __version__, runtime
from kerascnn.commands.benchmark import benchmark
from kerascnn.commands.compare import compare
from kerascnn.commands.datasets import datasets
from kerascnn.commands.doctor import doctor
from kerascnn.commands.evaluate import evaluate
from kerascnn.commands.export import export
from kerascnn.commands.models import models
from kerascnn.commands.optimizers import optimizers
from kerascnn.commands.predict import predict
from kerascnn.commands.runs import runs
from kerascnn.commands.train import train
from kerascnn.errors import KerasCNNError, UnknownNameError

COMMANDS = (
    *(train, evaluate, predict, compare, export, benchmark),
    *(models, datasets, optimizers, runs, doctor),
)


class ErrorBoundary(click.Group):
    """Shows a mistake of the user's as one line; a bug keeps its traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command that was asked for."""
        try:
            return super().invoke(ctx)
        except KerasCNNError as error:
            raise click.ClickException(str(error)) from error
        except click.UsageError as error:
            path = error.ctx.command_path if error.ctx else ctx.command_path
            line = " ".join(error.format_message().split())
            raise click.UsageError(f"{line} See: {path} --help") from error

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find a command; a wrong name is answered with the nearest."""
        if args[0] not in self.commands and not args[0].startswith("-"):
            ctx.fail(str(UnknownNameError("command", args[0], self.commands)))
        return super().resolve_command(ctx, args)


@click.group(
    cls=ErrorBoundary,
    commands={command.name or "": command for command in COMMANDS},
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 88},
)
@click.version_option(__version__, prog_name="kerascnn")
def main() -> None:
    """Train, compare, check and ship five classic convolutional networks."""
    runtime.configure()
