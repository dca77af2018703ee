"""What a design can decide, worked by hand, and how it is said."""

import pytest

from kerascnn.comparison.config import CompareConfig
from kerascnn.comparison.reach import (
    Reach,
    describe_reach,
    holm,
    pairs_needed,
    reach,
    smallest_p,
)
from kerascnn.comparison.sign_flip import sign_flip_test


def test_smallest_p():
    assert [smallest_p(n) for n in (0, 1, 3, 8)] == [1, 1, 0.25, 2 / 256]
    for pairs in range(1, 8):
        assert sign_flip_test([[1] * pairs]).p == smallest_p(pairs)


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


def test_reach_of_a_design():
    # Three networks: 2/2**8, 2/2**7 and 2/2**5, by Holm times 3, 2 and 1.
    assert reach([7, 8, 5]) == Reach(
        primary=2.0**-19,
        alone=(6 / 128, 6 / 256, 6 / 32),
        together=(4 / 128, 6 / 256, 2 / 32),
        pairs_needed=7,
    )
    # A network with too few pairs alone may be decided with others.
    helped = reach([7, 8, 8, 8, 8])
    assert helped.alone[0] > 0.05 >= helped.together[0]
    assert helped.pairs_needed == 8


def test_reach_is_reached():
    counts = (3, 4, 2)
    networks = [[5] * count for count in counts]
    result = reach(counts)
    assert sign_flip_test(networks).p == result.primary
    p_values = [sign_flip_test([values]).p for values in networks]
    assert holm(p_values) == list(result.together)
    assert holm([p_values[0], 1, 1])[0] == result.alone[0]


def test_reach_without_pairs():
    assert reach([]) == Reach(1.0, (), (), 1)
    assert reach([0, 1]) == Reach(1.0, (1.0, 1.0), (1.0, 1.0), 7)


def described(**settings):
    return list(describe_reach(CompareConfig(**settings).resolve()))


def test_rehearsal_says_so_and_what_it_cannot_decide():
    rehearsal, _, alone = described(preset="quick")
    assert rehearsal.startswith("This is a rehearsal")
    assert "With fewer, lenet, alexnet, vgg16, resnet18, mobilenet can never" in alone
    assert alone.endswith("Set --seeds 8.")


def test_full_comparison_can_decide_everything():
    overall, alone = described()
    assert overall == (
        "Over all: 40 pairs, the smallest p-value is 1.8e-12; it can decide at 0.05."
    )
    assert alone == (
        "One by one, corrected for 5 networks: 8 pairs find a difference whatever the "
        "other networks show."
    )


def test_too_few_seeds_of_one_network_can_never_decide():
    (overall,) = described(models=("lenet",), seeds=5)
    assert overall == (
        "Over all: 5 pairs, the smallest p-value is 0.062; it can never decide at 0.05."
    )
