"""Budgets on pictures: as many epochs as few of them need, and no more than planned."""

from dataclasses import replace

import pytest

from kerascnn.comparison import PRESETS, Budget
from kerascnn.comparison.picture_budget import fit_to_pictures
from kerascnn.data.sources import Survey
from kerascnn.settings.recipes import RECIPES

FEW = Survey(num_train=240, has_validation=False, side=64)
QUICK = PRESETS["quick"].budget("lenet")


def test_few_pictures_are_seen_as_often_as_the_recipe_says():
    recipe, budget = fit_to_pictures("lenet", Budget(epochs=2), FEW, {})
    assert recipe == RECIPES["lenet"].for_pictures(216, 64, stems=("paper",))
    assert recipe.batch_size == 16
    assert budget == Budget(
        epochs=recipe.epochs, limit=216, tuning_epochs=recipe.epochs, tuning_limit=216
    )


def test_no_more_images_are_seen_than_planned():
    """Two epochs of 5,000 images are 46 of 216 pictures."""
    _, budget = fit_to_pictures("lenet", QUICK, FEW, {})
    assert (budget.epochs, budget.tuning_epochs) == (46, 46)
    assert budget.validation_fraction == 0.1
    many = replace(FEW, num_train=100_000)
    _, budget = fit_to_pictures("lenet", QUICK, many, {})
    assert (budget.epochs, budget.limit, budget.tuning_limit) == (2, 5_000, 5_000)


def test_epochs_that_are_asked_for_are_kept():
    _, budget = fit_to_pictures("lenet", QUICK, FEW, {"epochs": 3})
    assert (budget.epochs, budget.tuning_epochs) == (3, 3)
    given = {"epochs": 3, "tuning_epochs": 5}
    _, budget = fit_to_pictures("lenet", QUICK, FEW, given)
    assert (budget.epochs, budget.tuning_epochs) == (3, 5)


@pytest.mark.parametrize(("has_validation", "images"), [(True, 240), (False, 216)])
def test_validation_part_is_not_held_out_again(has_validation, images):
    survey = replace(FEW, has_validation=has_validation)
    assert fit_to_pictures("lenet", QUICK, survey, {})[1].limit == images


def test_batch_is_no_larger_than_what_tuning_has():
    recipe, _ = fit_to_pictures("lenet", replace(QUICK, tuning_limit=10), FEW, {})
    assert recipe.batch_size == 10
