"""The help of every command, for docs/cli.md, which calls it through cog.

`make fix` writes the page anew, `make check` and a test compare.
"""

from __future__ import annotations

from collections.abc import Iterator

import click
from click.testing import CliRunner

from kerascnn.cli import main


def cli_page() -> str:
    """The help of all commands in Markdown, a heading each."""
    parts = [
        f"## {' '.join(words)}\n\n```text\n{_help(words[1:])}```\n"
        for words in _commands(main, ["kerascnn"])
    ]
    return "\n".join(parts)


def _commands(command: click.Command, words: list[str]) -> Iterator[list[str]]:
    """The words of a command, then those of its own commands."""
    yield words
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            if inner:
                yield from _commands(inner, [*words, name])


def _help(words: list[str]) -> str:
    """What a command says of itself, 80 columns wide."""
    arguments = [*words, "--help"]
    result = CliRunner().invoke(
        main, arguments, prog_name="kerascnn", terminal_width=80
    )
    return result.output
