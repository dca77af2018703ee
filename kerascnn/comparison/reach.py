"""What a comparison can decide: p-values corrected, and the smallest there can be."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from kerascnn.comparison.config import RULES, Protocol


def describe_reach(protocol: Protocol) -> Iterator[str]:
    """Say in a few lines, before anything is trained, what a comparison can show.

    Args:
        protocol: The comparison.
    """
    if protocol.is_rehearsal:
        yield (
            "This is a rehearsal: it shows how a comparison goes. Its networks are "
            "hardly trained, and its verdicts mean nothing."
        )
    seeds = {
        model: network.budget.seeds for model, network in protocol.compared.items()
    }
    found = reach(list(seeds.values()), level=RULES.level)
    can = "it can" if found.primary <= RULES.level else "it can never"
    yield (
        f"Over all: {sum(seeds.values())} pairs, the smallest p-value is "
        f"{found.primary:.2g}; {can} decide at {RULES.level:g}."
    )
    if len(seeds) == 1:
        return
    words = [
        f"One by one, corrected for {len(seeds)} networks: {found.pairs_needed} pairs "
        "find a difference whatever the other networks show."
    ]
    rows = list(zip(seeds, found.alone, found.together, strict=True))
    never = [model for model, _, together in rows if together > RULES.level]
    helped = [
        model for model, alone, together in rows if together <= RULES.level < alone
    ]
    if never:
        words.append(f"With fewer, {', '.join(never)} can never be decided.")
    if helped:
        words.append(f"{', '.join(helped)}: only where others differ as well.")
    if never or helped:
        words.append(f"Set --seeds {found.pairs_needed}.")
    yield " ".join(words)


@dataclass(frozen=True)
class Reach:
    """The smallest p-values that the sign-flip tests of a design can give.

    Attributes:
        primary: Of the test over all networks.
        alone: Of each network, corrected, if it is the only one that differs: times
            the number of networks. Above the level, it needs others that differ.
        together: Of each network, corrected, if all networks differ as clearly as they
            can. Above the level, it cannot be decided, whatever happens.
        pairs_needed: The fewest pairs with which each network could be decided alone.
    """

    primary: float
    alone: tuple[float, ...]
    together: tuple[float, ...]
    pairs_needed: int


def reach(pairs: Sequence[int], *, level: float = RULES.level) -> Reach:
    """Work out what the sign-flip tests of a design can decide, before it runs.

    Args:
        pairs: The number of pairs of each network.
        level: The largest p-value that decides.
    """
    smallest = [smallest_p(count) for count in pairs]
    return Reach(
        primary=smallest_p(sum(pairs)),
        alone=tuple(min(1.0, len(pairs) * p) for p in smallest),
        together=tuple(holm(smallest)),
        pairs_needed=pairs_needed(len(pairs), level),
    )


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


def smallest_p(pairs: int) -> float:
    """The smallest p-value that a sign-flip test of so many pairs can give."""
    return min(1.0, 2.0 ** (1 - pairs))


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
