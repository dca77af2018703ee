"""Statistics, against values worked by hand."""

import pytest

from kerascnn.comparison.equivalence import equivalence_test
from kerascnn.comparison.records import Summary
from kerascnn.comparison.sign_flip import sign_flip_test
from kerascnn.comparison.statistics import (
    BETTER,
    EQUAL,
    NOT_DECIDED,
    WORSE,
    summarize,
    verdict,
)


def test_mean_and_interval():
    # Half of the interval: 4.302653 (t of 2 degrees) * 1 / sqrt(3).
    summary = summarize([1, 2, 3])
    assert (summary.count, summary.mean, summary.standard_deviation) == (3, 2.0, 1.0)
    assert summary.low == pytest.approx(2 - 2.484138, abs=1e-6)
    assert summary.high == pytest.approx(2 + 2.484138, abs=1e-6)


def test_interval_of_two_values():
    # 12.706205 (t of 1 degree) * (0.02 / sqrt(2)) / sqrt(2).
    summary = summarize([0.97, 0.99])
    assert summary.low == pytest.approx(0.98 - 0.12706205, abs=1e-8)
    assert summary.high == pytest.approx(0.98 + 0.12706205, abs=1e-8)


def test_equal_values_have_an_interval_of_no_width():
    summary = summarize([0.5] * 4)
    assert (summary.low, summary.mean, summary.high) == (0.5, 0.5, 0.5)
    assert summary.standard_deviation == 0


def test_too_few_values_have_no_interval():
    assert summarize([0.9]) == Summary(count=1, mean=0.9)
    assert summarize([]) == Summary(count=0)


@pytest.mark.parametrize(
    ("mean", "p", "equivalence_p", "expected"),
    [
        (3.0, 0.05, 0.051, BETTER),
        (-3.0, 0.05, 0.051, WORSE),
        (3.0, 0.051, 0.051, NOT_DECIDED),
        (3.0, 0.001, 0.05, EQUAL),  # certain, and certainly too small to matter
        (-3.0, 1.0, 0.0, EQUAL),
        (0.0, 1.0, 1.0, NOT_DECIDED),
        (0.0, 0.0, 1.0, NOT_DECIDED),
        (None, 1.0, 1.0, NOT_DECIDED),
        (None, 0.0, 0.0, NOT_DECIDED),
    ],
)
def test_verdict(mean, p, equivalence_p, expected):
    assert verdict(mean, p, equivalence_p) == expected


def test_level_of_the_verdict():
    assert verdict(3.0, 0.03, 1.0, level=0.01) == NOT_DECIDED
    assert verdict(3.0, 0.03, 0.02, level=0.01) == NOT_DECIDED
    assert verdict(3.0, 0.01, 0.02, level=0.01) == BETTER


@pytest.mark.parametrize(
    ("networks", "margin", "expected"),
    [
        ([[0] * 8] * 5, 10, EQUAL),  # an optimizer against itself
        ([[0]], 10, NOT_DECIDED),
        ([[40, 55, 38, 61, 47, 52, 44, 58]], 10, BETTER),
        ([[-40, -55, -38, -61, -47, -52, -44, -58]], 10, WORSE),
        ([[4, 5, 3, 6, 4, 5, 4, 5]], 10, EQUAL),
        ([[40, -35, 60, -71, 13, -2, 27, -19]], 10, NOT_DECIDED),
    ],
)
def test_verdict_of_differences(networks, margin, expected):
    flip = sign_flip_test(networks)
    equal = equivalence_test(networks, margin)
    assert verdict(flip.mean, flip.p, equal.p) == expected
