"""The model card of a run: what the model is, how it was made, what it is good for."""

from __future__ import annotations

from kerascnn.data import ARRAYS
from kerascnn.machine.numbers import (
    format_accuracy,
    format_count,
    format_counted,
    format_rate,
    format_seconds,
)
from kerascnn.machine.text import markdown
from kerascnn.models import MODELS
from kerascnn.runs.data_card import classes_of, is_pictures, pictures_of, title_of
from kerascnn.runs.folder import Run
from kerascnn.runs.metrics import RunMetrics
from kerascnn.runs.plan import read_plan


def write_card(run: Run, metrics: RunMetrics) -> None:
    """Write the README.md of a run.

    Args:
        run: The run, with its `config.json` and `dataset.json`.
        metrics: What `metrics.json` will hold.

    Raises:
        RunError: The file cannot be written.
    """
    run.write_text("README.md", card(run, metrics))


def card(run: Run, metrics: RunMetrics) -> str:
    """The text of a run's model card, in Markdown."""
    settings = run.settings
    model, dataset = MODELS[settings.model], run.dataset
    height, width, channels = dataset.image_shape
    results = (
        ("test", metrics.test_images, metrics.test_accuracy),
        ("validation", metrics.validation_images, metrics.validation_accuracy),
        ("training", metrics.training_images, metrics.training_accuracy),
    )
    rows = "\n".join(
        f"| {name} | {images:,} | {format_accuracy(accuracy)} |"
        for name, images, accuracy in results
        if accuracy is not None
    )
    options = ", ".join(f"{k}={v:g}" for k, v in settings.model_options.items())
    from_arrays = dataset.name == ARRAYS
    source = title_of(dataset)
    again = (
        "`train_model` with the settings in `config.json` and the same arrays as `data`"
        if from_arrays
        else "`kerascnn train --config config.json`"
    )
    continued = "".join(
        f"- **Continued** after epoch {plan.after_epoch}: optimizer and schedule began "
        "anew.\n"
        for plan in read_plan(run).former
        if plan.anew
    )
    pictures = limits = ""
    if is_pictures(dataset):
        pictures, limits = pictures_of(dataset), _limits(run)
    described = f" ({dataset.reference})" if dataset.reference else ""
    return f"""# {run.name}

{model.title}{f" with {options}" if options else ""} ({model.reference}), trained by
kerascnn on {source}.

| split | images | accuracy |
| --- | --- | --- |
{rows}

- **Takes** raw pixels `(batch, {height}, {width}, {channels})` from 0 to 255; scaling
  and resizing are inside the model.
- **Gives** probabilities `(batch, {dataset.num_classes})` of:
  {classes_of(dataset)}.
{pictures}- **Trained** for {format_counted(metrics.epochs, "epoch", "epochs")},
  {format_counted(metrics.steps, "step", "steps")} of
  {format_counted(settings.batch_size, "image", "images")}, with
  {settings.optimizer} at a learning rate of {format_rate(settings.learning_rate)}
  ({settings.schedule}), seed {settings.seed}, in
  {format_seconds(metrics.seconds)}. `config.json` has every setting,
  `environment.json` the versions and the machine.
{continued}- **Meant for** pictures like those of {source}{described}. Other
  pictures get an answer too, and it means nothing.
{limits}
```python
import keras

model = keras.models.load_model("model.keras")
probabilities = model.predict(images)
```

The same training again: {again}
"""


def _limits(run: Run) -> str:
    """What a model of somebody's pictures cannot be expected to do."""
    settings = run.settings
    number = format_count(run.dataset.counts.get("train", 0))
    begun = "from random weights: it has seen nothing else"
    if settings.init_from is not None:
        begun = f"from the weights of {markdown(settings.init_from)}"
    return f"""\
- **Knows** {number} pictures, and was trained {begun}.
  Measure it on pictures from where it is to be used (`kerascnn evaluate --dataset
  FOLDER`): another camera, light or background may be enough for it to fail. Decide
  nothing about people by it alone.
"""
