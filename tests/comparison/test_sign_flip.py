"""The sign-flip test, against all sign vectors, SciPy, and its size under the null."""

from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from scipy import stats

from kerascnn.comparison.sign_flip import SignFlip, sign_flip_test


def by_enumeration(networks):
    """Mean and p-value from every sign vector, in exact arithmetic."""
    networks = [values for values in networks if values]
    terms = [
        Fraction(value, len(values) * len(networks))
        for values in networks
        for value in values
    ]
    observed = abs(sum(terms))
    extreme = sum(
        abs(sum(sign * term for sign, term in zip(signs, terms, strict=True)))
        >= observed
        for signs in product((-1, 1), repeat=len(terms))
    )
    return float(sum(terms)), extreme / 2 ** len(terms)


@pytest.mark.parametrize(
    ("differences", "p"),
    [
        ([1, 2, 3], 2 / 8),  # all of one sign: itself and its mirror image
        ([-1, -2, -3], 2 / 8),
        ([3, 1, -1], 6 / 8),  # sums 5, 3, 3, 1 and their mirror images; 3 was seen
        ([1, 1, -1], 8 / 8),
        ([30, 10, 20, 10, 30, 20, 10, 20], 2 / 256),
        ([4, 0, 0], 1),  # zeros decide nothing
        ([4, 4, 4, 4, 4, 4, 0, 0], 2 / 64),
        ([0, 0, 0, 0], 1),
        ([3, -3], 1),
        ([5], 1),
    ],
)
def test_one_network_by_hand(differences, p):
    mean = sum(differences) / len(differences)
    assert sign_flip_test([differences]) == SignFlip(mean, p, "exact")


def test_networks_of_unequal_size_weigh_the_same():
    # The terms are 2, 3/3, -1/3 and -1/3; of 2 + 1 + 1/3 + 1/3 and the like, half are
    # as large as 2 + 1 - 1/3 - 1/3. Of the pairs' own sum it would be 10 of 16.
    result = sign_flip_test([[2], [3, -1, -1]])
    assert result == SignFlip(pytest.approx(7 / 6), 8 / 16, "exact")


def test_no_pairs_decide_nothing():
    assert sign_flip_test([]) == SignFlip(None, 1.0, "exact")
    assert sign_flip_test([[], []]) == SignFlip(None, 1.0, "exact")


def test_networks_without_pairs_are_left_out():
    assert sign_flip_test([[], [5, 3, 1], []]) == sign_flip_test([[5, 3, 1]])


@pytest.mark.parametrize("spread", [1, 3, 200])
@pytest.mark.parametrize(
    "counts", [(3, 3, 3), (5, 5), (2, 3), (1, 4, 5), (3, 0, 4, 2), (7,), (1,)]
)
def test_exact_test_agrees_with_enumeration(counts, spread):
    generator = np.random.default_rng([spread, *counts])
    for _ in range(6):
        networks = [
            generator.integers(-spread, spread + 2, count).tolist() for count in counts
        ]
        mean, p = by_enumeration(networks)
        assert sign_flip_test(networks) == SignFlip(pytest.approx(mean), p, "exact")


@pytest.mark.parametrize("pairs", [2, 5, 9, 12])
def test_one_network_agrees_with_scipy(pairs):
    generator = np.random.default_rng(pairs)
    differences = np.rint(generator.normal(4, 10, pairs)).astype(int)
    theirs = stats.permutation_test(
        (differences,),
        np.sum,
        permutation_type="samples",
        n_resamples=np.inf,
        alternative="two-sided",
    )
    result = sign_flip_test([differences])  # NumPy's whole numbers are whole numbers
    assert result.p == pytest.approx(theirs.pvalue, rel=1e-12)


def test_many_pairs_agree_with_the_binomial_test():
    # Differences of one image: the sign test. 2**200 sign vectors.
    networks = [[1] * 60 + [-1] * 40, [1] * 55 + [-1] * 45]
    assert sign_flip_test(networks).p == pytest.approx(
        stats.binomtest(115, 200).pvalue, rel=1e-12
    )
    assert sign_flip_test([[1] * 200]).p == 2.0**-199


def test_fraction_is_refused():
    with pytest.raises(TypeError):
        sign_flip_test([[0.5, 0.25]])


def test_random_draws_come_near_the_exact_value():
    networks = [[9, 4, -2, 7], [1, 3, 8], [-6, 5, 2, 2, 4]]
    exact = sign_flip_test(networks)
    drawn = sign_flip_test(networks, max_cells=10, draws=40_000, seed=3)
    assert (exact.method, exact.draws) == ("exact", None)
    assert (drawn.method, drawn.draws) == ("random", 40_000)
    assert drawn.mean == exact.mean
    # Four standard errors of a share of 40,000.
    assert drawn.p == pytest.approx(exact.p, abs=4 * np.sqrt(exact.p / 40_000))
    assert drawn.p != exact.p
    again = sign_flip_test(networks, max_cells=10, draws=40_000, seed=3)
    other = sign_flip_test(networks, max_cells=10, draws=40_000, seed=4)
    assert drawn == again != other


def test_random_draws_count_sums_as_large_as_the_observed_one():
    # No sum is larger. More draws than are made at once, but not a multiple of them.
    result = sign_flip_test([[1] * 6], max_cells=0, draws=15_000)
    error = np.sqrt(2 / 64 / 15_000)
    assert result.p == pytest.approx(2 / 64, abs=4 * error)


def test_random_p_value_is_never_zero():
    # Only one of 2**59 draws would be as extreme.
    result = sign_flip_test([[*range(1, 61)]], max_cells=0, draws=99)
    assert result == SignFlip(30.5, 1 / 100, "random", 99)


def test_number_of_cells_decides_the_method():
    # Minus terms from 0 up to (18 - 6) / 2 = 6: seven cells.
    assert sign_flip_test([[3, 9, -6]], max_cells=3).method == "exact"  # in threes: 3
    assert sign_flip_test([[3, 10, -5]], max_cells=6).method == "exact"  # 0 to 5
    assert sign_flip_test([[3, 10, -5]], max_cells=5).method == "random"


def test_size_under_the_null_and_power_for_a_planted_difference():
    generator = np.random.default_rng(1)
    runs = 1000
    # Networks differ in spread and in pairs; the members of each pair are alike.
    spreads, counts = (3, 10, 10, 40, 15), (8, 8, 7, 8, 6)
    found = {0.0: 0, 20.0: 0}
    for shift in found:
        for _ in range(runs):
            networks = [
                np.rint(generator.standard_t(3, count) * spread + shift).astype(int)
                for spread, count in zip(spreads, counts, strict=True)
            ]
            found[shift] += sign_flip_test(networks).p <= 0.05
    # Three standard errors of a share of 0.05 are 0.021.
    assert 0.029 <= found[0.0] / runs <= 0.071
    assert found[20.0] / runs > 0.9
