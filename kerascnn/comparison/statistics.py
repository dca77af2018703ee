"""What can be said of a few numbers: intervals, an exact test, and its correction."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy import stats

CONFIDENCE = 0.95
# Sums that differ by less are equal, but for the rounding of binary numbers.
TOLERANCE = 1e-12


def summarise(values: Sequence[float]) -> dict[str, Any]:
    """The mean of some values with its Student-t interval of 95 %.

    Returns:
        `count`, `mean`, `standard_deviation` (with `count - 1`), `low` and `high`; what
        so few values do not give is `None`.
    """
    count = len(values)
    summary: dict[str, Any] = {"count": count, "mean": None}
    summary |= dict.fromkeys(("standard_deviation", "low", "high"))
    if count:
        summary["mean"] = mean = math.fsum(values) / count
    if count > 1:
        deviation = math.sqrt(math.fsum((x - mean) ** 2 for x in values) / (count - 1))
        quantile = float(stats.t.ppf((1 + CONFIDENCE) / 2, count - 1))
        half = quantile * deviation / math.sqrt(count)
        summary |= {
            "standard_deviation": deviation,
            "low": mean - half,
            "high": mean + half,
        }
    return summary


def sign_flip_test(differences: Sequence[float]) -> float:
    """Test whether paired differences lie around zero, exactly.

    If the members of a pair are alike, each difference is as likely with the other
    sign. The p-value is the share of all sign vectors whose mean is at least as far
    from zero as the one seen.

    Args:
        differences: One a pair; 20 take 8 MB, each further one doubles it.

    Returns:
        The two-sided p-value, from `2 / 2**n` to 1; 1 where there is no pair.
    """
    sums = np.zeros(1)
    for difference in differences:
        sums = np.concatenate([sums + difference, sums - difference])
    extent = math.fsum(map(abs, differences))
    seen = abs(math.fsum(differences)) - TOLERANCE * max(extent, 1.0)
    return float(np.mean(np.abs(sums) >= seen))


def smallest_p(pairs: int) -> float:
    """The smallest p-value that a sign-flip test of so many pairs can give."""
    return min(1.0, 2.0 ** (1 - pairs))


def holm(p_values: Sequence[float]) -> list[float]:
    """Correct p-values for their number by Holm's method (1979).

    The i-th smallest of m, from 0, is multiplied by `m - i`; none becomes smaller than
    the one before it, nor larger than 1.

    Returns:
        The corrected values, in the order given.
    """
    order = sorted(range(len(p_values)), key=lambda index: p_values[index])
    corrected = [0.0] * len(p_values)
    largest = 0.0
    for rank, index in enumerate(order):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[index]))
        corrected[index] = largest
    return corrected


def pairs_needed(tests: int, level: float) -> int:
    """The fewest pairs whose smallest p-value, times the number of tests, will do.

    Args:
        tests: How many tests are corrected for.
        level: The level to reach, in `(0, 1)`.
    """
    pairs = 1
    while smallest_p(pairs) * tests > level:
        pairs += 1
    return pairs
