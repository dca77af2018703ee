"""The sweep behind the recipes: learning rates of both optimizers, by network.

Every cell is one epoch on a part of the training images, measured on images held out
from them; the test images are not read. Both optimizers of a network get the same
number of rates, a factor of about three apart, the same images, batches and schedule.
Image sizes and stems are compared at the recipe's rates, in about equal time.
Rows go to `results/sweep.csv` as they are found; what is there is not done again.

    python tools/sweep.py [NETWORK ...]
"""

from __future__ import annotations

import csv
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from kerascnn import DivergedError, Reporter, TrainConfig, list_runs, train

RESULTS = Path(__file__).parent.parent / "results" / "sweep.csv"

# Images, held-out fraction and batch size of each network: what the machine allows.
BUDGETS = {
    "lenet": {"limit": 20_000, "validation_fraction": 0.1, "batch_size": 64},
    "vgg16": {"limit": 2_560, "validation_fraction": 0.02, "batch_size": 32},
    "resnet18": {"limit": 6_400, "validation_fraction": 0.05, "batch_size": 64},
    "mobilenet": {
        **{"limit": 9_600, "validation_fraction": 0.05, "batch_size": 64},
        "stem": "paper",  # the small one costs four times as much
    },
    "alexnet": {"limit": 6_400, "validation_fraction": 0.05, "batch_size": 64},
}

RATES = {
    "lenet": {
        "sgd": (0.01, 0.03, 0.05, 0.1, 0.3),
        "adagrad": (0.01, 0.03, 0.05, 0.1, 0.3),
    },
    "vgg16": {
        "sgd": (0.0003, 0.001, 0.003, 0.01, 0.03),
        "adagrad": (0.00003, 0.0001, 0.0003, 0.001, 0.003),
    },
    "resnet18": {
        "sgd": (0.003, 0.01, 0.03, 0.1, 0.3),
        "adagrad": (0.001, 0.003, 0.01, 0.03, 0.1),
    },
    "mobilenet": {
        "sgd": (0.01, 0.03, 0.1, 0.3, 1.0),
        "adagrad": (0.003, 0.01, 0.03, 0.1, 0.3),
    },
    "alexnet": {
        "sgd": (0.001, 0.003, 0.01, 0.03),
        "adagrad": (0.0003, 0.001, 0.003, 0.01),
    },
}

# Other image sizes and stems, at the recipe's rates, with about as many images as cost
# the same time as the budget above.
SHAPES = {
    "lenet": ({"image_size": 32, "limit": 14_400},),
    "vgg16": ({"image_size": 48, "limit": 1_120},),
    "resnet18": (
        {"image_size": 64, "limit": 1_600},
        {"stem": "small", "limit": 448},
    ),
    "mobilenet": (
        {"image_size": 64, "limit": 2_400},
        {"stem": "small", "limit": 2_400},
    ),
    "alexnet": ({"image_size": 32, "limit": 12_800},),
}

COLUMNS = (
    *("model", "image_size", "stem", "optimizer", "learning_rate", "schedule"),
    *("batch_size", "images", "steps", "status", "training_loss", "training_accuracy"),
    *("validation_loss", "validation_accuracy", "images_per_second"),
)


def main(networks: list[str]) -> None:
    """Fill in the cells that are missing."""
    done = set()
    if RESULTS.exists():
        with open(RESULTS) as file:
            done = {_key(row) for row in csv.DictReader(file)}
    for model in networks:
        for cell in _cells(model):
            config = TrainConfig(
                **{"model": model, "epochs": 1, "test": False} | BUDGETS[model] | cell
            )
            settings = config.resolve()
            rate = f"{settings.learning_rate:g}"
            row = {**settings.to_dict(), "learning_rate": rate}
            if _key(row) not in done:
                _append(row | _measure(config))


def _cells(model: str) -> Iterator[dict]:
    """What the cells of a network have of their own."""
    for optimizer, rates in RATES[model].items():
        for rate in rates:
            yield {"optimizer": optimizer, "learning_rate": rate}
        for shape in SHAPES[model]:
            yield {"optimizer": optimizer, **shape}


def _key(row: dict) -> tuple:
    return tuple(str(row[name]) for name in COLUMNS[:7])


def _measure(config: TrainConfig) -> dict:
    with tempfile.TemporaryDirectory() as folder:
        try:
            run = train(config, out=folder, reporter=Reporter())
        except DivergedError:
            run = list_runs(Path(folder))[0]
        metrics = run.metrics
    return {**metrics.to_dict(), "images": metrics.training_images}


def _append(row: dict) -> None:
    is_new = not RESULTS.exists()
    with open(RESULTS, "a", newline="") as file:
        writer = csv.DictWriter(
            file, COLUMNS, extrasaction="ignore", lineterminator="\n"
        )
        if is_new:
            writer.writeheader()
        for name, value in row.items():
            if isinstance(value, float):
                row[name] = f"{value:.5g}"
        writer.writerow(row)
    print(*(f"{name}={row.get(name)}" for name in COLUMNS), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:] or list(RATES))
