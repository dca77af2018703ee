"""`kerascnn doctor`."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import click

from kerascnn.commands.options import echo_json, json_option, out_option

MARKS = {"ok": "ok     ", "warning": "WARNING", "problem": "PROBLEM"}


@click.command()
@out_option
@json_option
@click.pass_context
def doctor(ctx: click.Context, out: Path, as_json: bool) -> None:
    """Check versions, devices and data, and say what to do.

    The exit code is 1 if there is a problem, and 0 if there are warnings at most.

    \b
    Example:
      kerascnn doctor
      kerascnn doctor --json
    """
    from kerascnn.doctor import diagnose

    checks = diagnose(out)
    if as_json:
        echo_json([dataclasses.asdict(check) for check in checks])
    else:
        width = max(len(check.name) for check in checks)
        for check in checks:
            click.echo(f"{MARKS[check.status]}  {check.name:<{width}}  {check.found}")
            if check.advice:
                click.echo(f"{'':{len(MARKS['ok']) + width + 4}}{check.advice}")
    ctx.exit(int(any(check.status == "problem" for check in checks)))
