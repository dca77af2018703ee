"""Learning rate schedules: their values at chosen steps, worked out by hand."""

import math

import numpy as np
import pytest

from kerascnn.errors import UnknownNameError
from kerascnn.settings.schedules import SCHEDULES, learning_rates


def test_constant_stays():
    np.testing.assert_allclose(learning_rates("constant", 0.1, num_steps=5), [0.1] * 5)


def test_cosine_is_half_at_half_time():
    rates = learning_rates("cosine", 0.2, num_steps=100)
    assert rates[0] == pytest.approx(0.2)
    assert rates[50] == pytest.approx(0.1)
    assert rates[25] == pytest.approx(0.1 * (1 + math.sqrt(0.5)))
    assert rates[-1] < 1e-4


def test_one_cycle_rises_for_three_tenths_then_falls():
    rates = learning_rates("one-cycle", 1.0, num_steps=1000)
    assert rates[0] == pytest.approx(1 / 25)
    assert rates[150] == pytest.approx((1 / 25 + 1) / 2)
    assert rates.argmax() == 300
    assert rates[300] == pytest.approx(1.0)
    assert rates[650] == pytest.approx(0.5, abs=1e-3)
    assert 1e-4 <= rates[-1] < 2e-4


def test_step_divides_by_ten_twice():
    rates = learning_rates("step", 1.0, num_steps=8)
    np.testing.assert_allclose(rates, [1, 1, 1, 1, 0.1, 0.1, 0.01, 0.01], rtol=1e-6)


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_warmup_rises_to_where_the_schedule_starts(schedule):
    rates = learning_rates(schedule, 0.3, num_steps=20, warmup_steps=4)
    start = learning_rates(schedule, 0.3, num_steps=16)[0]
    np.testing.assert_allclose(rates[:4], start * np.array([1, 2, 3, 4]) / 5, rtol=1e-6)
    assert rates[4] == pytest.approx(start)


def test_unknown_schedule_suggests_the_nearest():
    with pytest.raises(UnknownNameError, match="Did you mean 'cosine'"):
        learning_rates("cosin", 0.1, num_steps=5)
