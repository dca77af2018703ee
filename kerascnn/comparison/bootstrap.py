"""Intervals of mean differences by resampling test images and seeds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kerascnn.comparison.statistics import CONFIDENCE

REPLICATES = 10_000
# Replicates whose image counts are in memory at once: 40 MB for 100,000 images.
REPLICATES_AT_ONCE = 100


@dataclass(frozen=True)
class Interval:
    """A percentile interval of 95%, in images."""

    low: float
    high: float


@dataclass(frozen=True)
class BootstrapIntervals:
    """Intervals of mean differences, in images.

    Attributes:
        mean: Of the unweighted mean over networks; `None` without pairs.
        networks: Of each network's mean, in the order given; `None` without pairs.
    """

    mean: Interval | None
    networks: tuple[Interval | None, ...]


def bootstrap_intervals(
    correct: Sequence[tuple[NDArray[Any], NDArray[Any]]],
    *,
    replicates: int = REPLICATES,
    seed: int = 0,
) -> BootstrapIntervals:
    """Resample test images and seeds for intervals of the mean differences.

    A replicate draws as many test images, with replacement, once for all networks and
    seeds, since all runs answer the same images; and, within each network, as many
    seeds, whose two runs stay together. The intervals are percentiles (Efron &
    Tibshirani, 1993, chapter 13).

    Rows and columns are drawn independently, and so the part of the variance that is
    particular to a seed and an image together counts up to three times (Owen, 2007);
    the part of the seeds counts `(n - 1) / n` times. Where the errors of the seeds have
    little in common, the interval is too wide, by a factor of up to `sqrt(3)`; where a
    few seeds differ as a whole, it is too narrow.

    Args:
        correct: Of each network, which predictions of the baseline and of the other
            optimizer are correct: two arrays `(pairs, images)` of zeros and ones. The
            images are the same for all networks.
        replicates: The number of replicates.
        seed: Of the random numbers.

    Returns:
        The intervals, of other minus baseline. They do not show what a single seed
        hides: from one pair they have the variance of the images only.

    Raises:
        ValueError: The arrays do not have the same shape, or the images differ in
            number.
    """
    differences = [_difference(baseline, other) for baseline, other in correct]
    present = [rows for rows in differences if len(rows)]
    if not present:
        return BootstrapIntervals(None, (None,) * len(differences))
    generator = np.random.default_rng(seed)
    shares = [
        generator.multinomial(len(rows), [1 / len(rows)] * len(rows), replicates)
        / len(rows)
        for rows in present
    ]
    sums = _resampled_sums(np.concatenate(present), replicates, generator)
    ends = np.cumsum([len(rows) for rows in present])[:-1]
    means = [
        np.sum(share * columns, axis=1)
        for share, columns in zip(shares, np.split(sums, ends, axis=1), strict=True)
    ]
    intervals = iter([_interval(values) for values in means])
    return BootstrapIntervals(
        mean=_interval(np.mean(means, axis=0)),
        networks=tuple(next(intervals) if len(rows) else None for rows in differences),
    )


def _difference(baseline: NDArray[Any], other: NDArray[Any]) -> NDArray[np.float32]:
    """Of each pair and image -1, 0 or 1: other minus baseline."""
    if baseline.shape != other.shape:
        raise ValueError(
            f"pairs have one shape, but got {baseline.shape} and {other.shape}"
        )
    return other.astype(np.float32) - baseline.astype(np.float32)


def _resampled_sums(
    rows: NDArray[np.float32], replicates: int, generator: np.random.Generator
) -> NDArray[np.float64]:
    """The sum of each row over images drawn anew: `(replicates, rows)`.

    Single precision holds whole numbers up to 16 million, more than there are images.
    """
    images = rows.shape[1]
    sums = np.empty((replicates, len(rows)))
    counts = np.empty((REPLICATES_AT_ONCE, images), np.float32)
    for start in range(0, replicates, REPLICATES_AT_ONCE):
        chunk = counts[: replicates - start]
        for count in chunk:
            drawn = generator.integers(images, size=images)
            count[:] = np.bincount(drawn, minlength=images)
        sums[start : start + len(chunk)] = chunk @ rows.T
    return sums


def _interval(values: NDArray[np.float64]) -> Interval:
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(values, [tail, 1 - tail])
    return Interval(float(low), float(high))
