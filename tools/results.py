"""Keep the results of runs: what they measured, not their weights.

    python tools/results.py saved_models

copies settings, environment, history and metrics of every finished run in the folder to
`results/runs/`, and writes `results/README.md` with one row a run.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from kerascnn import MODELS, Run, list_runs
from kerascnn.settings.recipes import RECIPES

RESULTS = Path(__file__).parent.parent / "results"
KEPT = ("config.json", "environment.json", "history.csv", "metrics.json")

PAGE = """# Results

Each row is one run with seed 0; all 10,000 test images were read once, after training.
The seconds are those of the training steps, on {cores} cores of an {processor}
processor with TensorFlow {tensorflow}, Keras {keras} and Python {python}.

{table}

All ten pairs of a network and an optimizer pass 90% after their first epoch on at most
20,000 images, VGG-16 on 10,000. With their whole recipes all five networks pass 99%
with SGD, and LeNet-5, ResNet-18 and MobileNet v1 with AdaGrad, too. AlexNet and VGG-16
were not run with AdaGrad on all images.

Other rows show what did not suffice: AlexNet with SGD at a rate of 0.003, whose
held-out images were at 98.87%; VGG-16 after one epoch; with AdaGrad, MobileNet v1 with
the paper's stem, and ResNet-18 at a rate of 0.01, augmented or not. The rates were then
chosen anew, on the images held out. One run each does not tell which optimizer is
better: [docs/comparing.md](../docs/comparing.md) does.

Each run's settings are kept, all of them, whatever the recipes say later. So a run is
repeated with, for example

```sh
kerascnn train --config results/runs/{example}/config.json
```

`sweep.csv` has the runs that the learning rates were chosen from, on images held out of
the training set. `tools/sweep.py` made it, `tools/results.py` made this page.

[pictures/](pictures/README.md) has what the networks reach on pictures that others
drew: digits, letters of fonts and emoji, split by origin.
"""

HEAD = """\
| network | optimizer | rate | images | epochs | test accuracy | seconds | run |
| --- | --- | --- | --- | --- | --- | --- | --- |
"""


def main(folder: Path) -> None:
    """Copy the finished runs of a folder, and write the table of all that are kept."""
    for run in list_runs(folder):
        metrics = run.metrics
        if metrics is not None and metrics.test_accuracy is not None:
            target = RESULTS / "runs" / _title(run)
            target.mkdir(parents=True, exist_ok=True)
            for name in KEPT:
                shutil.copy(run.path / name, target / name)
    runs = sorted(list_runs(RESULTS / "runs"), key=_place)
    machine = runs[0].environment
    (RESULTS / "README.md").write_text(
        PAGE.format(
            **machine | machine["packages"],
            example=runs[0].name,
            table=HEAD + "\n".join(_row(run) for run in runs),
        )
    )


def _title(run: Run) -> str:
    metrics = run.require_metrics()
    images = f"{metrics.epochs}x{metrics.training_images}"
    settings = run.settings
    words = [settings.model, *_variant(run), settings.optimizer]
    recipe = RECIPES[settings.model]
    if settings.learning_rate != recipe.learning_rates[settings.optimizer]:
        words.append(f"{settings.learning_rate:g}")
    return "-".join([*words, images])


def _variant(run: Run) -> list[str]:
    """What is not as plain as can be: the stem, options, augmentation."""
    stem = [] if run.settings.stem == "paper" else [f"{run.settings.stem}-stem"]
    options = [f"{k}-{v:g}" for k, v in run.settings.model_options.items()]
    return stem + options + (["augmented"] if run.settings.augment else [])


def _place(run: Run) -> tuple[int, list[str], str, int]:
    order = list(MODELS).index(run.settings.model)
    return order, _variant(run), run.settings.optimizer, run.require_metrics().steps


def _row(run: Run) -> str:
    settings, metrics = run.settings, run.require_metrics()
    title = ", ".join([MODELS[settings.model].title, *_variant(run)])
    return (
        f"| {title} | {settings.optimizer} | "
        f"{settings.learning_rate:g} | {metrics.training_images:,} | "
        f"{metrics.epochs} | {metrics.test_accuracy:.2%} | "
        f"{metrics.seconds:,.0f} | [{run.name}](runs/{run.name}) |"
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
