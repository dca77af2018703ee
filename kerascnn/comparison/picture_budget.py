"""What a network is compared with on pictures, of which there may be few."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from kerascnn.comparison import Budget
from kerascnn.data import DATASETS
from kerascnn.data.sources import Survey
from kerascnn.models import MODELS
from kerascnn.settings.recipes import RECIPES, Recipe, count_training

# At least this part is held out to choose on.
FEWEST_VALIDATION = 0.1


def fit_to_pictures(
    model: str, budget: Budget, survey: Survey, given: Mapping[str, int]
) -> tuple[Recipe, Budget]:
    """Fit the recipe and the budget of a network to pictures.

    They are seen as often as the recipe says, as long as the budget, which counts on
    MNIST, has so many images in all.

    Args:
        model: The network.
        budget: What it may spend on MNIST.
        survey: What was seen of the pictures.
        given: The `epochs` and `tuning_epochs` that are asked for, if any.

    Raises:
        ConfigError: A part of them to hold out that leaves nothing.
    """
    fraction = max(budget.validation_fraction, FEWEST_VALIDATION)
    images = count_training(survey, fraction)
    limit = min(budget.limit or images, images)
    tuning_limit = min(budget.tuning_limit or images, images)
    recipe = RECIPES[model].for_pictures(
        min(limit, tuning_limit), survey.side, stems=MODELS[model].stems
    )

    def fit(epochs: int, planned: int | None, number: int) -> int:
        seen = epochs * (planned or DATASETS["mnist"].num_train)
        return max(epochs, min(recipe.epochs, seen // number))

    epochs = given.get("epochs", fit(budget.epochs, budget.limit, limit))
    tuning_epochs = min(
        epochs, fit(budget.tuning_epochs, budget.tuning_limit, tuning_limit)
    )
    return recipe, replace(
        budget,
        epochs=epochs,
        limit=limit,
        validation_fraction=fraction,
        tuning_epochs=given.get("tuning_epochs", tuning_epochs),
        tuning_limit=tuning_limit,
    )
