"""Which runs a comparison consists of: pure functions from settings and outcomes.

Tuning, for each network: every optimizer gets the same number of learning rates, a
factor of the square root of ten apart, around its own centre, with seed 0. As long as
the best rate of any optimizer is the lowest or the highest that it tried, every
optimizer of the network gets one more, `MAX_EXTENSIONS` times at most: beyond the edge
that its best is nearer to. So all of them always have had equally many.

Final runs: the best rate of each optimizer, with the seeds 1, 2, ... A seed gives all
optimizers the same initial weights and the same batches, so that they form pairs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from kerascnn.comparison import Protocol
from kerascnn.config import TrainConfig
from kerascnn.errors import RunError

TUNING_SEED = 0
RATES_PER_DECADE = 2
MAX_EXTENSIONS = 2


@dataclass(frozen=True, kw_only=True)
class PlannedRun:
    """A training that belongs to a comparison.

    Attributes:
        name: The name of the run's folder.
        stage: `"tuning"` or `"final"`.
        config: The settings of the training.
    """

    name: str
    stage: str
    config: TrainConfig

    def command(self, out: Path) -> list[str]:
        """The command line that does it, with its run in the folder `out`."""
        config = self.config
        words = ["kerascnn", "train", config.model]
        for option in (
            "dataset",
            "optimizer",
            "learning_rate",
            "epochs",
            "limit",
            "validation_fraction",
            "seed",
        ):
            value = getattr(config, option)
            if value is not None:
                words += [f"--{option.replace('_', '-')}", f"{value}"]
        return [*words, "--no-test", "--out", str(out), "--name", self.name]


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How a run ended.

    Attributes:
        status: `"finished"`, `"diverged"` or `"failed"`.
        validation_accuracy: At the end; `None` where it did not finish.
        validation_loss: Likewise.
    """

    status: str
    validation_accuracy: float | None = None
    validation_loss: float | None = None


Outcomes = Mapping[str, Outcome]
Rates = Mapping[str, float | None]


@dataclass(frozen=True, kw_only=True)
class Tuning:
    """How far the tuning of a network has come.

    Attributes:
        runs: Its runs by optimizer, from the lowest rate to the highest.
        best: The best run by optimizer, among those that have ended; `None` where none
            of them finished.
        extensions: How many times every optimizer got one more rate.
        is_complete: Whether all is known that the choice depends on.
    """

    runs: Mapping[str, Sequence[PlannedRun]]
    best: Mapping[str, PlannedRun | None]
    extensions: int
    is_complete: bool

    def is_on_edge(self, optimizer: str) -> bool:
        """Whether the best rate is the lowest or highest tried, or there is none."""
        runs = self.runs[optimizer]
        return self.best[optimizer] in (None, runs[0], runs[-1])


def learning_rate(centre: float, step: int) -> float:
    """The rate some steps of the grid above a centre, to four digits."""
    return float(f"{centre * 10 ** (step / RATES_PER_DECADE):.4g}")


def tune(protocol: Protocol, model: str, outcomes: Outcomes) -> Tuning:
    """Work out the tuning runs of a network, as far as the outcomes tell.

    Args:
        protocol: The comparison.
        model: The network.
        outcomes: Of the runs that have ended, by name.
    """
    trials = protocol.networks[model].budget.trials
    lowest = -((trials - 1) // 2)
    steps = {name: list(range(lowest, lowest + trials)) for name in protocol.optimizers}
    extensions = 0
    while True:
        runs = {
            name: [_tuning_run(protocol, model, name, step) for step in steps[name]]
            for name in steps
        }
        tuning = Tuning(
            runs=runs,
            best={name: _best(runs[name], outcomes) for name in runs},
            extensions=extensions,
            is_complete=all(
                run.name in outcomes for row in runs.values() for run in row
            ),
        )
        at_edge = any(tuning.is_on_edge(name) for name in runs)
        if not (tuning.is_complete and at_edge and extensions < MAX_EXTENSIONS):
            return tuning
        extensions += 1
        for name, row in runs.items():
            best = tuning.best[name]
            # Where nothing finished, only lower rates are left to try.
            _extend(steps[name], 0 if best is None else row.index(best))


def _extend(steps: list[int], best: int) -> None:
    """Add the next step beyond the edge that is nearer to the best, above if equal."""
    if best < len(steps) - 1 - best:
        steps.insert(0, steps[0] - 1)
    else:
        steps.append(steps[-1] + 1)


def _best(runs: Sequence[PlannedRun], outcomes: Outcomes) -> PlannedRun | None:
    """The highest validation accuracy, then the lowest loss, then the lowest rate."""
    finished = [
        run
        for run in runs
        if run.name in outcomes and outcomes[run.name].status == "finished"
    ]

    def rank(run: PlannedRun) -> tuple[float, float]:
        outcome = outcomes[run.name]
        return -(outcome.validation_accuracy or 0.0), outcome.validation_loss or 0.0

    return min(finished, key=rank, default=None)


def chosen_rates(protocol: Protocol, model: str, outcomes: Outcomes) -> Rates | None:
    """The learning rate of each optimizer in a network's final runs.

    Returns:
        The rates, `None` for an optimizer that did not finish with any; or `None`
        while the tuning is not complete.
    """
    if not protocol.tune:
        return dict(protocol.networks[model].centres)
    tuning = tune(protocol, model, outcomes)
    if not tuning.is_complete:
        return None
    return {
        name: None if run is None else run.config.learning_rate
        for name, run in tuning.best.items()
    }


def choose(protocol: Protocol, outcomes: Outcomes) -> dict[str, Rates]:
    """The learning rates of all final runs, by network and optimizer.

    Raises:
        RunError: A network whose tuning is not complete.
    """
    chosen = {}
    for model in protocol.networks:
        rates = chosen_rates(protocol, model, outcomes)
        if rates is None:
            raise RunError(
                f"The learning rates of {model} are not chosen yet: its tuning is not "
                "complete. Start the comparison again, and it goes on."
            )
        chosen[model] = rates
    return chosen


def final_runs(protocol: Protocol, model: str, rates: Rates) -> list[PlannedRun]:
    """The final runs of a network; pairs stand together, since machines drift."""
    return [
        PlannedRun(
            name=f"{model}-{optimizer}-seed-{seed}",
            stage="final",
            config=_config(protocol, model, optimizer, rate, seed),
        )
        for seed in range(1, protocol.networks[model].budget.seeds + 1)
        for optimizer, rate in rates.items()
        if rate is not None
    ]


def planned_runs(protocol: Protocol, outcomes: Outcomes) -> list[PlannedRun]:
    """All runs of a comparison that are known of, in the order of doing.

    The final runs of a network are known when its tuning is complete.
    """
    runs: list[PlannedRun] = []
    finals: list[PlannedRun] = []
    for model in protocol.networks:
        if protocol.tune:
            for row in tune(protocol, model, outcomes).runs.values():
                runs += row
        rates = chosen_rates(protocol, model, outcomes)
        if rates is not None:
            finals += final_runs(protocol, model, rates)
    return runs + finals


def _tuning_run(
    protocol: Protocol, model: str, optimizer: str, step: int
) -> PlannedRun:
    rate = learning_rate(protocol.networks[model].centres[optimizer], step)
    return PlannedRun(
        name=f"{model}-{optimizer}-rate-{rate:g}",
        stage="tuning",
        config=_config(protocol, model, optimizer, rate, TUNING_SEED),
    )


def _config(
    protocol: Protocol, model: str, optimizer: str, rate: float, seed: int
) -> TrainConfig:
    budget = protocol.networks[model].budget
    return TrainConfig(
        model=model,
        dataset=protocol.dataset,
        optimizer=optimizer,
        learning_rate=rate,
        epochs=budget.epochs,
        limit=budget.limit,
        validation_fraction=budget.validation_fraction,
        seed=seed,
        test=False,
    )
