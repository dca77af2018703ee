"""What a few numbers show: intervals, corrected p-values, verdicts, a design's reach.

The tests are in `sign_flip` and `equivalence`, and the intervals over images and seeds
in `bootstrap`. All of them take differences in images: the correct predictions of one
optimizer minus those of the baseline, of the same seed on the same test images.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from scipy import stats

from kerascnn.comparison.records import Summary, Verdict

CONFIDENCE = 0.95
# The level that a corrected p-value has to reach for a verdict.
LEVEL = 0.05

BETTER: Verdict = "better"
WORSE: Verdict = "worse"
EQUAL: Verdict = "equal within the margin"
NOT_DECIDED: Verdict = "not decided"


def summarize(values: Sequence[float]) -> Summary:
    """The mean of some values with its Student-t interval of 95%."""
    count = len(values)
    if not count:
        return Summary(count=0)
    mean = math.fsum(values) / count
    if count == 1:
        return Summary(count=1, mean=mean)
    deviation = math.sqrt(math.fsum((x - mean) ** 2 for x in values) / (count - 1))
    quantile = float(stats.t.ppf((1 + CONFIDENCE) / 2, count - 1))
    half = quantile * deviation / math.sqrt(count)
    return Summary(
        count=count,
        mean=mean,
        standard_deviation=deviation,
        low=mean - half,
        high=mean + half,
    )


def verdict(
    mean: float | None, p: float, equivalence_p: float, *, level: float = LEVEL
) -> Verdict:
    """Say what is known of an optimizer against the baseline.

    Equality comes first: what is certainly smaller than the margin is what the margin
    calls equal, even if it is certainly not zero.

    Args:
        mean: The mean difference, of which only the sign counts; `None` without pairs.
        p: The p-value of the sign-flip test, corrected.
        equivalence_p: The p-value of the equivalence test, corrected.
        level: The largest p-value that decides.
    """
    if mean is None:
        return NOT_DECIDED
    if equivalence_p <= level:
        return EQUAL
    if p <= level and mean:
        return BETTER if mean > 0 else WORSE
    return NOT_DECIDED
