"""`kerascnn evaluate`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kerascnn.commands.options import (
    dataset_option,
    echo_json,
    json_option,
    out_option,
    timeout_option,
    trust_option,
)
from kerascnn.commands.params import Folder, Number
from kerascnn.machine.memory import told_memory_errors
from kerascnn.machine.text import printable
from kerascnn.model_files.find import Artifact, find_artifact
from kerascnn.model_files.ranges import BATCH_SIZE

if TYPE_CHECKING:
    from kerascnn.evaluation.evaluate import Evaluation

# A matrix of more classes fits no terminal; --json has it.
MAX_CLASSES_SHOWN = 20


@click.command()
@click.argument("sources", metavar="[RUN|FILE]...", nargs=-1)
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
    if dataset and all(artifact.run for artifact in artifacts):
        raise click.UsageError("--dataset is for model files; a run knows its own.")
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
            lines = (*_report(evaluation), *document.get("figures", []))
            click.echo("\n".join(map(printable, lines)))
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


def _report(evaluation: Evaluation) -> Iterable[str]:
    """The lines for people."""
    from kerascnn.evaluation import METRICS

    metrics = evaluation.metrics
    wrong = metrics.images - metrics.correct
    yield f"{evaluation.source} on {metrics.images:,} test images of " + (
        evaluation.dataset
    )
    yield ""
    lines = [
        (row.title, format(metrics[name], row.format)) for name, row in METRICS.items()
    ]
    lines += [
        (f"top-{k} accuracy", f"{share:.2%}")
        for k, share in metrics.top_k.items()
        if k != 1
    ]
    lines += [("correct predictions", f"{metrics.correct:,} ({wrong:,} wrong)")]
    width = max(len(title) for title, _ in lines)
    yield from (f"{title:<{width}}  {value}" for title, value in lines)
    yield ""
    classes = metrics.per_class
    width = max(len("class"), *(len(row.name) for row in classes))
    yield f"{'class':<{width}}  images  precision  recall      F1"
    for row in classes:
        yield (
            f"{row.name:<{width}}  {row.images:>6}  {row.precision:>9.4f}  "
            f"{row.recall:.4f}  {row.f1:.4f}"
        )
    yield ""
    if len(classes) <= MAX_CLASSES_SHOWN:
        yield from _matrix(metrics.confusion_matrix, [row.name for row in classes])
        yield ""


def _matrix(matrix: Sequence[Sequence[int]], names: Sequence[str]) -> Iterable[str]:
    """The confusion matrix; long names head their rows and are numbers above them."""
    heads = list(names)
    if max(map(len, names)) > 5:
        heads = [str(number) for number in range(len(names))]
        names = [f"{head:>2} {name}" for head, name in zip(heads, names, strict=True)]
    corner = "true \\ predicted"
    left = max(len(corner), *map(len, names))
    cell = max(len(text) for row in (heads, *matrix) for text in map(str, row)) + 1
    yield f"{corner:<{left}} " + "".join(f"{head:>{cell}}" for head in heads)
    for name, row in zip(names, matrix, strict=True):
        yield f"{name:<{left}} " + "".join(f"{count:>{cell}}" for count in row)
