"""The runs of a comparison on many workers, each of which does one at a time."""

from __future__ import annotations

import heapq
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from kerascnn.comparison.config import Protocol
from kerascnn.comparison.folder import ComparisonFolder
from kerascnn.comparison.plan import (
    TUNING,
    Outcome,
    Outcomes,
    PlannedRun,
    final_runs,
    planned_runs,
)
from kerascnn.data import DATASETS, count_held_out
from kerascnn.runs.folder import list_runs

# Seconds of a network's runs; those of a stage wait for all of the stage before.
Stages = Sequence[Sequence[float]]


@dataclass(frozen=True, kw_only=True)
class Grid:
    """What the runs of a comparison take, by network.

    Attributes:
        measured: As measured; a run that has not ended takes as long as its images do
            at the median speed of the network's runs.
        at_best: As long as the images take at the speed of the network's fastest run.
        estimated: Of how many runs the time is not measured, and of how many in all.
    """

    measured: Mapping[str, Stages]
    at_best: Mapping[str, Stages]
    estimated: Mapping[str, tuple[int, int]]


def makespan(networks: Mapping[str, Stages], workers: int) -> float:
    """Seconds until all is done, if the longest run that is ready goes first."""
    ready = [(-run, name, 0) for name, stages in networks.items() for run in stages[0]]
    heapq.heapify(ready)
    left = {name: len(stages[0]) for name, stages in networks.items()}
    running: list[tuple[float, str, int]] = []
    now = 0.0
    while ready or running:
        while ready and len(running) < workers:
            run, name, stage = heapq.heappop(ready)
            heapq.heappush(running, (now - run, name, stage))
        now, name, stage = heapq.heappop(running)
        left[name] -= 1
        if not left[name] and stage + 1 < len(networks[name]):
            following = networks[name][stage + 1]
            left[name] = len(following)
            for run in following:
                heapq.heappush(ready, (-run, name, stage + 1))
    return now


def critical_path(networks: Mapping[str, Stages]) -> float:
    """Seconds of the longest chain of runs that wait for each other."""
    return max(sum(map(max, stages)) for stages in networks.values())


def total(networks: Mapping[str, Stages]) -> float:
    """Seconds of all runs, one after the other."""
    return sum(sum(map(sum, stages)) for stages in networks.values())


def read_grid(folder: ComparisonFolder, rates: Mapping[str, float]) -> Grid:
    """Read what the runs of a comparison took.

    Args:
        folder: The comparison.
        rates: Images a second, for networks of which no run has ended.
    """
    protocol, outcomes = folder.protocol, folder.outcomes()
    metrics = {run.name: run.metrics for run in list_runs(folder.runs_path)}
    ended = {name: found for name, found in metrics.items() if found is not None}
    measured, at_best, estimated = {}, {}, {}
    for model in protocol.networks:
        planned = list(stages(protocol, model, outcomes))
        runs = [run.name for stage in planned for run in stage]
        speeds = [ended[name].images_per_second for name in runs if name in ended]
        known = [speed for speed in speeds if speed] or [rates[model]]
        pace, best = statistics.median(known), max(known)
        images = [[num_images(protocol, run) for run in stage] for stage in planned]
        at_best[model] = [[count / best for count in stage] for stage in images]
        measured[model] = [
            [
                ended[run.name].seconds if run.name in ended else count / pace
                for run, count in zip(*pair, strict=True)
            ]
            for pair in zip(planned, images, strict=True)
        ]
        estimated[model] = (len(runs) - len(speeds), len(runs))
    return Grid(measured=measured, at_best=at_best, estimated=estimated)


def stages(
    protocol: Protocol, model: str, outcomes: Outcomes
) -> Iterator[list[PlannedRun]]:
    """The runs of a network in groups, each known when the one before has ended.

    Where the tuning has not ended, it is taken to need no more rates.
    """
    own = replace(protocol, networks={model: protocol.networks[model]})
    known: dict[str, Outcome] = {}
    while runs := [run for run in planned_runs(own, known) if run.name not in known]:
        yield runs
        if any(run.name not in outcomes for run in runs):
            if runs[0].stage == TUNING:
                yield final_runs(own, model, protocol.networks[model].centres)
            return
        known |= {run.name: outcomes[run.name] for run in runs}


def num_images(protocol: Protocol, run: PlannedRun) -> int:
    """The images of all epochs of a run."""
    images = DATASETS[protocol.dataset].num_train
    fraction = protocol.networks[run.config.model].budget.validation_fraction
    images -= count_held_out(images, fraction)
    return run.config.epochs * min(run.config.limit or images, images)
