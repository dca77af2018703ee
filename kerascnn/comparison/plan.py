"""Which runs a comparison consists of: pure functions from settings and outcomes.

Tuning, for each network: every optimizer gets the same number of learning rates, a
factor of the square root of ten apart, around its own center, with one seed. Rates of
equal validation accuracy, where it is the best, get a second run each, with another
seed, and the mean decides. As long as the best rate of any optimizer is the lowest or
the highest that it tried, every optimizer of the network gets one more,
`Rules.max_extensions` times at most: beyond the edge that its best is nearer to. So all
of them always have had equally many.

Final runs: the best rate of each optimizer, with the seeds 1, 2, ... A seed gives all
optimizers the same initial weights and the same batches, so that they form pairs.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from kerascnn.comparison.config import RULES, Protocol
from kerascnn.errors import RunError
from kerascnn.settings.config import TrainConfig

TUNING, FINAL = "tuning", "final"


@dataclass(frozen=True, kw_only=True)
class PlannedRun:
    """A training that belongs to a comparison.

    Attributes:
        name: The name of the run's folder.
        stage: `TUNING` or `FINAL`.
        config: The settings of the training, every one that decides its result.
    """

    name: str
    stage: str
    config: TrainConfig

    def command(self, out: Path) -> list[str]:
        """The command line that does it, with its run in the folder `out`."""
        words = ["kerascnn", "train"]
        for name, value in self.config.given().items():
            if name == "model":
                words.append(value)
            elif name == "optimizer_options":
                for option, setting in value.items():
                    words += [f"--{_OPTION}", f"{option}={json.dumps(setting)}"]
            elif isinstance(value, bool):
                words.append(f"--{'' if value else 'no-'}{_kebab(name)}")
            else:
                words += [f"--{_kebab(name)}", f"{value}"]
        return [*words, "--out", str(out), "--name", self.name]


_OPTION = "optimizer-option"


def _kebab(name: str) -> str:
    return name.replace("_", "-")


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
class Trial:
    """A learning rate that is tried.

    Attributes:
        rate: The rate.
        runs: One run, or two where its accuracy was the best together with others.
    """

    rate: float
    runs: Sequence[PlannedRun]

    def is_complete(self, outcomes: Outcomes) -> bool:
        """Whether all of its runs have ended."""
        return all(run.name in outcomes for run in self.runs)

    def finished(self, outcomes: Outcomes) -> list[Outcome]:
        """How its runs ended; nothing where any of them did not finish."""
        ended = [outcomes[run.name] for run in self.runs if run.name in outcomes]
        return ended if all(row.status == "finished" for row in ended) else []

    def accuracy(self, outcomes: Outcomes) -> float | None:
        """The mean validation accuracy; `None` where a run did not finish."""
        return _mean(self.finished(outcomes), "validation_accuracy")

    def loss(self, outcomes: Outcomes) -> float | None:
        """The mean validation loss; likewise."""
        return _mean(self.finished(outcomes), "validation_loss")


def _mean(outcomes: Sequence[Outcome], name: str) -> float | None:
    return fmean(getattr(row, name) for row in outcomes) if outcomes else None


@dataclass(frozen=True, kw_only=True)
class Tuning:
    """How far the tuning of a network has come.

    Attributes:
        trials: By optimizer, from the lowest rate to the highest.
        best: The best trial by optimizer, among those that have ended; `None` where
            none of them finished.
        extensions: How many times every optimizer got one more rate.
        is_complete: Whether all is known that the choice depends on.
    """

    trials: Mapping[str, Sequence[Trial]]
    best: Mapping[str, Trial | None]
    extensions: int
    is_complete: bool

    @property
    def runs(self) -> list[PlannedRun]:
        """All its runs, in the order of doing."""
        first = [trial.runs[:1] for row in self.trials.values() for trial in row]
        second = [trial.runs[1:] for row in self.trials.values() for trial in row]
        return [run for runs in (*first, *second) for run in runs]

    def is_on_edge(self, optimizer: str) -> bool:
        """Whether the best rate is the lowest or highest tried, or there is none."""
        trials = self.trials[optimizer]
        return self.best[optimizer] in (None, trials[0], trials[-1])


def learning_rate(center: float, step: int) -> float:
    """The rate some steps of the grid above a center, to four digits."""
    return float(f"{center * 10 ** (step / RULES.rates_per_decade):.4g}")


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
        tuning = _tuning(protocol, model, steps, outcomes, extensions)
        at_edge = any(tuning.is_on_edge(name) for name in steps)
        if not (tuning.is_complete and at_edge and extensions < RULES.max_extensions):
            return tuning
        extensions += 1
        for name, row in tuning.trials.items():
            best = tuning.best[name]
            # Where nothing finished, only lower rates are left to try.
            _extend(steps[name], 0 if best is None else row.index(best))


def _tuning(
    protocol: Protocol,
    model: str,
    steps: Mapping[str, Sequence[int]],
    outcomes: Outcomes,
    extensions: int,
) -> Tuning:
    """The tuning with the rates of some steps of the grid, ties included."""
    trials = {}
    for name in steps:
        center = protocol.networks[model].centres[name]
        row = [
            _trial(protocol, model, name, learning_rate(center, step))
            for step in steps[name]
        ]
        if all(trial.is_complete(outcomes) for trial in row):
            tied = _tied(row, outcomes)
            row = [
                _trial(protocol, model, name, trial.rate, again=trial in tied)
                for trial in row
            ]
        trials[name] = row
    return Tuning(
        trials=trials,
        best={name: _best(row, outcomes) for name, row in trials.items()},
        extensions=extensions,
        is_complete=all(
            trial.is_complete(outcomes) for row in trials.values() for trial in row
        ),
    )


def _extend(steps: list[int], best: int) -> None:
    """Add the next step beyond the edge that is nearer to the best, above if equal."""
    if best < len(steps) - 1 - best:
        steps.insert(0, steps[0] - 1)
    else:
        steps.append(steps[-1] + 1)


def _tied(trials: Sequence[Trial], outcomes: Outcomes) -> list[Trial]:
    """The trials that share the best accuracy; none where it is one trial's alone."""
    reached = {trial.rate: trial.accuracy(outcomes) for trial in trials}
    highest = max((value for value in reached.values() if value is not None), default=0)
    tied = [trial for trial in trials if reached[trial.rate] == highest]
    return tied if len(tied) > 1 else []


def _best(trials: Sequence[Trial], outcomes: Outcomes) -> Trial | None:
    """The highest validation accuracy, then the lowest loss, then the lowest rate."""
    finished = [trial for trial in trials if trial.accuracy(outcomes) is not None]

    def rank(trial: Trial) -> tuple[int, float, float]:
        # Those with two runs shared the best accuracy: whatever the second run gives,
        # the others were behind with the seed that all have.
        accuracy = trial.accuracy(outcomes) or 0.0
        return -len(trial.runs), -accuracy, trial.loss(outcomes) or 0.0

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
        name: None if trial is None else trial.rate
        for name, trial in tuning.best.items()
    }


def choose(protocol: Protocol, outcomes: Outcomes) -> dict[str, Rates]:
    """The learning rates of all final runs, by network and optimizer.

    Raises:
        RunError: A network whose tuning is not complete.
    """
    chosen = {}
    for model in protocol.compared:
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
    budget = protocol.networks[model].budget
    return [
        PlannedRun(
            name=f"{model}-{optimizer}-seed-{seed}",
            stage=FINAL,
            config=_config(
                protocol,
                model,
                optimizer,
                learning_rate=rate,
                seed=seed,
                epochs=budget.epochs,
                limit=budget.limit,
                store_predictions=True,
            ),
        )
        for seed in range(1, budget.seeds + 1)
        for optimizer, rate in rates.items()
        if rate is not None
    ]


def planned_runs(protocol: Protocol, outcomes: Outcomes) -> list[PlannedRun]:
    """All runs of a comparison that are known of, network by network.

    The final runs of a network are known when its tuning is complete.
    """
    runs: list[PlannedRun] = []
    for model in protocol.compared:
        if protocol.tune:
            runs += tune(protocol, model, outcomes).runs
        rates = chosen_rates(protocol, model, outcomes)
        if rates is not None:
            runs += final_runs(protocol, model, rates)
    return runs


def _trial(
    protocol: Protocol, model: str, optimizer: str, rate: float, *, again: bool = False
) -> Trial:
    budget = protocol.networks[model].budget
    seeds = {"": RULES.tuning_seed} | ({"-tie": RULES.tie_seed} if again else {})
    return Trial(
        rate=rate,
        runs=[
            PlannedRun(
                name=f"{model}-{optimizer}-rate-{rate:g}{suffix}",
                stage=TUNING,
                config=_config(
                    protocol,
                    model,
                    optimizer,
                    learning_rate=rate,
                    seed=seed,
                    epochs=budget.tuning_epochs,
                    limit=budget.tuning_limit,
                ),
            )
            for suffix, seed in seeds.items()
        ],
    )


def _config(protocol: Protocol, model: str, optimizer: str, **own: Any) -> TrainConfig:
    network = protocol.networks[model]
    options = dict(protocol.optimizers[optimizer])
    return TrainConfig(
        model=model,
        dataset=protocol.dataset,
        optimizer=optimizer,
        momentum=options.pop("momentum", None),
        optimizer_options=options,
        validation_fraction=network.budget.validation_fraction,
        test=False,
        plan_digest=protocol.digest(),
        **network.settings,
        **own,
    )
