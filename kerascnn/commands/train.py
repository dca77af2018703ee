"""`kerascnn train`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from kerascnn import api
from kerascnn.commands.completion import complete_runs, complete_sources
from kerascnn.commands.options import (
    echo_json,
    json_option,
    out_option,
    reading_options,
    training_data_option,
)
from kerascnn.commands.params import Name, NameValue
from kerascnn.data import augmentations
from kerascnn.machine.cluster import LOST_SECONDS, START_SECONDS
from kerascnn.machine.numbers import format_accuracy
from kerascnn.models import MODELS
from kerascnn.runs.computation import is_alike
from kerascnn.runs.folder import Run
from kerascnn.runs.metrics import IMBALANCED, RunMetrics
from kerascnn.settings.config import CLASS_WEIGHTS, DEVICES, TrainConfig
from kerascnn.settings.config_file import read_config
from kerascnn.settings.optimizers import OPTIMIZERS
from kerascnn.settings.schedules import SCHEDULES

# The options that name the workers of a training, which are no settings of it.
TOGETHER = {"workers", "worker", "wait_seconds", "lost_seconds"}


# The options that are settings have no defaults here: what is not given is left to a
# --config file, and then to TrainConfig.
@click.command()
@click.argument("model", type=Name("model", MODELS), required=False)
@training_data_option
@reading_options
@click.option(
    "--optimizer",
    type=Name("optimizer", OPTIMIZERS),
    metavar="NAME",
    help="One of `kerascnn optimizers`.  [default: sgd]",
)
@click.option("--learning-rate", type=float, help="Highest rate.  [default: recipe]")
@click.option("--momentum", type=float, help="Of optimizers that have it.")
@click.option(
    "--optimizer-option",
    "optimizer_options",
    type=NameValue("weight_decay=0.01"),
    multiple=True,
    help="Another option of the optimizer, such as weight_decay=0.01; repeatable.",
)
@click.option("--epochs", type=int, help="Passes over the images.  [default: recipe]")
@click.option(
    "--batch-size",
    type=int,
    help="Images a step, over all devices together.  [default: recipe]",
)
@click.option(
    "--schedule",
    type=Name("schedule", SCHEDULES),
    help="Course of the learning rate.  [default: recipe]",
)
@click.option(
    "--warmup-epochs", type=float, help="Epochs in which the rate rises first."
)
@click.option(
    "--image-size",
    type=int,
    help="Side of the square that the network sees.  [default: recipe]",
)
@click.option(
    "--stem",
    help="First layers: paper, or small for small images.  [default: recipe]",
)
@click.option(
    "--model-option",
    "model_options",
    type=NameValue("alpha=0.25"),
    multiple=True,
    help="An option of the network's own, such as alpha=0.25 of mobilenet; repeatable.",
)
@click.option(
    "--limit",
    type=int,
    help="Train on so many images, each class in its proportion.",
)
@click.option(
    "--validation-fraction",
    type=float,
    help="Part of the training images held out.  [default: 0.1]",
)
@click.option(
    "--augment",
    type=Name("augmentation", augmentations.choices()),
    is_flag=False,
    flag_value=augmentations.AUTO,
    help="Change training images at random: digits are shifted and turned, photographs "
    "mirrored, cropped and recolored; auto, or no word after it: what suits the data.  "
    "[default: none]",
)
@click.option("--no-augment", is_flag=True, help="As --augment none.")
@click.option(
    "--class-weights",
    type=Name("class weights", CLASS_WEIGHTS),
    help="balanced: rare classes count as much in the training loss as common ones.",
)
@click.option(
    "--init-from",
    metavar="RUN|FILE",
    shell_complete=complete_sources,
    help="Begin with the weights of a run, or of a .keras file, where they fit.",
)
@click.option("--label-smoothing", type=float, help="[default: 0]")
@click.option(
    "--early-stop",
    type=int,
    help="Stop after so many epochs without a lower validation loss.",
)
@click.option(
    "--mixed-precision/--no-mixed-precision",
    default=None,
    help="Compute in 16 bits: bfloat16, or float16 on GPUs older than Ampere.",
)
@click.option(
    "--ema", type=float, help="Average the weights with this momentum, such as 0.99."
)
@click.option("--seed", type=int, help="[default: 0]")
@click.option(
    "--deterministic/--no-deterministic",
    default=None,
    help="Bit-for-bit reproducible, a little slower.",
)
@click.option("--device", type=Name("device", DEVICES), help="[default: auto]")
@click.option("--gpus", type=int, help="GPUs that share each batch.  [default: 1]")
@click.option(
    "--workers",
    metavar="HOST:PORT,...",
    help="Processes that share each batch, each started by this command; the first "
    "writes the run. Or slurm.  [default: TF_CONFIG's, else this one alone]",
)
@click.option("--worker", type=int, help="Which of them this one is, from 0.")
@click.option(
    "--wait-seconds",
    type=float,
    help="How long to wait for the other workers to start.  "
    f"[default: {START_SECONDS:g}]",
)
@click.option(
    "--lost-seconds",
    type=float,
    help="After how long without an answer a worker counts as lost.  "
    f"[default: {LOST_SECONDS:g}]",
)
@click.option(
    "--sync-batch-norm/--no-sync-batch-norm",
    default=None,
    help="Normalize by the whole batch, not by each device's part.  "
    "[default: sync-batch-norm]",
)
@click.option(
    "--xla/--no-xla", default=None, help="Let XLA compile the steps, for one GPU."
)
@click.option(
    "--fast-layers/--no-fast-layers",
    default=None,
    help="Layers and optimizers that train faster.  [default: fast-layers]",
)
@click.option(
    "--test/--no-test",
    default=None,
    help="Measure the test images at the end.  [default: test]",
)
@click.option(
    "--store-predictions/--no-store-predictions",
    default=None,
    help="Keep the predicted class of each test image, unscored.",
)
@click.option(
    "--plan-digest",
    metavar="SHA256",
    help="Of the plan that the run belongs to; `kerascnn compare` gives it.",
)
@click.option(
    "--tensorboard/--no-tensorboard", default=None, help="Write TensorBoard logs."
)
@click.option(
    "--checkpoint-seconds",
    type=float,
    help="Time between checkpoints within an epoch.  [default: 60]",
)
@click.option(
    "--checkpoint-steps",
    type=int,
    help="Steps between checkpoints within an epoch.  [default: by time alone]",
)
@click.option(
    "--config",
    "config_file",
    type=Path,
    help="Train as a run's config.json says; MODEL and options given here win.",
)
@click.option(
    "--computed-as",
    metavar="RUN",
    help="Share batches among threads, and compute each layer, as a run of the same "
    "network did.  [default: the run of --config, else what suits this machine]",
    shell_complete=complete_runs,
)
@click.option("--name", help="Name of the run.  [default: MODEL-OPTIMIZER-NUMBER]")
@click.option(
    "--resume",
    metavar="RUN",
    help="Go on with a run that was stopped, or with --epochs, which counts those that "
    "are done, with a finished one.",
    shell_complete=complete_runs,
)
@out_option
@json_option
def train(
    config_file: Path | None,
    computed_as: str | None,
    name: str | None,
    resume: str | None,
    out: Path,
    as_json: bool,
    no_augment: bool,
    **settings: Any,
) -> None:
    """Train MODEL and write a run.

    What no option says is taken from the network's recipe, which was tuned on MNIST.

    \b
    Example:
      kerascnn train lenet
      kerascnn train vgg16 --optimizer adagrad --epochs 1 --limit 20000
      kerascnn train --resume saved_models/vgg16-adagrad-1
      kerascnn train --resume saved_models/vgg16-adagrad-1 --epochs 3
      kerascnn train resnet18 --workers 10.0.0.1:4000,10.0.0.2:4000 --worker 0
    """
    given = {key: value for key, value in settings.items() if value not in (None, ())}
    together = {key: given.pop(key) for key in TOGETHER & set(given)}
    if no_augment and given.setdefault("augment", "none") != "none":
        raise click.UsageError("Give --augment or --no-augment, not both.")
    for key in {"model_options", "optimizer_options"} & set(given):
        given[key] = dict(given[key])
    if resume is not None:
        epochs = given.pop("epochs", None)
        if given or config_file or name or computed_as:
            raise click.UsageError(
                "--resume goes on with the run's own settings: leave out MODEL and the "
                "other options but --epochs."
            )
        _show(api.resume(resume, epochs=epochs, out=out, **together), as_json)
        return
    if config_file is not None:
        config = read_config(config_file).again(**given)
        computed_as = computed_as or _alike(config_file, config)
    elif "model" in given:
        config = TrainConfig(**given)
    else:
        raise click.UsageError(
            f"Name a MODEL ({', '.join(MODELS)}), a --config file or a run to --resume."
        )
    run = api.train(config, out=out, name=name, computed_as=computed_as, **together)
    _show(run, as_json)


def _alike(config_file: Path, config: TrainConfig) -> str | None:
    """The run that a config.json is of, where it is of the same network still."""
    run = Run(config_file.parent)
    if config_file.name != "config.json" or not run.has("environment.json"):
        return None
    return str(run.path) if is_alike(config.resolve(), run.settings) else None


def _show(run: Run, as_json: bool) -> None:
    if not run.has("metrics.json"):  # of a worker that is not the first
        click.echo(f"{run.path} is written by the first worker.", err=True)
        return
    metrics = run.require_metrics()
    if as_json:
        settings = run.settings.to_dict()
        echo_json({"run": str(run.path), **metrics.to_dict(), "settings": settings})
        return
    click.echo(f"{run.path}: {_result(metrics)}")


def _result(metrics: RunMetrics) -> str:
    """What a run came to: the F1 first, where few classes decide the accuracy."""
    kind, accuracy, f1 = "test", metrics.test_accuracy, metrics.test_f1
    is_imbalanced = (metrics.class_imbalance or 1) >= IMBALANCED
    if accuracy is None and is_imbalanced:
        kind = "validation"
        accuracy, f1 = metrics.validation_accuracy, metrics.validation_f1
    if f1 is not None and is_imbalanced:
        return f"{kind} macro-F1 {f1:.4f}, accuracy {format_accuracy(accuracy)}"
    if accuracy is None:
        kind, accuracy = "training", metrics.training_accuracy
    return f"{kind} accuracy {format_accuracy(accuracy)}"
