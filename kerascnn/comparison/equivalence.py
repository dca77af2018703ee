"""The equivalence test of paired differences, over one network or several."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from scipy import stats

from kerascnn.comparison.statistics import CONFIDENCE, summarize

# The variance of what rounding to whole numbers hides (Sheppard, 1898).
ROUNDING_VARIANCE = 1 / 12


@dataclass(frozen=True)
class Equivalence:
    """Whether a mean difference is certainly smaller than a margin.

    Attributes:
        mean: The unweighted mean over networks of the mean difference, in images;
            `None` without pairs.
        standard_error: Of that mean; `None` where a network has one pair only.
        degrees_of_freedom: Of Student's t, by Welch and Satterthwaite; `None` where
            there is no standard error, or where it is zero.
        low: Lower end of the Student interval of 95%, `None` as the standard error.
        high: Upper end of that interval.
        p: The larger p-value of the two one-sided tests.
    """

    mean: float | None
    standard_error: float | None
    degrees_of_freedom: float | None
    low: float | None
    high: float | None
    p: float


def equivalence_test(
    differences: Sequence[Sequence[int]], margin: float, *, identical: bool = False
) -> Equivalence:
    """Test whether the mean difference is smaller than a margin, by two t tests.

    One of the two one-sided tests (Schuirmann, 1987) rejects "at most -margin", the
    other "at least margin". Both do so at a level of 5% where the interval of 90%
    lies within the margin.

    The mean weighs every network alike; its squared standard error is the sum of
    `s_k**2 / n_k` over the K networks, divided by `K**2`. For one network this is the
    paired t test.

    A sample of equal differences does not show that seeds have no influence. Since
    differences are whole numbers, the variance of a network is taken as at least 1/12,
    that of rounding: three pairs without a difference then show that the mean is within
    one image (p = 0.013), but not that it is within a quarter of one (p = 0.14).

    Args:
        differences: Of each network, one whole number a pair. Networks without pairs
            are left out; with one pair in a network its variance is unknown, and the
            p-value 1.
        margin: The smallest difference that matters, in images.
        identical: The two runs of each pair are known to be one and the same, as those
            of an optimizer against itself. Their difference is zero whatever the seed:
            the p-value is 0.

    Raises:
        ValueError: The margin is not positive, or runs are called identical although
            their results differ.
    """
    if not margin > 0:
        raise ValueError(f"a margin is positive, but got {margin}")
    networks = [values for values in differences if len(values)]
    if not networks:
        return Equivalence(None, None, None, None, None, p=1.0)
    if identical:
        if any(any(values) for values in networks):
            raise ValueError("identical runs cannot have different results")
        return Equivalence(0.0, 0.0, None, 0.0, 0.0, p=0.0)
    summaries = [summarize(values) for values in networks]
    mean = math.fsum(row.mean or 0.0 for row in summaries) / len(networks)
    if any(row.count == 1 for row in summaries):
        return Equivalence(mean, None, None, None, None, p=1.0)
    parts = [
        max((row.standard_deviation or 0.0) ** 2, ROUNDING_VARIANCE) / row.count
        for row in summaries
    ]
    error = math.sqrt(math.fsum(parts)) / len(networks)
    degrees = math.fsum(parts) ** 2 / math.fsum(
        part**2 / (row.count - 1) for part, row in zip(parts, summaries, strict=True)
    )
    half = float(stats.t.ppf((1 + CONFIDENCE) / 2, degrees)) * error
    return Equivalence(
        mean=mean,
        standard_error=error,
        degrees_of_freedom=degrees,
        low=mean - half,
        high=mean + half,
        p=float(stats.t.sf((margin - abs(mean)) / error, degrees)),
    )
