"""What a shell completes: names of runs, besides the choices that Click knows of."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import click
from click.shell_completion import CompletionItem

from kerascnn.models import MODELS
from kerascnn.runs.folder import DEFAULT_FOLDER, list_runs


def complete_runs(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """The runs in `--out` whose names begin so, or the folders of a path."""
    out = context.params.get("out") or DEFAULT_FOLDER
    # First, since Click's script for bash forgets what stands before a path.
    return [
        CompletionItem(incomplete, type="dir"),
        *_beginning((run.name for run in list_runs(Path(out))), incomplete),
    ]


def complete_sources(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Runs, or files of models."""
    _, *runs = complete_runs(context, parameter, incomplete)
    return [CompletionItem(incomplete, type="file"), *runs]


def complete_files(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Files, of any kind."""
    return [CompletionItem(incomplete, type="file")]


def complete_models(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """The networks, where an argument may be something else as well."""
    return _beginning(MODELS, incomplete)


def _beginning(names: Iterable[str], incomplete: str) -> list[CompletionItem]:
    return [CompletionItem(name) for name in names if name.startswith(incomplete)]
