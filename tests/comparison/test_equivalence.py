"""The equivalence test, against SciPy, hand computations, and its size and coverage."""

import math

import numpy as np
import pytest
from scipy import stats

from kerascnn.comparison.equivalence import Equivalence, equivalence_test

NOTHING = Equivalence(None, None, None, None, None, p=1.0)


@pytest.mark.parametrize("shift", [-6, 0, 3, 12])
def test_one_network_agrees_with_scipy(shift):
    differences = [x + shift for x in (4, -3, 7, 0, 2, -5, 1, 6)]
    result = equivalence_test([differences], 10)
    lower = stats.ttest_1samp(differences, -10, alternative="greater")
    upper = stats.ttest_1samp(differences, 10, alternative="less")
    assert result.p == pytest.approx(max(lower.pvalue, upper.pvalue), rel=1e-9)
    interval = stats.ttest_1samp(differences, 0).confidence_interval(0.95)
    assert (result.low, result.high) == pytest.approx(tuple(interval))
    assert result.degrees_of_freedom == pytest.approx(7)


def test_two_networks_by_hand():
    # Means 2 and 6, variances 1 and 8, so s**2 / n is 1/3 and 8/2 = 4.
    result = equivalence_test([[1, 2, 3], [4, 8]], 20)
    assert result.mean == 4
    assert result.standard_error == pytest.approx(math.sqrt(1 / 3 + 4) / 2)
    degrees = (1 / 3 + 4) ** 2 / ((1 / 3) ** 2 / 2 + 4**2 / 1)
    assert result.degrees_of_freedom == pytest.approx(degrees)
    half = stats.t.ppf(0.975, degrees) * result.standard_error
    assert (result.low, result.high) == pytest.approx((4 - half, 4 + half))
    assert result.p == pytest.approx(
        stats.t.sf((20 - 4) / result.standard_error, degrees)
    )


def test_degrees_of_freedom_agree_with_scipys_welch_test():
    # The mean of a and b has the degrees of the difference between a and -b.
    a, b = [3, 9, 4, 1], [-20, 14, 3, 30, 6, 11]
    theirs = stats.ttest_ind(a, [-x for x in b], equal_var=False)
    result = equivalence_test([a, b], 5)
    assert result.degrees_of_freedom == pytest.approx(theirs.df)
    assert result.mean / result.standard_error == pytest.approx(theirs.statistic)


def test_without_pairs_nothing_is_shown():
    assert equivalence_test([], 10) == NOTHING
    assert equivalence_test([[], []], 10, identical=True) == NOTHING


def test_networks_without_pairs_are_left_out():
    networks = [[1, 2, 3], [4, 8]]
    assert equivalence_test([[], *networks], 9) == equivalence_test(networks, 9)


def test_one_pair_has_no_variance():
    one = Equivalence(0.5, None, None, None, None, p=1.0)
    assert equivalence_test([[0], [1, 1, 1]], 100) == one


@pytest.mark.parametrize("value", [0, 4, -4])
def test_equal_differences_have_the_variance_of_rounding(value):
    result = equivalence_test([[value] * 3], abs(value) + 1)
    assert result.standard_error == pytest.approx(1 / 6)  # sqrt(1/12 / 3)
    # t = 6 of 2 degrees: (1 - 6 / sqrt(2 + 36)) / 2
    assert result.p == pytest.approx((1 - 6 / math.sqrt(38)) / 2)
    half = 4.302653 / 6
    assert (result.low, result.high) == pytest.approx((value - half, value + half))


def test_identical_results_are_equal_by_any_margin_of_a_few_images():
    # By a margin of 0.1% of 10,000 images, even times five for Holm.
    for pairs in range(2, 10):
        assert equivalence_test([[0] * pairs], 10).p * 5 < 0.05
    assert equivalence_test([[0] * 2] * 5, 1).p < 0.001
    # Nothing seen in three pairs is not nothing there.
    assert equivalence_test([[0] * 3], 0.25).p == pytest.approx(0.136, abs=1e-3)


def test_runs_known_to_be_identical_are_equal_by_every_margin():
    result = equivalence_test([[0], [0, 0]], 1e-9, identical=True)
    assert result == Equivalence(0.0, 0.0, None, 0.0, 0.0, p=0.0)
    with pytest.raises(ValueError, match="identical runs"):
        equivalence_test([[0, 1]], 10, identical=True)


def test_mean_at_or_beyond_the_margin_is_not_equal():
    assert equivalence_test([[9, 10, 11]], 10).p == pytest.approx(0.5)
    assert equivalence_test([[-12, -13, -11]], 10).p > 0.9


@pytest.mark.parametrize("margin", [0, -1, float("nan")])
def test_margin_is_positive(margin):
    with pytest.raises(ValueError, match="positive"):
        equivalence_test([[1, 2]], margin)


def test_size_at_the_margin_and_coverage():
    generator = np.random.default_rng(2)
    runs, margin = 2000, 30
    spreads, counts = (10, 40, 20), (8, 5, 4)
    equal = covered = 0
    for _ in range(runs):
        networks = [
            np.rint(generator.normal(margin, spread, count)).astype(int).tolist()
            for spread, count in zip(spreads, counts, strict=True)
        ]
        result = equivalence_test(networks, margin)
        equal += result.p <= 0.05
        covered += result.low <= margin <= result.high
    # Three standard errors of a share of 0.05 are 0.015.
    assert 0.035 <= equal / runs <= 0.065
    assert 0.935 <= covered / runs <= 0.965
