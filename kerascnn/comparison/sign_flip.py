"""The exact sign-flip test of paired differences, over one network or several."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from operator import index
from typing import Literal

import numpy as np

# Above this many cells, 80 MB, sign vectors are drawn instead of counted.
MAX_CELLS = 10_000_000
DRAWS = 99_999
DRAWS_AT_ONCE = 10_000


@dataclass(frozen=True)
class SignFlip:
    """What a sign-flip test found.

    Attributes:
        mean: The unweighted mean over networks of the mean difference, in images;
            `None` without pairs.
        p: The two-sided p-value.
        method: "exact", or "random" where sign vectors were drawn.
        draws: The number of sign vectors drawn; `None` where the test is exact.
    """

    mean: float | None
    p: float
    method: Literal["exact", "random"]
    draws: int | None = None


def sign_flip_test(
    differences: Sequence[Sequence[int]],
    *,
    max_cells: int = MAX_CELLS,
    draws: int = DRAWS,
    seed: int = 0,
) -> SignFlip:
    """Test whether paired differences lie around zero.

    If the members of a pair are alike, each difference is as likely with the other
    sign. The p-value is the share of all sign vectors whose statistic is at least as
    far from zero as the one observed. The statistic is the unweighted mean over
    networks of the mean difference; the signs of all pairs flip independently.

    Times a whole number that statistic is a sum of whole numbers, so that all `2**n`
    sign vectors are counted by dynamic programming over the sums (Pagano & Tritchler,
    1983). Where there are too many different sums, random sign vectors are drawn, and
    the p-value is `(extreme + 1) / (draws + 1)` (Phipson & Smyth, 2010).

    Args:
        differences: Of each network, one whole number a pair. Networks without pairs
            are left out. One network alone is a list of one.
        max_cells: The number of sums, each of 8 bytes, up to which the test is exact.
        draws: The number of random sign vectors otherwise.
        seed: Of these draws.

    Returns:
        The result; its p-value is 1 if there is no pair.

    Raises:
        TypeError: A difference is not a whole number.
    """
    networks = [[index(value) for value in values] for values in differences]
    networks = [values for values in networks if values]
    multiple = math.lcm(*map(len, networks))
    terms = [
        value * (multiple // len(values)) for values in networks for value in values
    ]
    if not terms:
        return SignFlip(None, 1.0, "exact")
    mean = sum(terms) / (multiple * len(networks))
    # A zero is the same with either sign. A common divisor only spreads the sums.
    divisor = math.gcd(*terms) or 1
    observed = abs(sum(terms)) // divisor
    sizes = [abs(term) // divisor for term in terms if term]
    if observed == 0:
        return SignFlip(mean, 1.0, "exact")
    if (sum(sizes) - observed) // 2 < max_cells:
        return SignFlip(mean, _counted(sizes, observed), "exact")
    return SignFlip(mean, _drawn(sizes, observed, draws, seed), "random", draws)


def _counted(sizes: Sequence[int], observed: int) -> float:
    """The share of sign vectors at least as extreme, from the distribution of sums.

    If the terms with a minus add up to `m`, the sum is `sum(sizes) - 2 * m`, and as
    extreme as the one observed up to `m = last`; the other tail mirrors this one.
    Shares are multiples of `2**-n`, exact up to 53 pairs. As they are only added, their
    relative error stays below `n * 2**-53`.
    """
    last = (sum(sizes) - observed) // 2
    shares = np.zeros(last + 1)
    shares[0] = 1.0
    top = 0
    for size in sorted(sizes):
        top = min(last, top + size)
        shares[: top + 1] *= 0.5
        shares[size : top + 1] += shares[: max(0, top + 1 - size)]
    return 2 * float(shares.sum())


def _drawn(sizes: Sequence[int], observed: int, draws: int, seed: int) -> float:
    """An upward-biased estimate of that share, never zero."""
    generator = np.random.default_rng(seed)
    values = np.array(sizes, np.int64)
    extreme = 0
    for start in range(0, draws, DRAWS_AT_ONCE):
        shape = min(DRAWS_AT_ONCE, draws - start), len(sizes)
        sums = generator.choice(np.array([-1, 1]), shape) @ values
        extreme += int(np.count_nonzero(np.abs(sums) >= observed))
    return (extreme + 1) / (draws + 1)
