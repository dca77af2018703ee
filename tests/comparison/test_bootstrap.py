"""Bootstrap intervals, where their standard errors are known."""

import numpy as np
import pytest
from scipy import stats

from kerascnn.comparison.bootstrap import Interval, bootstrap_intervals

Z = stats.norm.ppf(0.975)


def pair(differences):
    """Two arrays of correct predictions, of which one minus the other is given."""
    differences = np.asarray(differences)
    return differences < 0, differences > 0


def half_width(interval):
    return (interval.high - interval.low) / 2


def test_images_alone_have_the_standard_error_of_a_sum():
    # One pair: of 400 images the other optimizer is correct on 60 more, and on 20 less.
    row = np.repeat([1, -1, 0], [60, 20, 320])
    result = bootstrap_intervals([pair([row])], replicates=4000)
    (network,) = result.networks
    assert network == result.mean
    assert half_width(network) == pytest.approx(Z * np.sqrt(400) * row.std(), rel=0.06)
    assert (network.low + network.high) / 2 == pytest.approx(40, abs=1.5)


def test_seeds_that_agree_on_each_image_add_no_variance():
    row = np.repeat([1, -1, 0], [60, 20, 320])
    result = bootstrap_intervals([pair([row] * 6)], replicates=4000)
    assert half_width(result.mean) == pytest.approx(
        Z * np.sqrt(400) * row.std(), rel=0.06
    )


def test_seeds_alone_have_the_standard_error_of_their_mean():
    # Each pair is all gain, all loss or no change: images add nothing.
    seeds = np.repeat([1, -1, 0], [20, 8, 12])
    result = bootstrap_intervals([pair(np.tile(seeds[:, None], 50))], replicates=4000)
    assert half_width(result.mean) == pytest.approx(
        Z * 50 * seeds.std() / np.sqrt(40), rel=0.06
    )


def test_what_is_particular_to_seed_and_image_counts_nearly_three_times():
    # Owen (2007): (2 - 1/n) * (2 - 1/M) - 1 times its variance; here 2.75 times.
    generator = np.random.default_rng(5)
    differences = generator.integers(-1, 2, (8, 2000))
    result = bootstrap_intervals([pair(differences)], replicates=4000)
    error = differences.std() * np.sqrt(2000 / 8)
    assert half_width(result.mean) == pytest.approx(Z * error * np.sqrt(2.75), rel=0.08)


def test_images_are_shared_by_networks_and_seeds_are_not():
    row = np.repeat([1, -1, 0], [60, 20, 320])
    # What one network gains on an image the other loses: the images cancel.
    opposite = bootstrap_intervals([pair([row]), pair([-row])], replicates=500)
    assert opposite.mean == Interval(0.0, 0.0)
    assert half_width(opposite.networks[0]) > 10
    # Seeds drawn apart do not: two networks have sqrt(1/2) of the error of one.
    seeds = np.tile(np.repeat([1, -1], 20)[:, None], 50)
    apart = bootstrap_intervals([pair(seeds), pair(-seeds)], replicates=4000)
    assert half_width(apart.mean) == pytest.approx(
        Z * 50 / np.sqrt(40) * np.sqrt(0.5), rel=0.06
    )


def test_mean_weighs_networks_alike():
    gain, loss = np.full((1, 30), 1), np.full((5, 30), -1)
    result = bootstrap_intervals([pair(gain), pair(loss)], replicates=50)
    assert result.networks == (Interval(30.0, 30.0), Interval(-30.0, -30.0))
    assert result.mean == Interval(0.0, 0.0)


def test_identical_predictions_have_an_interval_of_no_width():
    correct = np.random.default_rng(0).random((4, 100)) < 0.9
    result = bootstrap_intervals([(correct, correct)], replicates=50)
    assert result.mean == Interval(0.0, 0.0)


def test_networks_without_pairs_have_no_interval():
    row = pair([np.repeat([1, 0], [9, 21])])
    empty = np.empty((0, 30), bool), np.empty((0, 30), bool)
    alone = bootstrap_intervals([row], replicates=150)
    result = bootstrap_intervals([empty, row, empty], replicates=150)
    assert result.networks == (None, alone.mean, None)
    assert result.mean == alone.mean
    nothing = bootstrap_intervals([empty, empty])
    assert (nothing.mean, nothing.networks) == (None, (None, None))


def test_intervals_are_reproducible_by_seed():
    pairs = [pair(np.random.default_rng(0).integers(-1, 2, (3, 200)))]
    first = bootstrap_intervals(pairs, replicates=150, seed=1)
    assert first == bootstrap_intervals(pairs, replicates=150, seed=1)
    assert first != bootstrap_intervals(pairs, replicates=150, seed=2)


def test_small_whole_numbers_do_not_wrap_around():
    zeros, ones = np.zeros((2, 30), np.uint8), np.ones((2, 30), np.uint8)
    result = bootstrap_intervals([(ones, zeros)], replicates=50)
    assert result.mean == Interval(-30.0, -30.0)


def test_arrays_of_different_shape_are_refused():
    with pytest.raises(ValueError, match="one shape"):
        bootstrap_intervals([(np.ones((2, 30)), np.ones((3, 30)))])
    with pytest.raises(ValueError, match="concatenation"):
        bootstrap_intervals([pair(np.ones((2, 30))), pair(np.ones((2, 31)))])
