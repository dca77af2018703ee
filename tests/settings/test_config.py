"""Settings: what is refused, and what a recipe fills in."""

import dataclasses
from dataclasses import replace

import pytest

from kerascnn.errors import ConfigError, UnknownNameError
from kerascnn.models import MODELS
from kerascnn.settings.config import (
    CommonSettings,
    TrainConfig,
    TrainSettings,
    check_steps,
    count_images,
)
from kerascnn.settings.optimizers import OPTIMIZERS
from kerascnn.settings.recipes import RECIPES, Recipe
from kerascnn.settings.schedules import SCHEDULES


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"learning_rate": 0},
            r"has to be a number in \(0, 1e\+06\], but got 0",
        ),
        ({"learning_rate": float("nan")}, "learning_rate has to be .* got nan"),
        ({"learning_rate": "0.1"}, "learning_rate has to be a number"),
        ({"momentum": 1.0}, r"momentum has to be a number in \[0, 1\), but got 1.0"),
        ({"epochs": 0}, "epochs has to be a whole number from 1 to 10,000, but got 0"),
        ({"epochs": 1.5}, "epochs has to be a whole number"),
        ({"epochs": True}, "epochs has to be a whole number .* but got True"),
        ({"batch_size": -1}, "batch_size has to be"),
        ({"image_size": 0}, "image_size has to be a whole number from 1 to 1,024"),
        ({"limit": 0}, "limit has to be"),
        ({"validation_fraction": 1}, "validation_fraction has to be"),
        ({"label_smoothing": 1}, "label_smoothing has to be"),
        ({"early_stop": 0}, "early_stop has to be"),
        ({"ema": 1.0}, r"ema has to be a number in \(0, 1\)"),
        ({"seed": -1}, "seed has to be"),
        ({"seed": None}, "seed has to be"),
        ({"augment": 1}, "augment has to be a name, but got 1"),
        ({"class_weights": True}, "class weights has to be a name, but got True"),
        ({"init_from": 1}, "init_from has to be the path of a .keras file, but got 1"),
        (
            {"init_from": ""},
            "init_from has to be the path of a .keras file, but got ''",
        ),
        ({"early_stop": 2, "validation_fraction": 0}, "early_stop watches"),
        ({"gpus": 0}, "gpus has to be a whole number from 1 to 1,024, but got 0"),
        ({"gpus": 2, "device": "cpu"}, r"gpus is 2, but device is cpu\. Leave one"),
        ({"gpus": 2, "xla": True}, r"xla compiles for one GPU, but gpus is 2\. Leave"),
        ({"epochs": 2, "warmup_epochs": 2}, "warmup_epochs has to be less than the 2"),
        (
            {"optimizer": "adagrad", "momentum": 0.9},
            "momentum does not apply to adagrad.* sgd, muon, rmsprop",
        ),
        ({"optimizer_options": {"momentum": 0.5}}, "--momentum"),
        ({"group_by": "x"}, "names of files, and mnist has none. Leave it out"),
        ({"group_by": "x", "dataset": "tfds:mnist"}, "and tfds:mnist has none"),
        (
            {"group_by": "(", "dataset": "./x"},
            "group_by has to be a regular expression",
        ),
        ({"group_by": 1, "dataset": "./x"}, "group_by has to be a regular expression"),
        ({"test_fraction": 1.0}, r"test_fraction has to be a number in \(0, 1\)"),
        ({"optimizer_options": {"nesterof": True}}, "Did you mean 'nesterov'"),
        ({"optimizer_options": [1]}, "optimizer_options has to be an object"),
        ({"model_options": [1]}, "model_options has to be an object"),
        ({"model_options": {"alpha": 1}}, "lenet has no option 'alpha', none"),
        (
            {"model": "mobilenet", "model_options": {"alpha": 0.01}},
            r"alpha of mobilenet has to be a number in \[0.03125, 8\], but got 0.01",
        ),
        (
            {"model": "vgg16", "model_options": {"dropout": True}},
            r"dropout of vgg16 has to be a number in \[0, 1\), but got True",
        ),
        ({"model": "mobilenet", "model_options": {"stem": "small"}}, "--stem small"),
        ({"dataset": 3}, "dataset has to be a name, but got 3"),
        ({"model": None}, "model has to be a name, but got None"),
        ({"dataset": "arrays"}, "Arrays have no test split"),
        (
            {"dataset": "arrays", "test": False, "store_predictions": True},
            "Arrays have no test split",
        ),
        ({"device": None}, "device has to be a name, but got None"),
        ({"schedule": 1}, "schedule has to be a name, but got 1"),
    ],
)
def test_impossible_setting_is_refused(settings, message):
    with pytest.raises(ConfigError, match=message):
        TrainConfig(**{"model": "lenet"} | settings)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"model": "lenett"}, "There is no model 'lenett'. Did you mean 'lenet'"),
        ({"model": "lenet", "dataset": "mnits"}, "Did you mean 'mnist'"),
        ({"model": "lenet", "optimizer": "adagard"}, "Did you mean 'adagrad'"),
        ({"model": "lenet", "schedule": "one-cicle"}, "Did you mean 'one-cycle'"),
        ({"model": "lenet", "device": "tpu"}, "no device 'tpu'.* auto, cpu, gpu"),
        (
            {"model": "lenet", "augment": "photo"},
            "no augment 'photo'.* auto, none, digits, photographs",
        ),
        (
            {"model": "lenet", "class_weights": "balance"},
            "no class weights 'balance'. Did you mean 'balanced'",
        ),
        ({"model": "vgg16", "stem": "small"}, "no vgg16 stem 'small'.* paper"),
    ],
)
def test_unknown_name_suggests_the_nearest(settings, message):
    with pytest.raises(UnknownNameError, match=message):
        TrainConfig(**settings)


HUGE = 10**400
DEEP = [1]
for _ in range(2000):
    DEEP = [DEEP]


@pytest.mark.parametrize(
    "value",
    [HUGE, -HUGE, 10**5000, float("inf"), float("nan"), DEEP, {1: [1]}, "x" * 10**6],
    ids=["huge", "-huge", "digits", "inf", "nan", "deep", "object", "long"],
)
@pytest.mark.parametrize("name", TrainConfig(model="lenet").to_dict())
def test_value_of_a_wrong_kind_or_size_is_one_short_line(name, value):
    with pytest.raises((ConfigError, UnknownNameError)) as caught:
        TrainConfig(**{"model": "lenet"} | {name: value})
    message = str(caught.value)
    assert name.split("_")[0] in message or "option" in message
    assert message.isprintable()
    assert len(message) < 400


@pytest.mark.parametrize("options", ["optimizer_options", "model_options"])
@pytest.mark.parametrize("value", [HUGE, float("nan"), DEEP, "x" * 10**6, None])
def test_options_values_are_shown_short(options, value):
    name = "weight_decay" if options == "optimizer_options" else "alpha"
    given = {"model": "mobilenet", "optimizer": "adamw", options: {name: value}}
    with pytest.raises(ConfigError, match=f"{name} of .* has to be a number") as caught:
        TrainConfig(**given)
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"model": "LeNet"}, {"model": "lenet"}),
        ({"model": "ResNet-18"}, {"model": "resnet18"}),
        ({"model": "mobilenet", "stem": "Paper"}, {"stem": "paper"}),
        ({"model": "VGG16"}, {"model": "vgg16"}),
        ({"optimizer": "adamW"}, {"optimizer": "adamw"}),
        ({"dataset": "fashion-mnist"}, {"dataset": "fashion_mnist"}),
        ({"schedule": "one_cycle"}, {"schedule": "one-cycle"}),
        ({"device": "CPU"}, {"device": "cpu"}),
    ],
)
def test_names_are_those_of_the_tables_however_they_are_written(given, expected):
    config = TrainConfig(**{"model": "lenet"} | given)
    for settings in (config, config.resolve()):
        assert {name: getattr(settings, name) for name in expected} == expected
    plain = TrainConfig(**{"model": "lenet"} | given | expected)
    assert config == plain
    assert config.resolve() == plain.resolve()
    # Its recipe is its own.
    assert config.resolve().epochs == RECIPES[config.model].epochs


def test_steps_and_batches_are_what_the_images_allow():
    settings = TrainConfig(model="lenet", epochs=10_000, batch_size=54).resolve()
    assert count_images(settings) == 54_000
    check_steps(settings, 54_000)
    with pytest.raises(ConfigError, match=r"10,010,000 steps, but 10,000,000 are"):
        check_steps(settings, 54_054)
    assert count_images(replace(settings, limit=53)) == 53
    for fraction in (1e-9, 1 - 1e-9):
        with pytest.raises(ConfigError, match="leaves one part empty"):
            count_images(replace(settings, validation_fraction=fraction))
    with pytest.raises(ConfigError, match=r"only 53 training images\. Set it to 53"):
        check_steps(settings, 53)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_resolving_leaves_nothing_open(model, optimizer):
    settings = TrainConfig(model=model, optimizer=optimizer).resolve()
    rate = RECIPES[model].learning_rates.get(
        optimizer, OPTIMIZERS[optimizer].learning_rate
    )
    assert settings.learning_rate == rate
    assert settings.epochs == RECIPES[model].epochs
    assert settings.momentum == OPTIMIZERS[optimizer].options.get("momentum")
    assert TrainConfig(**settings.to_dict()).resolve() == settings
    open_ones = {k for k, v in settings.to_dict().items() if v is None}
    assert open_ones <= {
        *("limit", "early_stop", "ema", "momentum", "plan_digest"),
        *("class_weights", "init_from", "group_by", "checkpoint_steps"),
    }


@pytest.mark.parametrize(
    ("given", "meant"),
    [(True, "digits"), (False, "none"), ("Photographs", "photographs")],
)
def test_augment_was_a_flag_once(given, meant):
    config = TrainConfig(model="lenet", augment=given)
    assert config.augment == config.resolve().augment == meant
    assert config == TrainConfig(model="lenet", augment=meant)


def test_settings_have_every_value():
    values = TrainConfig(model="lenet").resolve().to_dict()
    with pytest.raises(ConfigError, match=r"epochs has to be a whole number .* None"):
        TrainSettings(**values | {"epochs": None})
    with pytest.raises(ConfigError, match="schedule has to be a name, but got None"):
        TrainSettings(**values | {"schedule": None})


def test_what_is_given_wins_over_the_recipe():
    config = TrainConfig(model="lenet", epochs=3, learning_rate=0.2, momentum=0.5)
    resolved = config.resolve()
    assert (resolved.epochs, resolved.learning_rate, resolved.momentum) == (3, 0.2, 0.5)


def test_recipes_name_every_model_and_only_what_exists():
    assert list(RECIPES) == list(MODELS)
    for model, recipe in RECIPES.items():
        assert recipe.stem in MODELS[model].stems
        assert recipe.schedule in SCHEDULES
        assert {"sgd", "adagrad"} <= set(recipe.learning_rates) <= set(OPTIMIZERS)


def test_network_without_a_recipe_is_trained_with_its_rows_own(monkeypatch):
    monkeypatch.delitem(RECIPES, "mobilenet")
    settings = TrainConfig(model="mobilenet", optimizer="adagrad").resolve()
    assert (settings.image_size, settings.stem) == (32, "paper")
    assert settings.learning_rate == OPTIMIZERS["adagrad"].learning_rate
    with pytest.raises(UnknownNameError, match="Did you mean 'lenet'"):
        RECIPES["lenett"]


def test_given_is_what_differs_from_the_defaults():
    config = TrainConfig(
        model="resnet18",
        optimizer_options={"nesterov": True},
        model_options={},
        limit=500,
        epochs=3,
        seed=0,
    )
    assert config.given() == {
        "model": "resnet18",
        "optimizer_options": {"nesterov": True},
        "limit": 500,
        "epochs": 3,
    }
    assert TrainConfig(**config.given()) == config
    assert TrainConfig(model="lenet").given() == {"model": "lenet"}
    narrow = TrainConfig(model="mobilenet", model_options={"alpha": 0.25})
    assert narrow.given()["model_options"] == {"alpha": 0.25}


def test_arrays_have_no_test_split():
    config = TrainConfig(model="lenet", epochs=1).for_arrays()
    assert (config.dataset, config.test, config.epochs) == ("arrays", False, 1)
    assert config.given()["dataset"] == "arrays"
    assert config.for_arrays() == config
    with pytest.raises(ConfigError, match="dataset is 'kmnist', but arrays are given"):
        TrainConfig(model="lenet", dataset="kmnist").for_arrays()
    with pytest.raises(ConfigError, match="no test split"):
        TrainConfig(model="lenet", store_predictions=True).for_arrays()


def test_recipe_settings_are_the_only_ones_that_are_filled_in():
    """What is asked for and what it came to have the same settings."""
    asked, settings, common = (
        {field.name for field in dataclasses.fields(kind)}
        for kind in (TrainConfig, TrainSettings, CommonSettings)
    )
    assert asked == settings
    recipe = {field.name for field in dataclasses.fields(Recipe)}
    recipe -= {"learning_rates", "max_image_size", "steps"}
    assert settings - common == recipe | {"learning_rate"}
