"""What the recipes become for pictures of other sizes and numbers."""

import pytest

from kerascnn.data.sources import Survey
from kerascnn.models import MODELS
from kerascnn.settings.config import TrainConfig
from kerascnn.settings.recipes import RECIPES


def adapted(model, number, side, **given):
    return RECIPES[model].for_pictures(number, side, stems=MODELS[model].stems, **given)


@pytest.mark.parametrize(
    ("model", "side", "image_size", "stem"),
    [
        ("lenet", 500, 28, "paper"),
        ("resnet18", 20, 32, "paper"),
        ("resnet18", 33, 64, "paper"),
        ("resnet18", 500, 96, "paper"),
        ("mobilenet", 32, 32, "small"),
        ("mobilenet", 60, 64, "paper"),
        ("alexnet", 20, 64, "paper"),
        ("alexnet", 65, 96, "paper"),
        ("vgg16", 1, 32, "paper"),
    ],
)
def test_size_and_stem_are_by_the_pictures(model, side, image_size, stem):
    recipe = adapted(model, 5000, side)
    assert recipe.image_size == image_size
    assert recipe.stem == (stem if stem in MODELS[model].stems else "paper")


@pytest.mark.parametrize(
    ("number", "batch_size", "epochs"),
    # 600 steps of ResNet-18, whose recipe has three epochs in batches of 64.
    [
        (60_000, 64, 3),
        (12_800, 64, 3),
        (6_400, 64, 6),
        (640, 64, 60),
        (639, 32, 32),
        (320, 32, 60),
        (319, 16, 32),
        (20, 16, 600),
        (5, 5, 600),
        (1, 1, 600),
    ],
)
def test_few_pictures_have_small_batches_and_many_epochs(number, batch_size, epochs):
    recipe = adapted("resnet18", number, 32)
    assert (recipe.batch_size, recipe.epochs) == (batch_size, epochs)
    scale = batch_size / 64
    rates = RECIPES["resnet18"].learning_rates
    assert recipe.learning_rates == {k: v * scale for k, v in rates.items()}


def test_what_is_asked_for_decides_the_rest():
    """The stem suits the size that is asked for, and the epochs the batch."""
    large = adapted("mobilenet", 5000, 30, image_size=224)
    assert (large.image_size, large.stem) == (224, "paper")
    assert adapted("mobilenet", 5000, 300, image_size=32).stem == "small"
    rates = RECIPES["lenet"].learning_rates
    whole = adapted("lenet", 640, 28, batch_size=64)
    assert (whole.batch_size, whole.epochs) == (64, 150)
    assert whole.learning_rates == rates
    half = adapted("lenet", 640, 28, batch_size=32)
    assert (half.epochs, half.learning_rates["sgd"]) == (75, rates["sgd"] / 2)
    assert adapted("lenet", 640, 28, batch_size=640).learning_rates == rates
    seen = Survey(num_train=640, has_validation=True, side=28)
    settings = TrainConfig(model="lenet", dataset="/x", batch_size=64).resolve(seen)
    assert (settings.batch_size, settings.epochs) == (64, 150)
    assert settings.learning_rate == rates["sgd"]


@pytest.mark.parametrize("model", MODELS)
def test_every_network_has_settings_for_any_pictures(model):
    for number in (1, 7, 100, 10**6):
        for side in (1, 28, 48, 49, 10_000):
            seen = Survey(num_train=number, has_validation=True, side=side)
            settings = TrainConfig(model=model, dataset="/x").resolve(seen)
            assert settings.batch_size <= number
            assert settings.image_size % 32 == 0 or model == "lenet"
            assert settings.stem in MODELS[model].stems


def test_validation_and_limit_are_taken_off():
    seen = Survey(num_train=1000, has_validation=False, side=28)
    config = TrainConfig(model="lenet", dataset="/x", validation_fraction=0.5)
    assert config.resolve(seen).batch_size == 32  # of 500
    config = TrainConfig(model="lenet", dataset="/x", limit=40)
    assert config.resolve(seen).batch_size == 16
