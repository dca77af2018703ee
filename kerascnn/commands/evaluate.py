"""`kerascnn evaluate`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kerascnn.commands.completion import complete_sources
from kerascnn.commands.options import (
    dataset_option,
    echo_json,
    json_option,
    out_option,
    timeout_option,
    trust_option,
)
from kerascnn.commands.params import Folder, Number
from kerascnn.commands.table import Column, echo_table, fits
from kerascnn.machine.memory import told_memory_errors
from kerascnn.machine.numbers import format_accuracy, format_count
from kerascnn.machine.text import printable
from kerascnn.model_files.find import Artifact, find_artifact
from kerascnn.model_files.ranges import BATCH_SIZE
from kerascnn.runs.metrics import IMBALANCED

if TYPE_CHECKING:
    from kerascnn.evaluation.evaluate import Evaluation

# A matrix of more classes fits no terminal; --json has it.
MAX_CLASSES_SHOWN = 20
CLASS_COLUMNS = (
    Column("class"),
    *(Column(t, is_number=True) for t in ("images", "precision", "recall", "F1")),
)


@click.command()
@click.argument(
    "sources", metavar="[RUN|FILE]...", nargs=-1, shell_complete=complete_sources
)
@out_option
@dataset_option
@click.option(
    "--batch-size",
    type=Number(BATCH_SIZE),
    default=256,
    show_default=True,
    help="Images at a time: memory and time, not the result.",
)
@click.option(
    "--figures",
    type=Folder(),
    help="Folder for figures; with several sources, a folder each in it.  "
    "[default: the run's own; none for model files]",
)
@click.option("--no-figures", is_flag=True, help="Draw no figures.")
@trust_option
@timeout_option
@json_option
def evaluate(
    sources: tuple[str, ...],
    out: Path,
    dataset: str | None,
    batch_size: int,
    figures: Path | None,
    no_figures: bool,
    trust: bool,
    timeout_s: int,
    as_json: bool,
) -> None:
    """Measure runs, or models in files, on the whole test set.

    RUN is a folder, or its name in --out; without any, the newest run is taken. FILE is
    a file or folder in any format of `kerascnn export`. As JSON, one source is an
    object, several are a list.

    \b
    Example:
      kerascnn evaluate
      kerascnn evaluate lenet-sgd-1 lenet-adagrad-1 --json
      kerascnn evaluate model.tflite --dataset fashion_mnist --figures figures
    """
    if figures and no_figures:
        raise click.UsageError("Give --figures or --no-figures, not both.")
    artifacts = [find_artifact(source, out, dataset) for source in sources or [None]]
    folders = [None] * len(artifacts) if no_figures else _folders(artifacts, figures)

    from kerascnn.evaluation.evaluate import evaluate_artifact
    from kerascnn.evaluation.figures import save_evaluation_figures

    documents = []
    for artifact, folder in zip(artifacts, folders, strict=True):
        with told_memory_errors("--batch-size"):
            evaluation = evaluate_artifact(
                artifact, batch_size=batch_size, trust=trust, timeout_s=timeout_s
            )
        document = evaluation.to_dict()
        if folder:
            paths = save_evaluation_figures(folder, evaluation)
            document["figures"] = [str(path) for path in paths]
        if not as_json:
            _echo_report(evaluation)
            for path in document.get("figures", []):
                click.echo(printable(path))
        documents.append(document)
    if as_json:
        echo_json(documents if len(documents) > 1 else documents[0])


def _folders(
    artifacts: Sequence[Artifact], figures: Path | None
) -> Sequence[Path | None]:
    """Where the figures of each model go; nowhere where `None`."""
    if figures is None:
        return [a.run.figures_path if a.run else None for a in artifacts]
    if len(artifacts) == 1:
        return [figures]
    folders = [figures / artifact.source.name for artifact in artifacts]
    if len(set(folders)) < len(folders):
        raise click.UsageError(
            "--figures makes a folder for each name, and two of these share theirs. "
            "Evaluate them one by one."
        )
    return folders


def _echo_report(evaluation: Evaluation) -> None:
    """Print what people read."""
    from kerascnn.evaluation import METRICS
    from kerascnn.evaluation.metrics import class_imbalance

    metrics = evaluation.metrics
    wrong = metrics.images - metrics.correct
    on = f"{format_count(metrics.images)} test images of {evaluation.title}"
    click.echo(printable(f"{evaluation.source} on {on}") + "\n")
    order = list(METRICS)
    if class_imbalance([row.images for row in metrics.per_class]) >= IMBALANCED:
        order.sort(key=lambda name: name != "f1")
    lines = [
        (METRICS[name].title, format(metrics[name], METRICS[name].format))
        for name in order
    ]
    if evaluation.calibrated is not None:
        row, error = METRICS["expected_calibration_error"], evaluation.calibrated
        title = f"- at temperature {error.temperature:.2f}"
        lines += [(title, format(error.expected_calibration_error, row.format))]
    lines += [
        (f"top-{k} accuracy", format_accuracy(share))
        for k, share in metrics.top_k.items()
        if k != 1
    ]
    correct = f"{format_count(metrics.correct)} ({format_count(wrong)} wrong)"
    lines += [("correct predictions", correct)]
    width = max(len(title) for title, _ in lines)
    for title, value in lines:
        click.echo(f"{title:<{width}}  {value}")
    click.echo()
    classes = metrics.per_class
    names = [printable(row.name) for row in classes]
    echo_table(
        CLASS_COLUMNS,
        [
            (
                name,
                row.images,
                *(f"{v:.4f}" for v in (row.precision, row.recall, row.f1)),
            )
            for name, row in zip(names, classes, strict=True)
        ],
    )
    click.echo()
    if len(classes) <= MAX_CLASSES_SHOWN:
        _echo_matrix(metrics.confusion_matrix, names)
        click.echo()


def _echo_matrix(matrix: Sequence[Sequence[int]], names: Sequence[str]) -> None:
    """Print the confusion matrix; long names head rows, and are numbers above them."""
    heads = list(names)
    if max(map(len, names)) > 5:
        heads = [str(number) for number in range(len(names))]
        names = [f"{head:>2} {name}" for head, name in zip(heads, names, strict=True)]
    widest = max(len(f"{count:,}") for counts in matrix for count in counts)
    columns = [
        Column("true \\ predicted"),
        *(Column(head.rjust(widest), is_number=True) for head in heads),
    ]
    rows = [(name, *counts) for name, counts in zip(names, matrix, strict=True)]
    if fits(columns, rows):
        echo_table(columns, rows)
    else:
        click.echo("The confusion matrix is wider than the terminal; --json has it.")
