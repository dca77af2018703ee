"""Ranges of numbers: what is in them, and what is said of what is not."""

import pytest

from kerascnn.errors import ConfigError
from kerascnn.machine.ranges import Range, whole


@pytest.mark.parametrize(
    ("allowed", "inside", "outside"),
    [
        (Range(0, 1, open_high=True), [0, 0.5, 1 - 1e-16], [-1e-9, 1, 1.0, "0", None]),
        (Range(0, 1, open_low=True), [5e-324, 1], [0, 0.0, -0.0, 1.1]),
        (Range(-1, 1), [-1, 1, 0], [float("nan"), float("inf"), 10**400, True, [0]]),
        (whole(1, 9), [1, 9], [0, 10, 1.0, True, False, "1", -(10**400)]),
    ],
)
def test_range_has_finite_numbers_alone(allowed, inside, outside):
    assert all(value in allowed for value in inside)
    assert not any(value in allowed for value in outside)


@pytest.mark.parametrize(
    ("allowed", "words"),
    [
        (Range(0, 1, open_high=True), "a number in [0, 1)"),
        (Range(0, 2.5, open_low=True), "a number in (0, 2.5]"),
        (whole(1, 10_000), "a whole number from 1 to 10,000"),
    ],
)
def test_message_has_the_range(allowed, words):
    with pytest.raises(ConfigError) as caught:
        allowed.check("limit", 10**9)
    assert str(caught.value) == f"limit has to be {words}, but got 1000000000."
    allowed.check("limit", 1 if allowed.whole else 0.5)
