"""Settings: what is refused, what a recipe fills in, and the way to JSON and back."""

import dataclasses
import json

import pytest

from kerascnn.config import TrainConfig
from kerascnn.errors import ConfigError, KerasCNNError, UnknownNameError
from kerascnn.models import MODELS
from kerascnn.optimizers import OPTIMIZERS
from kerascnn.recipes import RECIPES
from kerascnn.schedules import SCHEDULES


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"learning_rate": 0}, "learning_rate has to be a number above 0, but got 0"),
        ({"learning_rate": float("nan")}, "learning_rate has to be .* got nan"),
        ({"learning_rate": "0.1"}, "learning_rate has to be a number"),
        ({"momentum": 1.0}, r"momentum has to be a number in \[0, 1\), but got 1.0"),
        ({"epochs": 0}, "epochs has to be a whole number of at least 1, but got 0"),
        ({"epochs": 1.5}, "epochs has to be a whole number"),
        ({"epochs": True}, "epochs has to be a whole number .* but got True"),
        ({"batch_size": -1}, "batch_size has to be"),
        ({"image_size": 0}, "image_size has to be a whole number from 1 to 1024"),
        ({"limit": 0}, "limit has to be"),
        ({"validation_fraction": 1}, "validation_fraction has to be"),
        ({"label_smoothing": 1}, "label_smoothing has to be"),
        ({"early_stop": 0}, "early_stop has to be"),
        ({"ema": 1.0}, r"ema has to be a number in \(0, 1\)"),
        ({"seed": -1}, "seed has to be"),
        ({"seed": None}, "seed has to be"),
        ({"augment": 1}, "augment has to be true or false, but got 1"),
        ({"early_stop": 2, "validation_fraction": 0}, "early_stop watches"),
        ({"epochs": 2, "warmup_epochs": 2}, "warmup_epochs has to be less than the 2"),
        (
            {"optimizer": "adagrad", "momentum": 0.9},
            "momentum does not apply to adagrad.* sgd, muon, rmsprop",
        ),
        ({"optimizer_options": {"momentum": 0.5}}, "--momentum"),
        ({"optimizer_options": {"nesterof": True}}, "Did you mean 'nesterov'"),
        ({"optimizer_options": [1]}, "optimizer_options has to be an object"),
        ({"dataset": 3}, "A dataset is a name, but got 3"),
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
        ({"model": "lenet", "schedule": "onecycle"}, "Did you mean 'one-cycle'"),
        ({"model": "lenet", "device": "tpu"}, "no device 'tpu'.* auto, cpu, gpu"),
        ({"model": "vgg16", "stem": "small"}, "no vgg16 stem 'small'.* paper"),
    ],
)
def test_unknown_name_suggests_the_nearest(settings, message):
    with pytest.raises(UnknownNameError, match=message):
        TrainConfig(**settings)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_resolving_leaves_nothing_open(model, optimizer):
    config = TrainConfig(model=model, optimizer=optimizer).resolve()
    rate = RECIPES[model].learning_rates.get(
        optimizer, OPTIMIZERS[optimizer].learning_rate
    )
    assert config.learning_rate == rate
    assert config.epochs == RECIPES[model].epochs
    assert config.momentum == OPTIMIZERS[optimizer].options.get("momentum")
    assert config.resolve() == config
    open_ones = {k for k, v in config.to_dict().items() if v is None}
    assert open_ones <= {"limit", "early_stop", "ema", "momentum"}


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


def test_json_round_trip():
    config = TrainConfig(
        model="resnet18", optimizer_options={"nesterov": True}, augment=True, limit=500
    ).resolve()
    assert TrainConfig.from_json(config.to_json()) == config


def test_json_has_every_field():
    fields = {field.name for field in dataclasses.fields(TrainConfig)}
    assert set(json.loads(TrainConfig(model="lenet").to_json())) == fields


def test_file_is_read_and_what_is_given_wins(tmp_path):
    path = tmp_path / "config.json"
    path.write_text(TrainConfig(model="lenet", epochs=4, seed=5).to_json())
    config = TrainConfig.from_file(path, epochs=2)
    assert (config.epochs, config.seed) == (2, 5)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"{", "is not JSON"),
        (b"[1]", "one JSON object"),
        (b'{"model": "lenet", "epoch": 3}', "Did you mean 'epochs'"),
        (b'{"epochs": 3}', "names no model"),
        (b'{"model": "lenet", "epochs": "3"}', "epochs has to be"),
        (b"\xff\xfe", "Cannot read the settings"),
        (None, "Cannot read the settings .* No such file"),
    ],
)
def test_bad_file_is_one_error(tmp_path, text, message):
    path = tmp_path / "config.json"
    if text is not None:
        path.write_bytes(text)
    with pytest.raises(KerasCNNError, match=message):
        TrainConfig.from_file(path)
