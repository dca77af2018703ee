"""The tables of docs/networks.md, from the networks themselves.

cog calls `structure`: `make fix` writes the page anew, `make check` compares.
"""

from __future__ import annotations

from itertools import groupby
from typing import Any

from kerascnn.machine.tensorflow import load_tensorflow
from kerascnn.models import MODELS
from kerascnn.settings.recipes import RECIPES


def structure(name: str) -> str:
    """A table of a network's blocks, as its recipe has it for MNIST.

    Layers with a kernel, pooling and additions are listed; like blocks share a row.

    Args:
        name: A name of `MODELS`.
    """
    load_tensorflow()
    recipe = RECIPES[name]
    stem = {"stem": recipe.stem} if len(MODELS[name].stems) > 1 else {}
    model = MODELS[name].load()((recipe.image_size, recipe.image_size, 1), 10, **stem)
    blocks = groupby(model.layers[1:], lambda layer: layer.name.partition("_")[0])
    rows = [_row(block, list(layers)) for block, layers in blocks]
    lines = ["| block | layers | output | parameters |", "| --- | --- | --- | --- |"]
    for cells, like in groupby(rows, lambda row: row[1:]):
        names = [row[0] for row in like]
        label = names[0] if len(names) == 1 else f"{names[0]} to {names[-1]}"
        each = " each" if len(names) > 1 else ""
        lines.append(f"| {' | '.join((label, *cells))}{each} |")
    return "\n".join(lines)


def _row(block: str, layers: list[Any]) -> tuple[str, str, str, str]:
    counted = [(words, len(list(like))) for words, like in groupby(_all_words(layers))]
    words = "; ".join(f"{n} times {what}" if n > 1 else what for what, n in counted)
    output = "x".join(map(str, layers[-1].output.shape[1:]))
    parameters = sum(layer.count_params() for layer in layers)
    return block, words, output, f"{parameters:,}"


def _all_words(layers: list[Any]) -> list[str]:
    return [words for layer in layers if (words := _words(layer))]


def _words(layer: Any) -> str:
    """What a layer does; nothing for those that follow others everywhere."""
    kind = type(layer).__name__
    stride = getattr(layer, "strides", (1,))[0]
    step = f", stride {stride}" if stride > 1 else ""
    match kind:
        case "Conv2D" | "SeparableConv2D":
            sides = "x".join(map(str, layer.kernel_size))
            what = "separable" if kind == "SeparableConv2D" else "convolution"
            words = f"{what} {sides}, {layer.filters:,}{step}"
            return f"shortcut {words}" if "shortcut" in layer.name else words
        case "MaxPooling2D":
            return f"max pooling {layer.pool_size[0]}{step}"
        case "Dense":
            return f"dense {layer.units:,}"
        case "Dropout":
            return f"dropout {layer.rate:g}"
        case "GlobalAveragePooling2D":
            return "mean of each map"
        case "Add" | "Flatten":
            return kind.lower()
    return ""
