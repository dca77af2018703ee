"""How far a comparison is: runs that are done, go on and are left, and for how long."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable

from kerascnn.comparison.executors import Executor
from kerascnn.comparison.folder import ComparisonFolder
from kerascnn.comparison.plan import PlannedRun, chosen_rates
from kerascnn.data import DATASETS
from kerascnn.machine.numbers import format_seconds

# Training images of a data set that is in no table; only the time left rests on it.
UNKNOWN_SIZE = 50_000


class Progress:
    """Counts the runs of a comparison, and times those that end.

    A network's time is told when its first run has ended, since networks differ by
    more than could be guessed. The cost is the time of all trainings, one after the
    other, with those that ended before.

    Args:
        folder: The comparison.
    """

    def __init__(self, folder: ComparisonFolder) -> None:
        self._folder = folder
        self._protocol = folder.protocol
        self._started: dict[str, tuple[PlannedRun, float]] = {}
        # By network: the images seen, and the seconds that they took.
        self._images: dict[str, int] = defaultdict(int)
        self._seconds: dict[str, float] = defaultdict(float)
        self._done = self._total = 0
        self._left: dict[str, int] = {}
        self._spent = sum(
            metrics.seconds
            for run in folder.planned()
            if (metrics := folder.run(run).metrics) is not None
        )
        self.update()

    def update(self) -> None:
        """Look at the folder anew; final runs count before their rates are chosen."""
        outcomes, planned = self._folder.outcomes(), self._folder.planned()
        left = [run for run in planned if run.name not in outcomes]
        self._done, self._total = len(planned) - len(left), len(planned)
        self._left = dict.fromkeys(self._protocol.compared, 0)
        for run in left:
            self._left[run.config.model] += self._work(run)
        for model, network in self._protocol.compared.items():
            if chosen_rates(self._protocol, model, outcomes) is None:
                count = network.budget.seeds * len(self._protocol.optimizers)
                self._total += count
                self._left[model] += count * self._images_of(
                    network.budget.limit, network.budget.epochs
                )

    def start(self, run: PlannedRun) -> None:
        """Take note of a run that goes on from now."""
        self._started[run.name] = run, time.monotonic()

    def end(self, run: PlannedRun) -> None:
        """Take note of a run that goes on no longer."""
        _, started = self._started.pop(run.name)
        seconds = time.monotonic() - started
        self._spent += seconds
        if self._folder.run(run).has("metrics.json"):
            self._images[run.config.model] += self._work(run)
            self._seconds[run.config.model] += seconds
        self.update()

    @property
    def count(self) -> str:
        """How many of the runs have ended: `[3/10]`."""
        return f"[{self._done}/{self._total}]"

    def line(self, executor: Executor) -> str:
        """All of it in a line, what matters most first.

        Args:
            executor: Where the runs go on.
        """
        words = [self.count]
        now = time.monotonic()
        spent = self._spent + sum(now - began for _, began in self._started.values())
        cost = f"cost {_hours(spent)}"
        measured = [model for model in self._left if self._images[model]]
        unknown = [
            m for m, images in self._left.items() if images and m not in measured
        ]
        if measured:
            seconds = sum(self._seconds_left(model) for model in measured)
            time_left = format_seconds(seconds / max(1, executor.jobs))
            rest = f", and {', '.join(unknown)}" if unknown else ""
            words.append(f"about {time_left} left{rest}")
            cost += f", {_hours(seconds)} to go{rest}"
        words.append(cost)
        words.append(", ".join(_place(name, executor) for name in self._started))
        if not executor.jobs:
            words.append("no worker is there yet")
        return "  ".join(filter(None, words))

    def _seconds_left(self, model: str) -> float:
        """Seconds that the runs of a network would take one after the other."""
        per_image = self._seconds[model] / self._images[model]
        seconds = self._left[model] * per_image
        for passed, whole in self._passed(model):
            seconds -= min(passed, whole * per_image)
        return max(seconds, 0.0)

    def _passed(self, model: str) -> Iterable[tuple[float, int]]:
        """Of each run of a network that goes on, its seconds by now and its images."""
        now = time.monotonic()
        for run, started in self._started.values():
            if run.config.model == model:
                yield now - started, self._work(run)

    def _work(self, run: PlannedRun) -> int:
        return self._images_of(run.config.limit, run.config.resolve().epochs)

    def _images_of(self, limit: int | None, epochs: int) -> int:
        name = self._protocol.dataset
        count = DATASETS[name].num_train if name in DATASETS else UNKNOWN_SIZE
        return epochs * (limit or count)


def _hours(seconds: float) -> str:
    return f"{seconds / 3600:.2f} h"


def _place(name: str, executor: Executor) -> str:
    where = executor.where(name)
    return f"{name} on {where}" if where else name
