"""What cards say of the data that a model was made for, in Markdown."""

from __future__ import annotations

from kerascnn.data import ARRAYS, DATASETS
from kerascnn.data.facts import DatasetFacts
from kerascnn.data.sources import is_folder
from kerascnn.machine.numbers import format_count
from kerascnn.machine.text import markdown

# Of more classes, `dataset.json`, `export.json` and `labels.txt` have the names.
MAX_CLASSES = 50
# How a picture becomes a square: "They ...", by `RESIZES`.
BECOME = {
    "pad": "keep their proportions, with the color of their edge around",
    "crop": "keep their proportions, and what is beyond the middle square is cut off",
    "stretch": "are stretched",
}


def title_of(dataset: DatasetFacts) -> str:
    """What to call the data."""
    if dataset.name == ARRAYS:
        return "arrays passed from Python"
    return markdown(dataset.title)


def classes_of(dataset: DatasetFacts) -> str:
    """The names of the classes, of many the first ones."""
    names = ", ".join(map(markdown, dataset.class_names[:MAX_CLASSES]))
    more = dataset.num_classes - MAX_CLASSES
    return f"{names} and {format_count(more)} more" if more > 0 else names


def is_pictures(dataset: DatasetFacts) -> bool:
    """Whether the data are a folder, or a set of tensorflow-datasets."""
    return dataset.name not in (ARRAYS, *DATASETS)


def pictures_of(dataset: DatasetFacts) -> str:
    """Where pictures are from, how they were divided, and how they become images."""
    height, width, channels = dataset.image_shape
    counts = {name: format_count(n) for name, n in dataset.counts.items()}
    parts = (
        f"{counts['train']} to train on, {counts['validation']} for validation, "
        f"{counts['test']} for the test"
        if len(counts) == 3
        else "not counted"
    )
    drawn = ""
    if dataset.test_fraction is not None:
        share = f"{100 * dataset.test_fraction:.3g}%"
        drawn = (
            f"\n  The test pictures are {share} of all, drawn with seed 0, each class "
            "in its proportion."
        )
    if dataset.group_by is not None:
        drawn += (
            "\n  Those whose names agree in what the regular expression "
            f"{markdown(dataset.group_by)}\n  finds were kept together."
        )
    kind = "color" if channels == 3 else "gray"
    made = f"They are {height} x {width} pixels in {kind}"
    if is_folder(dataset.name) and dataset.resize is not None:
        made += f": they {BECOME[dataset.resize]}"
    return (
        f"- **Pictures** of {markdown(dataset.name)}:\n  {parts}.{drawn}\n  {made}.\n"
    )
