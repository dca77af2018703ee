import hashlib
from dataclasses import replace

import numpy as np
import pytest

from kerascnn.data import Split, load_dataset
from kerascnn.data.splits import (
    SPLIT_SEED,
    epoch_order,
    hold_out,
    take,
    training_parts,
)
from kerascnn.errors import ConfigError


def numbered(labels):
    """A split whose images are their own places in it, four bytes of an int32 each."""
    labels = np.asarray(labels, np.int64)
    places = np.arange(len(labels), dtype="<i4")
    return Split(
        images=places.view(np.uint8).reshape(-1, 1, 1, 4),
        labels=labels,
        class_names=tuple("abcdefghij"),
    )


def places(split):
    return np.ascontiguousarray(split.images).view("<i4").ravel()


def digest(values):
    return hashlib.sha256(values.astype("<i4").tobytes()).hexdigest()[:16]


@pytest.fixture(scope="module")
def mnist():
    """The training labels of MNIST on numbered images."""
    return numbered(load_dataset("mnist")[0].labels)


def test_hold_out_puts_every_image_in_one_part(mnist):
    parts = hold_out(mnist, 0.1, seed=0)
    train, validation = map(places, parts)
    assert (len(train), len(validation)) == (54_000, 6_000)
    assert np.array_equal(np.sort(np.concatenate((train, validation))), places(mnist))
    for part in parts:
        assert (np.diff(places(part)) > 0).all()
        assert np.array_equal(part.labels, mnist.labels[places(part)])
        assert part.class_names == mnist.class_names


def test_hold_out_keeps_the_proportions(mnist):
    _, validation = hold_out(mnist, 0.1, seed=0)
    exact = np.bincount(mnist.labels) / 10
    assert (abs(np.bincount(validation.labels) - exact) < 1).all()


def test_hold_out_of_nothing_is_empty(mnist):
    train, validation = hold_out(mnist, 0, seed=0)
    assert train is mnist
    assert len(validation) == 0
    assert validation.image_shape == mnist.image_shape


def test_hold_out_depends_on_the_seed_alone(mnist):
    first, again, other = (hold_out(mnist, 0.1, seed=s)[1] for s in (0, 0, 1))
    assert np.array_equal(places(first), places(again))
    assert len(np.intersect1d(places(first), places(other))) < 1_000


@pytest.mark.parametrize("fraction", [-0.1, 1, 1.5, float("nan")])
def test_hold_out_refuses_a_bad_fraction(mnist, fraction):
    with pytest.raises(ConfigError, match=rf"in \[0, 1\), but got {fraction}"):
        hold_out(mnist, fraction, seed=0)


@pytest.mark.parametrize("fraction", [0.01, 0.99])
def test_hold_out_refuses_an_empty_part(fraction):
    with pytest.raises(ConfigError, match=r"of 10 images leaves one part empty"):
        hold_out(numbered(range(10)), fraction, seed=0)


def test_take_rounds_the_largest_remainders_up():
    # Shares of 5 in 10: 3.5, 1 and 0.5; of two equal remainders the first is served.
    drawn = take(numbered([0] * 7 + [1] * 2 + [2]), 5, seed=0)
    assert np.bincount(drawn.labels, minlength=3).tolist() == [4, 1, 0]


def test_take_keeps_proportions_to_within_one_image():
    rng = np.random.default_rng(5)
    for _ in range(50):
        # From even classes to one that has nearly all.
        weights = rng.dirichlet(np.full(10, rng.choice([0.1, 1, 100])))
        split = numbered(rng.choice(10, rng.integers(20, 500), p=weights))
        limit = int(rng.integers(1, len(split)))
        drawn = take(split, limit, seed=0)
        counts = np.bincount(drawn.labels, minlength=10)
        exact = np.bincount(split.labels, minlength=10) * limit / len(split)
        assert len(drawn) == limit
        assert (abs(counts - exact) < 1).all()
        assert (np.diff(places(drawn)) > 0).all()
        assert np.array_equal(drawn.labels, split.labels[places(drawn)])


def test_take_draws_from_all_over(mnist):
    drawn = places(take(mnist, 6_000, seed=0))
    tenths = np.bincount(drawn // 6_000)
    assert abs(tenths - 600).max() < 100


@pytest.mark.parametrize("limit", [60_000, 60_001])
def test_take_of_all_is_all(mnist, limit):
    assert take(mnist, limit, seed=0) is mnist


@pytest.mark.parametrize("limit", [0, -1])
def test_take_refuses_a_bad_limit(mnist, limit):
    with pytest.raises(ConfigError, match=f"whole number from 1 .* but got {limit}"):
        take(mnist, limit, seed=0)


def test_take_and_hold_out_draw_apart(mnist):
    validation = places(hold_out(mnist, 0.1, seed=0)[1])
    drawn = places(take(mnist, 6_000, seed=0))
    assert len(np.intersect1d(validation, drawn)) < 1_000


def test_epoch_order_is_a_permutation():
    order = epoch_order(1_000, seed=3, epoch=2)
    assert order.dtype == np.int32
    assert np.array_equal(np.sort(order), np.arange(1_000))


def test_epoch_order_differs_between_epochs_and_seeds():
    orders = [epoch_order(1_000, seed=s, epoch=e) for s in range(3) for e in range(3)]
    assert len({order.tobytes() for order in orders}) == 9


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"seed": -1, "epoch": 0}, "A seed has to be at least 0, but got -1"),
        ({"seed": 0, "epoch": -1}, "Epochs count from 0, but got -1"),
    ],
)
def test_epoch_order_refuses_negative_numbers(settings, message):
    with pytest.raises(ConfigError, match=message):
        epoch_order(10, **settings)


def test_results_never_change(mnist):
    train, validation = hold_out(mnist, 0.1, seed=0)
    found = {
        "train": digest(places(train)),
        "validation": digest(places(validation)),
        "take": digest(places(take(mnist, 20_000, seed=0))),
        "order": digest(epoch_order(60_000, seed=0, epoch=0)),
        "later order": digest(epoch_order(54_000, seed=7, epoch=12)),
    }
    assert found == {
        "train": "9621ecbdedd823e9",
        "validation": "acbad865f7448a75",
        "take": "9ee4d49fe104fa7b",
        "order": "f4ab06fa6b24237f",
        "later order": "e8ad71fc8710b08f",
    }


def test_class_keeps_an_image_however_much_is_held_out():
    split = numbered([0] * 30 + [1, 2, 2, 3, 3, 3])
    for fraction in (0.05, 0.2, 0.5, 0.9, 0.95):
        train, held_out = hold_out(split, fraction, seed=3)
        assert (np.bincount(train.labels, minlength=4) >= 1).all(), fraction
        assert len(train) + len(held_out) == 36
        assert len(held_out) > 0


def test_nothing_can_be_held_out_of_single_images():
    with pytest.raises(ConfigError, match="Every class has a single image"):
        hold_out(numbered(np.arange(10)), 0.2, seed=0)
    train, held_out = hold_out(numbered(np.arange(10)), 0, seed=0)
    assert (len(train), len(held_out)) == (10, 0)


def grouped(labels, groups):
    return replace(numbered(labels), groups=np.asarray(groups, np.int64))


@pytest.mark.parametrize("seed", range(40))
def test_no_group_is_divided(seed):
    """Random labels and groups; test, then validation, as a training holds them out."""
    rng = np.random.default_rng(seed)
    number = int(rng.integers(20, 400))
    groups = rng.integers(0, rng.integers(8, number), number)
    of_group = rng.integers(0, 10, number)  # most groups are of one class
    labels = np.where(rng.random(number) < 0.8, of_group[groups], rng.integers(0, 10))
    split = grouped(labels, groups)
    fractions = rng.uniform(0.1, 0.4, 2)
    try:
        rest, test = hold_out(split, fractions[0], seed=0)
        train, validation = hold_out(rest, fractions[1], seed=0)
    except ConfigError as error:
        assert "No group of pictures is small enough" in str(error)  # noqa: PT017
        return
    parts = (train, validation, test)
    together = np.concatenate([places(part) for part in parts])
    assert sorted(together) == list(range(number))
    sets = [set(part.groups.tolist()) for part in parts]
    assert len(set.union(*sets)) == sum(map(len, sets))
    for part in parts:
        np.testing.assert_array_equal(part.labels, labels[places(part)])
        np.testing.assert_array_equal(part.groups, groups[places(part)])
    # A class is never without a picture to train on.
    assert set(train.labels) == set(labels)
    largest = np.bincount(groups).max()
    sizes, held_out = (np.bincount(part.labels, minlength=10) for part in (split, test))
    assert (held_out <= sizes * fractions[0] + largest).all()


def test_groups_of_one_image_give_the_proportions():
    labels = np.repeat([0, 1, 2], [50, 30, 20])
    for seed in range(3):
        _, held_out = hold_out(grouped(labels, np.arange(100)), 0.2, seed=seed)
        assert np.bincount(held_out.labels).tolist() == [10, 6, 4]


def test_groups_depend_on_the_seed_alone():
    split = grouped(np.arange(90) % 3, np.arange(90) // 3)
    first, again, other = (
        places(hold_out(split, 0.3, seed=seed)[1]) for seed in (5, 5, 6)
    )
    assert first.tolist() == again.tolist() != other.tolist()


def test_groups_that_cannot_be_divided_are_one_line():
    with pytest.raises(ConfigError, match="All pictures are of one group"):
        hold_out(grouped([0, 1] * 5, [7] * 10), 0.2, seed=0)
    with pytest.raises(ConfigError, match="small enough to hold 1 pictures out"):
        hold_out(grouped([0, 0, 0, 1, 1, 1], [0, 0, 0, 1, 1, 1]), 0.2, seed=0)
    train, held_out = hold_out(grouped([0, 1] * 5, [7] * 10), 0, seed=0)
    assert (len(train), len(held_out)) == (10, 0)


def test_parts_of_a_training():
    whole, given = numbered([0, 1] * 20), numbered([0, 1])
    train, validation = training_parts(whole, None, 0.1, None)
    assert (len(train), len(validation)) == (36, 4)
    assert (
        places(validation).tolist()
        == places(hold_out(whole, 0.1, seed=SPLIT_SEED)[1]).tolist()
    )
    train, validation = training_parts(whole, given, 0.1, 10)
    assert np.bincount(train.labels).tolist() == [5, 5]
    assert validation is given
    assert (
        len(training_parts(whole, given.select(np.array([], int)), 0.1, None)[1]) == 4
    )
