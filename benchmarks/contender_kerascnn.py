"""kerascnn, through its own `train_model`."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Collection
from pathlib import Path
from typing import Any

import contender

from kerascnn.machine.tensorflow import load_tensorflow

parser = contender.parser()
parser.add_argument("--ways", default="default", help="default, none, or some names")
options = parser.parse_args()
load_tensorflow()

from kerascnn.machine.reporter import Reporter  # noqa: E402
from kerascnn.settings.config import TrainConfig  # noqa: E402
from kerascnn.training import network, setup  # noqa: E402
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


def take_ways(ways: Collection[str]) -> None:
    """Let the training take these ways alone: of `WAYS`, "optimizer" and "parts"."""
    choose, share = network.choose_plan, setup.share_batch

    def choose_some(*arguments: Any) -> dict[str, str]:
        plan = choose(*arguments)
        return {layer: way for layer, way in plan.items() if way in ways}

    network.choose_plan = choose_some
    if "optimizer" not in ways:
        network.fuse = lambda optimizer: optimizer
    if "parts" not in ways:
        setup.share_batch = lambda *arguments, **options: share(
            *arguments, **options | {"splits_batches": False}
        )


if options.ways != "default":
    take_ways(options.ways.split(","))
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
            fast_layers=options.ways != "none",
        ),
        Path(folder),
        reporter=Pace(),
    )
