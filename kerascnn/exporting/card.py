"""The README of a folder of exported models: what each takes, and how to run it."""

from __future__ import annotations

from kerascnn.exporting.report import Export, ExportReport
from kerascnn.model_files.formats import FORMATS
from kerascnn.models import MODELS
from kerascnn.runs.data_card import classes_of, is_pictures, pictures_of, title_of

HEAD = """\
# {title} for {dataset}, exported from {run}

| file | size | test images | accuracy | largest difference | same class |
| --- | --- | --- | --- | --- | --- |
{rows}

Differences are from the Keras model, in probability; the class is the likeliest one.
Every file takes raw pixels from 0 to 255, `(number, {height}, {width}, {channels})`:
scaling and padding are inside. Classes, in the order of `labels.txt`: {classes}.
{pictures}"""


def export_card(report: ExportReport) -> str:
    """The text, in Markdown, for a report."""
    dataset = report.dataset
    height, width, channels = dataset.image_shape
    files = [export for export in report.files if not export.problem]
    rows = "\n".join(
        f"| {_name(file)} | {file.size_bytes / 1e6:.2f} MB | {file.images:,} "
        f"| {file.accuracy:.2%} | {file.largest_difference:.1e} "
        f"| {file.agreement:.2%} |"
        for file in files
    )
    text = HEAD.format(
        title=MODELS[report.model].title,
        dataset=title_of(dataset),
        run=report.run,
        rows=rows,
        height=height,
        width=width,
        channels=channels,
        classes=classes_of(dataset),
        pictures=f"\n{pictures_of(dataset)}" if is_pictures(dataset) else "",
    )
    for row in FORMATS.values():
        first = next((file for file in files if file.format == row.name), None)
        if first and row.usage:
            usage = row.usage.format(
                file=_name(first),
                model=report.model,
                arena=first.arena_bytes,
                flash=first.flash_bytes,
            )
            text += f"\n## {row.title}\n\n{usage}"
    return text


def _name(export: Export) -> str:
    return FORMATS[export.format].file_name(export.quantization)
