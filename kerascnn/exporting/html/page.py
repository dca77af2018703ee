"""The page as a text: models, runtime, test images and scripts in one HTML file."""

from __future__ import annotations

import base64
import gzip
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from markupsafe import Markup, escape

from kerascnn import __version__
from kerascnn.data import Split
from kerascnn.data.facts import DatasetFacts
from kerascnn.exporting.html.litertjs import TITLE, LiteRtJs
from kerascnn.exporting.html.scripts import (
    engine_script,
    interface_script,
    source_hash,
)
from kerascnn.exporting.html.tensors import describe_tensors
from kerascnn.machine.pages import render_page
from kerascnn.machine.text import printable
from kerascnn.model_files.formats import QUANTIZATIONS

# Pixels of the drawing's longer side, and the width of its pen: a digit that fills most
# of it has strokes like MNIST's, 0.12 of its side.
BOARD, PEN = 336, 28
EXAMPLES = 20
SCHEMA = 1


@dataclass(frozen=True, kw_only=True)
class PageModel:
    """A model on a page.

    Attributes:
        name: The run that it is of.
        label: What to call it, beside the other.
        quantization: A name of `QUANTIZATIONS`.
        content: Its TFLite file, for one image at a time.
        answers: Keras's probabilities for the page's test images, `(number, classes)`.
        facts: What is said of it, by term.
        card: The text of the run's card.
        tolerance: Instead of that of the quantization, as for `export_run`.
    """

    name: str
    label: str
    quantization: str
    content: bytes
    answers: npt.NDArray[np.float32]
    facts: Mapping[str, str]
    card: str
    tolerance: float | None = None


def render_model_page(
    title: str,
    models: Sequence[PageModel],
    dataset: DatasetFacts,
    samples: Split,
    runtime: LiteRtJs,
) -> str:
    """Write models that are for the same data into one page.

    Args:
        title: The page's.
        models: One or two, which are shown side by side.
        dataset: What they are for.
        samples: The test images of the self-test.
        runtime: What runs them.

    Returns:
        The HTML, which refers to no other file.
    """
    package = "kerascnn.exporting.html"
    height, width, channels = dataset.image_shape
    style = render_page(package, "style.css", {})
    scripts = {
        "loader": runtime.loader,
        "engine": engine_script(runtime),
        "interface": interface_script(),
    }
    allowed = " ".join(map(source_hash, scripts.values()))
    data = {
        "height": height,
        "width": width,
        "channels": channels,
        "background": dataset.background,
        "box": dataset.box,
        "resize": dataset.resize,
        "class_names": list(dataset.class_names),
    }
    page_data = {
        "schema": SCHEMA,
        "data": data,
        "models": [_described(model, len(samples)) for model in models],
        "samples": {
            "labels": samples.labels.tolist(),
            "examples": _examples(samples.labels),
        },
    }
    longer = max(height, width)
    context = {
        "title": title,
        "policy": Markup(
            "default-src 'none'; "
            f"script-src {allowed} 'wasm-unsafe-eval'; "
            f"style-src {source_hash(style)}; "
            "img-src data: blob:; media-src blob:; base-uri 'none'; form-action 'none'"
        ),
        "style": Markup(style),
        "drawable": dataset.background is not None and channels == 1,
        "boxed": dataset.box is not None,
        "board": {
            "width": round(BOARD * width / longer),
            "height": round(BOARD * height / longer),
            "pen": PEN,
        },
        "data": data,
        "number": len(samples),
        "models": [
            {
                "name": model.name,
                "label": model.label,
                "facts": model.facts,
                "card": _lines(model.card),
                "file": _packed(model.content),
                "answers": _packed(model.answers.astype("<f4").tobytes()),
            }
            for model in models
        ],
        "version": __version__,
        "runtime": TITLE,
        "page_data": _json(page_data),
        "samples": _packed(np.ascontiguousarray(samples.images).tobytes()),
        "wasm": _packed(runtime.wasm),
        **{name: Markup(text) for name, text in scripts.items()},
    }
    return render_page(package, "model_page.html", context)


def _described(model: PageModel, number: int) -> dict[str, Any]:
    """What the page's scripts need to know of a model."""
    row = QUANTIZATIONS[model.quantization]
    is_exact = row.max_difference is not None
    limit = row.max_difference or row.max_disagreement
    if model.tolerance is not None:
        limit = model.tolerance
    return {
        "name": model.name,
        "label": model.label,
        "quantization": model.quantization,
        **describe_tensors(model.content),
        "tolerance": {
            "max_difference": limit if is_exact else None,
            "max_differing": None if is_exact else most_differing(limit, number),
        },
    }


def most_differing(share: float, number: int) -> int:
    """How many of some images may differ where a share of all of them may.

    Three standard deviations above what is expected of images drawn by chance: few
    good models have more.
    """
    return math.floor(number * share + 3 * math.sqrt(number * share * (1 - share)))


def _examples(labels: npt.NDArray[np.int64]) -> list[int]:
    """Places of some images, of as many classes as can be, in the order of these."""
    ranks = np.empty(len(labels), np.int64)  # the how manieth of its class each one is
    for label in np.unique(labels):
        (places,) = np.nonzero(labels == label)
        ranks[places] = np.arange(len(places))
    chosen = np.lexsort((labels, ranks))[:EXAMPLES]
    return sorted((int(place) for place in chosen), key=lambda place: labels[place])


def _lines(text: str) -> Markup:
    """A text whose lines stay lines."""
    return Markup("\n").join(escape(printable(line)) for line in text.splitlines())


def _packed(content: bytes) -> Markup:
    """Bytes as letters and digits; the same bytes give the same text."""
    return Markup(base64.b64encode(gzip.compress(content, 9, mtime=0)).decode())


def _json(value: Any) -> Markup:
    """JSON that no tag can end."""
    text = json.dumps(value, allow_nan=False)
    return Markup(text.replace("<", "\\u003c"))
