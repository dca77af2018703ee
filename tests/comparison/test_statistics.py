"""Statistics, against values worked by hand and against SciPy's own."""

import numpy as np
import pytest
from scipy import stats

from kerascnn.comparison.statistics import (
    holm,
    pairs_needed,
    sign_flip_test,
    smallest_p,
    summarise,
)


def test_mean_and_interval():
    # Half of the interval: 4.302653 (t of 2 degrees) * 1 / sqrt(3).
    assert summarise([1, 2, 3]) == {
        "count": 3,
        "mean": 2.0,
        "standard_deviation": 1.0,
        "low": pytest.approx(2 - 2.484138, abs=1e-6),
        "high": pytest.approx(2 + 2.484138, abs=1e-6),
    }


def test_interval_of_two_values():
    # 12.706205 (t of 1 degree) * (0.02 / sqrt(2)) / sqrt(2).
    summary = summarise([0.97, 0.99])
    assert summary["low"] == pytest.approx(0.98 - 0.12706205, abs=1e-8)
    assert summary["high"] == pytest.approx(0.98 + 0.12706205, abs=1e-8)


def test_equal_values_have_an_interval_of_no_width():
    summary = summarise([0.5] * 4)
    assert (summary["low"], summary["mean"], summary["high"]) == (0.5, 0.5, 0.5)
    assert summary["standard_deviation"] == 0


def test_too_few_values_have_no_interval():
    nothing = {"standard_deviation": None, "low": None, "high": None}
    assert summarise([0.9]) == {"count": 1, "mean": 0.9, **nothing}
    assert summarise([]) == {"count": 0, "mean": None, **nothing}


@pytest.mark.parametrize(
    ("differences", "p"),
    [
        ([1, 2, 3], 2 / 8),  # all of one sign: itself and its mirror image
        ([-1, -2, -3], 2 / 8),
        ([3, 1, -1], 6 / 8),  # sums 5, 3, 3, 1 and their mirror images; 3 was seen
        ([1, 1, -1], 8 / 8),
        ([0.1] * 8, 2 / 256),
        ([0.3, 0.1, 0.2, 0.1, 0.3, 0.2, 0.1, 0.2], 2 / 256),
        ([0, 0, 0, 0], 1),
        ([5], 1),
        ([], 1),
    ],
)
def test_sign_flip_test_by_hand(differences, p):
    assert sign_flip_test(differences) == p


def test_sums_that_are_equal_but_for_rounding_are_equal():
    # 0.1 + 0.2 - 0.3 is 5.6e-17, and 0.3 - 0.1 - 0.2 is -2.8e-17.
    assert sign_flip_test([0.1, 0.2, -0.3]) == 1


def test_sign_flip_test_agrees_with_scipy():
    generator = np.random.default_rng(0)
    for pairs in range(2, 11):
        differences = generator.normal(0.5, 1, pairs)
        theirs = stats.permutation_test(
            (differences,),
            np.mean,
            permutation_type="samples",
            n_resamples=np.inf,
            alternative="two-sided",
        )
        assert sign_flip_test([*differences]) == pytest.approx(theirs.pvalue)


def test_smallest_p():
    assert [smallest_p(n) for n in (0, 1, 3, 8)] == [1, 1, 0.25, 2 / 256]
    for pairs in range(1, 8):
        assert sign_flip_test([1.0] * pairs) == smallest_p(pairs)


def test_pairs_needed():
    assert pairs_needed(1, 0.05) == 6  # 2/64 = 0.031
    assert pairs_needed(5, 0.05) == 8  # 2/256 * 5 = 0.039
    assert pairs_needed(2, 0.05) == 7  # 2/128 * 2 = 0.031


def test_holm_by_hand():
    # 3 * 0.01, 2 * 0.03, and 1 * 0.04, which may not be below 0.06.
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.5, 0.9]) == [1.0, 1.0]
    assert holm([0.02]) == [0.02]
    assert holm([]) == []
