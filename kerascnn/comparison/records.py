"""The records of a comparison's results, plain values all the way down."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Verdict = Literal["better", "worse", "equal within the margin", "not decided"]


@dataclass(frozen=True, kw_only=True)
class Summary:
    """The mean of some values; what too few values do not give is `None`.

    Attributes:
        count: How many values there are.
        mean: Their mean.
        standard_deviation: With `count - 1`.
        low: Lower end of the Student interval of 95%.
        high: Its upper end.
    """

    count: int
    mean: float | None = None
    standard_deviation: float | None = None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, kw_only=True)
class TrialResult:
    """A learning rate that was tried.

    Attributes:
        learning_rate: The rate.
        runs: The names of its runs: one, or two where it was tied.
        status: Of the run that went worst: `"finished"`, `"diverged"` or `"failed"`.
        validation_accuracy: The mean over its runs; `None` where one did not finish.
        validation_loss: Likewise.
    """

    learning_rate: float
    runs: Sequence[str]
    status: str
    validation_accuracy: float | None
    validation_loss: float | None


@dataclass(frozen=True, kw_only=True)
class TuningResult:
    """Every rate that was tried, from the lowest.

    Attributes:
        trials: The rates.
        extensions: How many times there was one more.
        best_is_on_edge: Whether the best is the lowest or the highest all the same.
    """

    trials: Sequence[TrialResult]
    extensions: int
    best_is_on_edge: bool


@dataclass(frozen=True, kw_only=True)
class RunResult:
    """A final run. What is not known of a run that did not finish is `None`.

    Attributes:
        name: The run.
        seed: Its seed.
        status: `"finished"`, `"diverged"` or `"failed"`.
        test_correct: Correct predictions of the test images.
        test_accuracy: Their share.
        training_accuracy: The mean of the last epoch.
        training_loss: Likewise.
        validation_accuracy: After the last epoch.
        validation_loss: Likewise.
        first_loss: Of the first step, before any update; `None` where the run's
            `steps.csv` was not kept.
        seconds: Of training.
        quickest_epoch: Seconds of the epoch that took the fewest.
        images_per_second: While training.
        training_images: How many it was trained on.
        validation_images: How many were held out.
        steps: Updates.
        parameters: Weights of the network.
        epochs_to_target: Epochs until one ended at the target accuracy or above.
        validation_by_epoch: The validation accuracy after each epoch.
    """

    name: str
    seed: int
    status: str
    test_correct: int | None = None
    test_accuracy: float | None = None
    training_accuracy: float | None = None
    training_loss: float | None = None
    validation_accuracy: float | None = None
    validation_loss: float | None = None
    first_loss: float | None = None
    seconds: float | None = None
    quickest_epoch: float | None = None
    images_per_second: float | None = None
    training_images: int | None = None
    validation_images: int | None = None
    steps: int | None = None
    parameters: int | None = None
    epochs_to_target: int | None = None
    validation_by_epoch: Sequence[float] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class OptimizerResult:
    """A network with one optimizer.

    Attributes:
        optimizer: The optimizer.
        learning_rate: The rate that was chosen; `None` where no rate finished.
        tuning: How it was chosen; `None` where nothing was tuned.
        runs: The final runs.
        diverged: How many of them diverged.
        failed: How many were left out.
        test_accuracy: Over the runs that finished, as all that follow.
        validation_accuracy: After the last epoch.
        training_accuracy: In the last epoch.
        quickest_epoch: Seconds of the epoch that took the fewest in any of them: what
            else a machine did shows least in it. `None` where none finished.
        epochs_to_target: Over the runs that reached it.
        validation_by_epoch: The validation accuracy after each epoch.
    """

    optimizer: str
    learning_rate: float | None
    tuning: TuningResult | None
    runs: Sequence[RunResult]
    diverged: int
    failed: int
    test_accuracy: Summary
    validation_accuracy: Summary
    training_accuracy: Summary
    quickest_epoch: float | None
    epochs_to_target: Summary
    validation_by_epoch: Sequence[Summary]

    @property
    def seconds_to_target(self) -> float | None:
        """Seconds of training to the target, if all epochs were as the quickest."""
        epochs, pace = self.epochs_to_target.mean, self.quickest_epoch
        return None if epochs is None or pace is None else epochs * pace


@dataclass(frozen=True, kw_only=True)
class Difference:
    """A mean difference in test accuracy, the optimizer minus the baseline.

    Attributes:
        mean: A share of 1; `None` without pairs.
        low: Lower end of the Student interval of 95%, over seeds on these images.
        high: Its upper end.
        bootstrap_low: Lower end of the bootstrap interval of 95%, over images and
            seeds.
        bootstrap_high: Its upper end.
        p: Of the sign-flip test, two-sided.
        p_corrected: By Holm's method, for the number of networks.
        method: Of the test: `"exact"`, or `"random"` where sign vectors were drawn.
        equivalence_p: The larger of the two one-sided tests against the margin.
        equivalence_p_corrected: By Holm's method.
        verdict: What follows.
    """

    mean: float | None
    low: float | None
    high: float | None
    bootstrap_low: float | None
    bootstrap_high: float | None
    p: float
    p_corrected: float
    method: str
    equivalence_p: float
    equivalence_p_corrected: float
    verdict: Verdict


@dataclass(frozen=True, kw_only=True)
class PairResult:
    """An optimizer beside the baseline, on one network.

    Attributes:
        baseline: The first optimizer of the comparison.
        optimizer: The other one.
        seeds: Whose pairs are complete.
        dropped_pairs: Pairs with a run that did not finish.
        differences: Of each pair, in test images: correct predictions of the optimizer
            minus those of the baseline.
        smallest_p: The smallest p-value that so many pairs can give.
        tests: How many networks are corrected for.
        pairs_needed: The fewest pairs that decide whatever the other networks show.
        difference: The mean difference, and what is known of it.
        by_epoch: The paired difference in validation accuracy after each epoch.
    """

    baseline: str
    optimizer: str
    seeds: Sequence[int]
    dropped_pairs: int
    differences: Sequence[int]
    smallest_p: float
    tests: int
    pairs_needed: int
    difference: Difference
    by_epoch: Sequence[Summary]


@dataclass(frozen=True, kw_only=True)
class Claim:
    """The answer over all networks for one optimizer.

    Attributes:
        baseline: The first optimizer of the comparison.
        optimizer: The other one.
        networks: How many networks have pairs.
        pairs: How many pairs there are in all.
        difference: The unweighted mean of the networks' mean differences.
        answer: That mean in words.
        sentence: The same, with what is known of each network and its budget.
    """

    baseline: str
    optimizer: str
    networks: int
    pairs: int
    difference: Difference
    answer: str
    sentence: str


@dataclass(frozen=True, kw_only=True)
class NetworkResult:
    """A network.

    Attributes:
        model: Its name.
        title: Its name for people.
        epochs: Of a final run.
        seeds: Final runs that were planned for each optimizer.
        trials: Rates to begin with.
        training_images: Of a final run; `None` where none finished.
        validation_images: Likewise.
        steps: Likewise.
        parameters: Likewise.
        settings: What all its trainings share.
        optimizers: The optimizers, in the order of the comparison.
        comparisons: Of each optimizer after the first with the first.
    """

    model: str
    title: str
    epochs: int
    seeds: int
    trials: int
    training_images: int | None
    validation_images: int | None
    steps: int | None
    parameters: int | None
    settings: Mapping[str, Any]
    optimizers: Sequence[OptimizerResult]
    comparisons: Sequence[PairResult]


@dataclass(frozen=True, kw_only=True)
class Results:
    """What comparisons found. Accuracies are shares of 1, times are seconds.

    Attributes:
        plans: The SHA-256 of each `plan.json`, by the folder's name.
        protocol: The comparison, or all of them as one.
        joined_at: When labels were joined to predictions, the last time; `None` before
            that, when no test accuracy is known, and there are neither comparisons nor
            claims.
        test_images: How many there are; `None` likewise.
        left_out: The networks that were given up after the plan, with the reasons.
        waiting: The networks whose runs have not all ended, with how far they are.
        networks: The others.
        claims: Over all networks, of each optimizer after the first.
    """

    plans: Mapping[str, str]
    protocol: Mapping[str, Any]
    joined_at: str | None
    test_images: int | None
    left_out: Mapping[str, str]
    waiting: Mapping[str, str]
    networks: Sequence[NetworkResult]
    claims: Sequence[Claim]

    def to_dict(self) -> dict[str, Any]:
        """The results as plain values, for JSON."""
        return dataclasses.asdict(self)
