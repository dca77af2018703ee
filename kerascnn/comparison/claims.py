"""What may be said of optimizers: verdicts by network, and one answer over all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from kerascnn.comparison.bootstrap import Interval, bootstrap_intervals
from kerascnn.comparison.config import RULES, Protocol
from kerascnn.comparison.equivalence import Equivalence, equivalence_test
from kerascnn.comparison.reach import holm, reach, smallest_p
from kerascnn.comparison.records import (
    Claim,
    Difference,
    NetworkResult,
    PairResult,
    Summary,
    Verdict,
)
from kerascnn.comparison.sign_flip import SignFlip, sign_flip_test
from kerascnn.comparison.statistics import (
    BETTER,
    EQUAL,
    NOT_DECIDED,
    WORSE,
    summarize,
    verdict,
)
from kerascnn.machine.numbers import format_counted, format_points
from kerascnn.models import MODELS

Correct = npt.NDArray[np.bool_]
# Correct predictions by seed, `(test images,)`, of one network with one optimizer.
Seeds = Mapping[int, Correct]


# A network's result, and its correct predictions by optimizer.
Cell = tuple[NetworkResult, Mapping[str, Seeds]]


@dataclass(frozen=True)
class _Pairs:
    """An optimizer beside the baseline on one network: the pairs that are complete."""

    cell: Cell
    baseline: str
    optimizer: str

    @property
    def seeds(self) -> list[int]:
        """The seeds of the pairs."""
        _, correct = self.cell
        return sorted(correct[self.baseline].keys() & correct[self.optimizer].keys())

    def correct(self, images: int) -> tuple[Correct, Correct]:
        """Correct predictions of baseline and optimizer, each `(pairs, images)`."""
        _, correct = self.cell
        shape = len(self.seeds), images
        baseline, optimizer = (
            np.array([correct[name][seed] for seed in self.seeds], bool).reshape(shape)
            for name in (self.baseline, self.optimizer)
        )
        return baseline, optimizer

    def differences(self) -> list[int]:
        """Of each pair, in images."""
        _, correct = self.cell
        return [
            int(correct[self.optimizer][seed].sum())
            - int(correct[self.baseline][seed].sum())
            for seed in self.seeds
        ]


@dataclass(frozen=True)
class _Tested:
    """What the tests say of a mean difference, before any correction."""

    flip: SignFlip
    equality: Equivalence
    interval: Interval | None

    def difference(
        self, images: int, p_corrected: float, equal_corrected: float
    ) -> Difference:
        """The same as shares of the test images, with the verdict."""

        def share(value: float | None) -> float | None:
            return None if value is None else value / images

        return Difference(
            mean=share(self.flip.mean),
            low=share(self.equality.low),
            high=share(self.equality.high),
            bootstrap_low=share(None if self.interval is None else self.interval.low),
            bootstrap_high=share(None if self.interval is None else self.interval.high),
            p=self.flip.p,
            p_corrected=p_corrected,
            method=self.flip.method,
            equivalence_p=self.equality.p,
            equivalence_p_corrected=equal_corrected,
            verdict=verdict(
                self.flip.mean, p_corrected, equal_corrected, level=RULES.level
            ),
        )


def judge(
    cells: Sequence[Cell], protocol: Protocol, images: int
) -> tuple[list[list[PairResult]], list[Claim]]:
    """Compare every optimizer with the first, on each network and over all.

    The primary answer is over all networks. The networks one by one are secondary. By
    Holm's method, the answers of several optimizers are corrected for their number, and
    those on single networks for the number of optimizers times networks.

    Args:
        cells: The networks.
        protocol: The comparison.
        images: How many test images there are.

    Returns:
        The pairs of each network, and a claim for each optimizer after the first.
    """
    baseline, *others = protocol.optimizers
    pairs = [[_Pairs(cell, baseline, name) for cell in cells] for name in others]
    tested = [_test(row, protocol, images) for row in pairs]
    overall = _corrected([whole for whole, _ in tested], images)
    single = iter(_corrected([one for _, row in tested for one in row], images))
    needed = reach(
        [network.seeds for network, _ in cells] * len(others), level=RULES.level
    ).pairs_needed
    rows = [
        [
            PairResult(
                baseline=baseline,
                optimizer=pair.optimizer,
                seeds=pair.seeds,
                dropped_pairs=pair.cell[0].seeds - len(pair.seeds),
                differences=pair.differences(),
                smallest_p=smallest_p(len(pair.seeds)),
                tests=len(cells) * len(others),
                pairs_needed=needed,
                difference=next(single),
                by_epoch=_by_epoch(pair),
            )
            for pair in row
        ]
        for row in pairs
    ]
    claims = [
        Claim(
            baseline=baseline,
            optimizer=name,
            networks=sum(bool(row.seeds) for row in column),
            pairs=sum(len(row.seeds) for row in column),
            difference=difference,
            answer=_answer(cells, column, difference, protocol),
            sentence=_sentence(cells, column, difference, protocol),
        )
        for name, column, difference in zip(others, rows, overall, strict=True)
    ]
    return [list(row) for row in zip(*rows, strict=True)], claims


def _test(
    pairs: Sequence[_Pairs], protocol: Protocol, images: int
) -> tuple[_Tested, list[_Tested]]:
    """One optimizer beside the baseline: over all networks, and on each."""
    differences = [pair.differences() for pair in pairs]
    margin = protocol.margin / 100 * images
    intervals = bootstrap_intervals(
        [pair.correct(images) for pair in pairs],
        replicates=RULES.bootstrap_draws,
        seed=RULES.bootstrap_seed,
    )

    def test(rows: Sequence[Sequence[int]], interval: Interval | None) -> _Tested:
        return _Tested(sign_flip_test(rows), equivalence_test(rows, margin), interval)

    return test(differences, intervals.mean), [
        test([row], interval)
        for row, interval in zip(differences, intervals.networks, strict=True)
    ]


def _corrected(tested: Sequence[_Tested], images: int) -> list[Difference]:
    """The differences, with their p-values corrected for their number."""
    return [
        one.difference(images, p, equal)
        for one, p, equal in zip(
            tested,
            holm([one.flip.p for one in tested]),
            holm([one.equality.p for one in tested]),
            strict=True,
        )
    ]


def _by_epoch(pair: _Pairs) -> list[Summary]:
    """The paired difference in validation accuracy after each epoch."""
    network, _ = pair.cell
    courses = {
        row.optimizer: {run.seed: run.validation_by_epoch for run in row.runs}
        for row in network.optimizers
    }
    differences = [
        [
            after - before
            for before, after in zip(
                courses[pair.baseline][seed], courses[pair.optimizer][seed], strict=True
            )
        ]
        for seed in pair.seeds
    ]
    return [summarize(row) for row in zip(*differences, strict=True)]


def _answer(
    cells: Sequence[Cell],
    rows: Sequence[PairResult],
    overall: Difference,
    protocol: Protocol,
) -> str:
    """The answer over all networks, in words."""
    optimizer, baseline = rows[0].optimizer, rows[0].baseline
    sentence = (
        f'"{optimizer} instead of {baseline} raises the accuracy at the same number of '
        f'epochs" {_ANSWERS[overall.verdict].format(margin=protocol.margin)}'
    )
    if overall.mean is None:
        return f"{sentence}: no pair of runs finished."
    if len(rows) == 1:
        [(network, _)] = cells
        return f"{sentence}: {_describe(network, overall)}."
    return f"{sentence} over {len(rows)} networks ({_points(overall)})."


def _sentence(
    cells: Sequence[Cell],
    rows: Sequence[PairResult],
    overall: Difference,
    protocol: Protocol,
) -> str:
    """The answer in words, and then that on each network by itself."""
    answer = _answer(cells, rows, overall, protocol)
    if overall.mean is None or len(rows) == 1:
        return answer
    parts: dict[Verdict, list[str]] = {}
    for (network, _), row in zip(cells, rows, strict=True):
        words = _describe(network, row.difference)
        parts.setdefault(row.difference.verdict, []).append(words)
    alone = "; ".join(
        f"{_ALONE[verdict].format(margin=protocol.margin)} {_enumerate(parts[verdict])}"
        for verdict in (BETTER, WORSE, EQUAL, NOT_DECIDED)
        if verdict in parts
    )
    return f"{answer} Alone: {alone}."


_ANSWERS = {
    BETTER: "holds",
    WORSE: "does not hold, the accuracy falls",
    EQUAL: "does not hold, the two are equal within {margin:g} points",
    NOT_DECIDED: "is not decided",
}
_ALONE = {
    BETTER: "better on",
    WORSE: "worse on",
    EQUAL: "equal within {margin:g} points on",
    NOT_DECIDED: "not decided on",
}


def _describe(network: NetworkResult, difference: Difference) -> str:
    """A network with its difference, and the trainings that it is of."""
    known = [] if difference.mean is None else [_points(difference)]
    return f"{network.title} ({'; '.join([*known, describe_budget(network)])})"


def describe_budget(network: NetworkResult) -> str:
    """Say in a few words what a network's final runs were given."""
    words = [format_counted(network.epochs, "epoch", "epochs")]
    if network.training_images is not None and network.steps is not None:
        words[0] += f" of {network.training_images:,} images"
        words.append(format_counted(network.steps, "step", "steps"))
    side = network.settings["image_size"]
    words.append(f"{side}x{side} pixels")
    if len(MODELS[network.model].stems) > 1:
        words.append(f"{network.settings['stem']} stem")
    return ", ".join(words)


def _points(difference: Difference) -> str:
    """A difference in percentage points, with its interval over seeds."""
    words = f"{format_points(difference.mean)} points"
    if difference.low is not None:
        low, high = format_points(difference.low), format_points(difference.high)
        words += f", 95% interval {low} to {high}"
    return words


def _enumerate(names: Sequence[str]) -> str:
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last
