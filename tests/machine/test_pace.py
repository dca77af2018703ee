"""The time of a step is that of the recent ones, without compiling."""

import pytest

from kerascnn.machine.pace import RECENT_CALLS, Pace


def test_first_call_which_compiles_is_not_counted():
    pace = Pace()
    pace.add(1, 30.0)
    assert pace.seconds_per_step is None
    pace.add(2, 0.2)
    pace.add(4, 0.1)
    assert pace.seconds_per_step == pytest.approx(0.3 / 6)


def test_old_calls_are_forgotten():
    pace = Pace()
    for _ in range(RECENT_CALLS):
        pace.add(1, 5.0)
    for _ in range(RECENT_CALLS):
        pace.add(10, 1.0)
    assert pace.seconds_per_step == pytest.approx(0.1)
