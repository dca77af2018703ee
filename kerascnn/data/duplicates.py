"""Pictures that are there twice: the same pixels, or nearly the same picture."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

# Perceptual hashes of 64 bits that differ in so many may be of one picture.
MAX_DISTANCE = 4
# It is one where the correlation of the small gray pictures is above this.
MIN_CORRELATION = 0.95
# Drawings on a plain ground have less to differ in: two digits of MNIST correlate by up
# to 0.99. In them, so large a share of the pixels has one brightness, or nearly.
MIN_DRAWING_CORRELATION = 0.99
DRAWING_SHARE = 0.4
FLAT_RANGE = 3
# Pictures whose pixels vary less, in standard deviations, show nothing: all their
# hashes are alike.
MIN_DEVIATION = 2.0
# Pairs with similar hashes that are looked at more closely, at a time and in all.
PAIRS = 4096
MAX_PAIRS = 20_000_000

# In each number of 8 bits.
_BITS = np.array([value.bit_count() for value in range(256)], np.uint8)

Hashes = npt.NDArray[np.uint64]
Smalls = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]
Indices = npt.NDArray[np.intp]


@dataclass(frozen=True, kw_only=True)
class Duplicates:
    """Groups of pictures, by their indices; each ascends, and so do the groups.

    Attributes:
        exact: Those with the same pixels.
        near: Those that are nearly the same, their exact copies among them.
        blank: Pictures that show nothing; in no group of `near`.
        is_complete: Whether all pairs were compared: those with similar hashes were at
            most `MAX_PAIRS`.
    """

    exact: tuple[tuple[int, ...], ...]
    near: tuple[tuple[int, ...], ...]
    blank: tuple[int, ...]
    is_complete: bool


def find_duplicates(
    digests: Sequence[bytes],
    hashes: Hashes,
    smalls: Smalls,
    told: Callable[[float], None],
) -> Duplicates:
    """Find what is there twice.

    Args:
        digests: Of the pixels of each picture; equal where these are.
        hashes: Perceptual hashes, `(number,)`.
        smalls: Small gray pictures, `(number, pixels)`.
        told: Called with the share that is done, in `[0, 1]`.
    """
    copies: dict[bytes, list[int]] = {}
    for index, digest in enumerate(digests):
        copies.setdefault(digest, []).append(index)
    one_of_each = np.array([group[0] for group in copies.values()], np.intp)
    deviations = _deviations(smalls)
    distinct = one_of_each[deviations[one_of_each] >= MIN_DEVIATION]
    groups, is_complete = _near(hashes[distinct], smalls[distinct], told)
    near = [
        sorted(copy for i in group for copy in copies[digests[distinct[i]]])
        for group in groups
    ]
    return Duplicates(
        exact=tuple(tuple(group) for group in copies.values() if len(group) > 1),
        near=tuple(sorted(map(tuple, near))),
        blank=tuple(np.flatnonzero(deviations < MIN_DEVIATION).tolist()),
        is_complete=is_complete,
    )


def _near(
    hashes: Hashes, smalls: Smalls, told: Callable[[float], None]
) -> tuple[list[list[int]], bool]:
    """Groups of similar pictures, and whether all pairs were compared."""
    is_drawing = _flat_shares(smalls) >= DRAWING_SHARE
    groups = _Groups(len(hashes))

    def join_similar(a: Indices, b: Indices) -> None:
        least = np.where(
            is_drawing[a] & is_drawing[b], MIN_DRAWING_CORRELATION, MIN_CORRELATION
        )
        is_near = _correlations(smalls[a], smalls[b]) > least
        for one, other in zip(a[is_near], b[is_near], strict=True):
            groups.join(int(one), int(other))

    # Of those with one hash, such as the frames of a film, one stands for all that are
    # similar to it.
    _, first, of = np.unique(hashes, return_index=True, return_inverse=True)
    leaders = first[of.reshape(-1)]
    others = np.flatnonzero(leaders != np.arange(len(hashes)))
    for start in range(0, len(others), PAIRS):
        chunk = others[start : start + PAIRS]
        join_similar(leaders[chunk], chunk)
    apart = np.flatnonzero(
        (leaders == np.arange(len(hashes))) | (groups.of != groups.of[leaders])
    )
    looked_at = 0
    for a, b in _close_pairs(hashes[apart], told):
        a, b = apart[a], apart[b]
        is_apart = groups.of[a] != groups.of[b]
        a, b = a[is_apart], b[is_apart]
        looked_at += len(a)
        if looked_at > MAX_PAIRS:
            return groups.found(), False
        join_similar(a, b)
    return groups.found(), True


def _close_pairs(
    hashes: Hashes, told: Callable[[float], None]
) -> Iterator[tuple[Indices, Indices]]:
    """All pairs of hashes within `MAX_DISTANCE`, at most `PAIRS` at a time.

    Hashes are cut into one band more than bits may differ, so that a pair agrees in at
    least one. Those that agree in a band stand together when they are sorted by it:
    each is compared to the next one, to that after it, and so on. A pair may come once
    for each band.
    """
    bands = MAX_DISTANCE + 1
    edges = [64 * band // bands for band in range(bands + 1)]
    for band, (low, high) in enumerate(pairwise(edges)):
        told(band / bands)
        values = (hashes >> np.uint64(low)) & np.uint64(2 ** (high - low) - 1)
        order = np.argsort(values)
        values = values[order]
        places, gap = np.arange(len(order)), 0
        while len(places):
            gap += 1
            places = places[places < len(order) - gap]
            places = places[values[places] == values[places + gap]]
            a, b = order[places], order[places + gap]
            is_close = _count_bits(hashes[a] ^ hashes[b]) <= MAX_DISTANCE
            a, b = a[is_close], b[is_close]
            for start in range(0, len(a), PAIRS):
                yield a[start : start + PAIRS], b[start : start + PAIRS]


class _Groups:
    """Groups that are joined, small ones to large ones.

    Attributes:
        of: The number of each one's group.
    """

    def __init__(self, number: int) -> None:
        self.of: Indices = np.arange(number)
        self.members: dict[int, list[int]] = {}

    def join(self, one: int, other: int) -> None:
        """Make the groups of two into one."""
        first, second = int(self.of[one]), int(self.of[other])
        if first == second:
            return
        kept = self.members.setdefault(first, [first])
        moved = self.members.setdefault(second, [second])
        if len(kept) < len(moved):
            first, second, kept, moved = second, first, moved, kept
        self.of[moved] = first
        kept += self.members.pop(second)

    def found(self) -> list[list[int]]:
        """The groups of more than one."""
        return [group for group in self.members.values() if len(group) > 1]


def _count_bits(values: Hashes) -> npt.NDArray[np.uint8]:
    # NumPy has a function for it from 2.0 on only.
    octets = values.view(np.uint8).reshape(len(values), values.itemsize)
    counts: npt.NDArray[np.uint8] = _BITS[octets].sum(axis=1, dtype=np.uint8)
    return counts


def _correlations(one: Smalls, other: Smalls) -> Floats:
    a, b = (
        values - values.mean(axis=1, keepdims=True)
        for values in (one.astype(np.float32), other.astype(np.float32))
    )
    products = np.einsum("ij,ij->i", a, b)
    norms = np.einsum("ij,ij->i", a, a) * np.einsum("ij,ij->i", b, b)
    correlations: Floats = products / np.sqrt(norms)
    return correlations


def _deviations(smalls: Smalls) -> Floats:
    deviations = np.zeros(len(smalls), np.float32)
    for start in range(0, len(smalls), PAIRS):
        chunk = smalls[start : start + PAIRS].astype(np.float32)
        deviations[start : start + PAIRS] = chunk.std(axis=1)
    return deviations


def _flat_shares(smalls: Smalls) -> Floats:
    """The share of pixels within `FLAT_RANGE` of one brightness, the largest there."""
    window = np.ones(2 * FLAT_RANGE + 1)
    shares = np.zeros(len(smalls), np.float32)
    for index, small in enumerate(smalls):
        counts = np.bincount(small, minlength=256)
        shares[index] = np.convolve(counts, window, "same").max() / len(small)
    return shares
