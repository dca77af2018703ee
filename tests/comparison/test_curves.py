"""The course of a run: what its steps become."""

import math

import numpy as np
import pytest

from kerascnn.comparison.curves import (
    MAX_POINTS,
    follow,
    moving_mean,
    steps_per_epoch,
)

HISTORY = [{"epoch": 1}, {"epoch": 2}]


def steps_of(count, per_epoch):
    return [
        {
            "step": step,
            "epoch": (step - 1) // per_epoch + 1,
            "loss": 2 / step,
            "accuracy": 1 - 1 / step,
        }
        for step in range(1, count + 1)
    ]


def test_moving_mean_has_as_many_on_either_side_but_at_the_end():
    values = np.array([6.0, 3.0, 0.0, 3.0, 6.0, 9.0])
    # 6; (6+3+0)/3; five of them; ...; the last with two on its left.
    assert list(moving_mean(values, 2)) == pytest.approx([6, 3, 18 / 5, 21 / 5, 4.5, 6])
    assert list(moving_mean(values, 0)) == list(values)
    assert list(moving_mean(np.array([]), 3)) == []


def test_few_steps_are_kept_with_their_place_in_epochs():
    course = follow(1, "finished", HISTORY, steps_of(8, 4), 4)
    assert list(course.raw["epoch"]) == [n / 4 for n in range(1, 9)]
    assert list(course.raw["loss"]) == [2 / n for n in range(1, 9)]
    # A twentieth of four steps is none.
    assert list(course.smooth["loss"]) == pytest.approx(list(course.raw["loss"]))
    assert list(course.smooth["epoch"]) == list(course.raw["epoch"])
    assert course.is_finished


def test_many_steps_are_smoothed_and_thinned_from_the_first_to_the_last():
    per_epoch = 4 * MAX_POINTS
    course = follow(
        1, "finished", HISTORY, steps_of(2 * per_epoch, per_epoch), per_epoch
    )
    smooth, raw = course.smooth, course.raw
    assert len(raw["epoch"]) == 2 * per_epoch
    assert len(smooth["epoch"]) == MAX_POINTS
    assert (smooth["epoch"][0], smooth["epoch"][-1]) == (1 / per_epoch, 2)
    assert smooth["loss"][0] == raw["loss"][0]
    # The last has half of a twentieth of an epoch on its left.
    assert smooth["loss"][-1] == pytest.approx(
        raw["loss"][-per_epoch // 40 - 1 :].mean()
    )


def test_steps_end_where_the_loss_is_no_longer_a_number():
    steps = steps_of(6, 4)
    steps[4]["loss"] = math.nan
    course = follow(1, "diverged", HISTORY[:1], steps, 4)
    assert list(course.raw["epoch"]) == [0.25, 0.5, 0.75, 1]
    assert list(course.smooth["epoch"]) == [0.25, 0.5, 0.75, 1]


def test_run_without_steps_has_none():
    course = follow(1, "finished", HISTORY, [], 0)
    assert {len(values) for values in course.smooth.values()} == {0}


def test_epoch_is_as_long_as_that_of_the_run_that_came_furthest():
    assert steps_per_epoch([steps_of(2, 4), steps_of(8, 4), []]) == 4
    assert steps_per_epoch([]) == 0
