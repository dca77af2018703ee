"""The models of a run's page, to be timed in Node."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kerascnn.data.facts import DatasetFacts
from kerascnn.errors import ModelFileError
from kerascnn.exporting.html.litertjs import TITLE, Message, load_litertjs
from kerascnn.exporting.html.page import SCHEMA, render_scripts
from kerascnn.machine.files import write_text
from kerascnn.model_files.find import Artifact, PageMember
from kerascnn.model_files.formats import FORMATS, HTML, QUANTIZATIONS
from kerascnn.model_files.process import require_modules

DATA = re.compile(r'<script [^>]*id="page-data">(.*?)</script>', re.DOTALL)


@contextmanager
def page_members(
    page: Path, dataset: DatasetFacts, message: Message = lambda text: None
) -> Iterator[list[Artifact]]:
    """The models on a page, which kerascnn's own scripts run within the block.

    Of the page the models are read alone: its scripts could do whatever the user may.

    Args:
        page: The file.
        dataset: What its models are for.
        message: Gets a line where the runtime is fetched.

    Raises:
        ModelFileError: It is no page of this version of kerascnn.
        MissingExtraError: There is no Node.
        ExportError: LiteRT.js is not there, and cannot be fetched.
    """
    require_modules(FORMATS[HTML])
    quantizations = _quantizations(page)
    runtime = load_litertjs(message)
    with tempfile.TemporaryDirectory(prefix="kerascnn-") as folder:
        scripts = Path(folder) / "scripts.html"
        write_text(scripts, render_scripts(runtime))
        yield [
            Artifact(
                path=page,
                format=HTML,
                dataset=dataset,
                source=Path(FORMATS[HTML].model_title(page, name)),
                page=PageMember(
                    index=index, scripts=scripts, runtime=f"{TITLE} in Node"
                ),
            )
            for index, name in enumerate(quantizations)
        ]


def _quantizations(page: Path) -> list[str]:
    """Those of a page's models."""
    try:
        found = DATA.search(page.read_text("utf-8"))
        data = json.loads(found[1]) if found else {}
        if data["schema"] != SCHEMA:
            raise ValueError
        names = [str(model["quantization"]) for model in data["models"]]
        if not names or not set(names) <= set(QUANTIZATIONS):
            raise ValueError
    except (ValueError, LookupError, TypeError, OSError) as error:
        raise ModelFileError(
            f"{page} is no page of this version of kerascnn, or it is damaged. Export "
            "it again with --format html, or delete it."
        ) from error
    return names
