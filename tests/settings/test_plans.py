"""Another number of epochs: what the rates of its steps are, and what is refused."""

import numpy as np
import pytest

from kerascnn.errors import ConfigError
from kerascnn.settings.config import TrainConfig
from kerascnn.settings.plans import FormerPlan, began_anew, planned_rates, read_plans
from kerascnn.settings.schedules import learning_rates


def settings(epochs, **given):
    given = {"schedule": "cosine", "learning_rate": 0.1} | given
    return TrainConfig(model="lenet", epochs=epochs, **given).resolve()


def cosine(epochs, **given):
    return learning_rates("cosine", 0.1, num_steps=10 * epochs, **given)


def plan(epochs, after_epoch, anew):
    return FormerPlan(epochs=epochs, after_epoch=after_epoch, anew=anew)


def test_one_plan_has_the_rates_of_its_schedule():
    rates = planned_rates(settings(3, warmup_epochs=0.5), (), 10)
    np.testing.assert_array_equal(rates, cosine(3, warmup_steps=5))


def test_schedule_is_laid_out_anew_over_added_epochs():
    rates = planned_rates(settings(5, warmup_epochs=0.5), (plan(3, 3, True),), 10)
    expected = np.concatenate((cosine(3, warmup_steps=5), cosine(2)))
    np.testing.assert_array_equal(rates, expected)


def test_run_that_was_stopped_goes_on_as_if_planned_so():
    rates = planned_rates(settings(8), (plan(3, 1, False),), 10)
    np.testing.assert_array_equal(rates[:10], cosine(3)[:10])
    np.testing.assert_array_equal(rates[10:], cosine(8)[10:])
    fewer = planned_rates(settings(4), (plan(8, 2, False),), 10)
    np.testing.assert_array_equal(fewer, [*cosine(8)[:20], *cosine(4)[20:]])


def test_plans_follow_each_other():
    former = (plan(10, 6, True), plan(8, 7, False), plan(12, 12, True))
    rates = planned_rates(settings(13), former, 10)
    expected = [cosine(10)[:60], cosine(2)[:10], cosine(6)[10:], cosine(1)]
    np.testing.assert_array_equal(rates, np.concatenate(expected))
    assert began_anew(former) == 12
    assert began_anew(former[:2]) == 6
    assert began_anew(()) == 0


GOOD = {"epochs": 3, "after_epoch": 3, "anew": True}


def test_plans_are_read_as_they_were():
    assert read_plans([GOOD, GOOD | {"epochs": 5, "anew": False}], 4) == (
        plan(3, 3, True),
        plan(5, 3, False),
    )


@pytest.mark.parametrize(
    "value",
    [
        *(None, {}, "x", [1], [[]], [GOOD] * 101),
        *([GOOD | {name: "3"}] for name in GOOD),
        *([GOOD | {name: None}] for name in GOOD),
        *([{k: v for k, v in GOOD.items() if k != name}] for name in GOOD),
        [GOOD | {"after_epoch": 4}],  # more than there were to be
        [GOOD | {"after_epoch": 0}],
        [GOOD | {"epochs": 9, "after_epoch": 6}],  # more than there are to be
        [GOOD, GOOD | {"after_epoch": 2}],
        [GOOD | {"epochs": 10**400}],
    ],
    ids=lambda value: str(value)[:60],
)
def test_plans_that_cannot_be_are_refused(value):
    with pytest.raises(ConfigError) as caught:
        read_plans(value, 5)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400
