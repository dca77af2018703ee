"""The page of a model's mistakes: what the network saw, and the file that it is of."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import numpy as np
import numpy.typing as npt
from markupsafe import Markup
from PIL import Image

from kerascnn.data.sources import is_folder
from kerascnn.evaluation.evaluate import Evaluation
from kerascnn.evaluation.mistakes import list_mistakes, rank_mistakes
from kerascnn.machine.files import write_text
from kerascnn.machine.pages import render_page

# The page has an end, however many there are, and each picture in it.
MAX_SHOWN = 500
MAX_SIDE = 96


def write_mistakes_page(evaluation: Evaluation, path: Path) -> Path:
    """Write an HTML file that opens offline.

    Args:
        evaluation: Its test images are from files.
        path: The file.

    Returns:
        The path.

    Raises:
        RunError: It cannot be written.
    """
    test, probabilities = evaluation.test, evaluation.probabilities
    mistakes = list_mistakes(test, probabilities, MAX_SHOWN)
    places = rank_mistakes(test.labels, probabilities)
    context = {
        "evaluation": evaluation,
        "number": len(places),
        "mistakes": [
            {
                **vars(mistake),
                "link": _link(evaluation.dataset, mistake.file),
                "picture": _picture(test.images[place]),
            }
            for mistake, place in zip(mistakes, places[:MAX_SHOWN], strict=True)
        ],
    }
    write_text(path, render_page("kerascnn.evaluation", "mistakes.html", context))
    return path


def _link(dataset: str, file: str) -> Markup | None:
    """The address of a picture; `None` where it is in no file of its own."""
    if not is_folder(dataset):
        return None
    return Markup(Path(dataset, file).as_uri())  # quotes all that is not plain


def _picture(pixels: npt.NDArray[np.uint8]) -> Markup:
    """An image in base64, smaller where it is large."""
    image = Image.fromarray(pixels.squeeze(2) if pixels.shape[2] == 1 else pixels)
    image.thumbnail((MAX_SIDE, MAX_SIDE))
    content = io.BytesIO()
    image.save(content, "WEBP", lossless=True)
    return Markup(base64.b64encode(content.getvalue()).decode())
