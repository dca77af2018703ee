"""`kerascnn demo`."""

from __future__ import annotations

import shutil
import tempfile
import webbrowser
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import click

from kerascnn import api
from kerascnn.commands.completion import complete_runs
from kerascnn.commands.options import out_option, require_agreement
from kerascnn.commands.params import Folder, Name
from kerascnn.model_files.formats import FORMATS, HTML

# Enough to see a fault; `kerascnn export` checks on all test images.
CHECKED = 1000


@click.command()
@click.argument("runs", metavar="[RUN]...", nargs=-1, shell_complete=complete_runs)
@click.option(
    "--quantize",
    "quantizations",
    type=Name("quantization", FORMATS[HTML].quantizations),
    multiple=True,
    default=("none",),
    show_default=True,
    help="Repeat for both side by side.",
)
@click.option(
    "--to",
    type=Folder(),
    help="Folder of the page.  [default: a new temporary one]",
)
@out_option
@click.option("--browser/--no-browser", default=True, help="Open the page, or do not.")
def demo(
    runs: tuple[str, ...],
    quantizations: tuple[str, ...],
    to: Path | None,
    out: Path,
    browser: bool,
) -> None:
    """Make a page that runs a model in the browser, and open it.

    RUN is a folder, or its name in --out; without it, the newest run is taken, and two
    are shown side by side. Draw, drop a picture or use the camera. The page is one file
    that needs no server and no network. It is checked on 1,000 test images first.

    \b
    Example:
      kerascnn demo
      kerascnn demo lenet-sgd-1 lenet-adagrad-1
      kerascnn demo --quantize none --quantize int8 --to page --no-browser
    """
    with _new_folder() if to is None else nullcontext(to) as folder:
        exports = api.export(
            runs or None,
            formats=(HTML,),
            quantizations=quantizations,
            to=folder,
            out=out,
            limit=CHECKED,
        )
    require_agreement(exports)
    path = exports[0].path.absolute()
    click.echo(str(path))
    if browser and not webbrowser.open(path.as_uri()):
        click.echo("There is no browser here that opens it: do so yourself.", err=True)


@contextmanager
def _new_folder() -> Iterator[Path]:
    """A temporary folder, which stays only where a page was made in it."""
    folder = Path(tempfile.mkdtemp(prefix="kerascnn-demo-"))
    try:
        yield folder
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
