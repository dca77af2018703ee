"""kerascnn, through its own `train_model`."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any

import contender

from kerascnn.machine.tensorflow import load_tensorflow

parser = contender.parser()
parser.add_argument("--ways", default="default")
options = parser.parse_args()
load_tensorflow()

from kerascnn.machine.reporter import Reporter  # noqa: E402
from kerascnn.settings.config import TrainConfig  # noqa: E402
from kerascnn.training.train import train_model  # noqa: E402

IMPORTED = time.perf_counter()


class Pace(Reporter):
    """Holds the training until the next order, and measures what was done."""

    def __init__(self) -> None:
        self.orders = contender.orders()
        self.before = 0
        self.wanted = 0
        self.started = 0.0

    def steps(self, *, epoch: str, done: int, total: int, **rest: object) -> None:
        """Count; where an order is fulfilled, say how long it took and wait."""
        now = time.perf_counter()
        steps = (int(epoch.split("/")[0]) - 1) * total + done
        if not self.wanted:
            contender.ready(IMPORTED)
        elif steps - self.before < self.wanted:
            return
        else:
            contender.say(seconds=now - self.started, steps=steps - self.before)
        order = next(self.orders, None)
        if order is None:
            raise SystemExit
        self.wanted, self.before, self.started = order, steps, time.perf_counter()


def layer_settings(ways: str) -> dict[str, Any]:
    """The settings that train with Keras's own layers, or with all of kerascnn's."""
    if ways not in ("none", "default"):
        raise SystemExit(f"--ways is none or default, but got {ways!r}.")
    return {"fast_layers": ways == "default"}


with tempfile.TemporaryDirectory() as folder:
    train_model(
        TrainConfig(
            model=options.network,
            optimizer=options.optimizer,
            learning_rate=contender.LEARNING_RATE,
            schedule="constant",
            batch_size=options.batch_size,
            image_size=options.image_size,
            stem=options.stem,
            epochs=100,
            validation_fraction=0,
            mixed_precision=options.bfloat16,
            test=False,
            **layer_settings(options.ways),
        ),
        Path(folder),
        reporter=Pace(),
    )
