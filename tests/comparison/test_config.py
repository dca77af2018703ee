"""The settings of a comparison: checked, filled in, and read back."""

import dataclasses
import json
import re

import pytest

from kerascnn.commands.compare import compare
from kerascnn.comparison import PRESETS
from kerascnn.comparison.config import CompareConfig, Protocol
from kerascnn.comparison.reach import pairs_needed
from kerascnn.errors import ConfigError, UnknownNameError
from kerascnn.models import MODELS
from kerascnn.settings.recipes import RECIPES


@pytest.mark.parametrize("preset", PRESETS)
def test_preset_has_a_budget_that_is_allowed_for_every_network(preset):
    for model in MODELS:
        budget = PRESETS[preset].budget(model)
        CompareConfig(
            models=(model,),
            **{
                name: value
                for name, value in vars(budget).items()
                if name != "validation_fraction"
            },
        )


def test_full_preset_can_decide_on_every_network():
    needed = pairs_needed(len(MODELS), 0.05)
    for model in MODELS:
        assert PRESETS["full"].budget(model).seeds >= needed
    assert PRESETS["quick"].is_rehearsal
    assert not PRESETS["full"].is_rehearsal


def test_settings_are_filled_in_from_preset_recipe_and_table():
    protocol = CompareConfig(
        models=("lenet", "vgg16"), optimizers=("sgd", "adam"), seeds=4
    ).resolve()
    lenet = protocol.networks["lenet"]
    full = PRESETS["full"].budget("lenet")
    assert lenet.budget == dataclasses.replace(full, seeds=4)
    assert lenet.centres == {"sgd": 0.05, "adam": 0.001}
    assert lenet.settings == {
        "image_size": 28,
        "stem": "paper",
        "batch_size": 64,
        "schedule": "constant",
        "warmup_epochs": 0.0,
    }
    assert protocol.networks["vgg16"].centres == {"sgd": 0.003, "adam": 0.001}
    assert protocol.optimizers["sgd"] == {"momentum": 0.9, "nesterov": False}


def test_recipes_schedules_are_an_option():
    protocol = CompareConfig(models=("lenet",), schedule="recipe").resolve()
    settings = protocol.networks["lenet"].settings
    assert settings["schedule"] == RECIPES["lenet"].schedule
    assert settings["warmup_epochs"] == RECIPES["lenet"].warmup_epochs


@pytest.mark.parametrize(
    ("given", "tuning"),
    [
        ({}, (10, None)),
        ({"epochs": 3}, (3, None)),
        ({"limit": 640}, (10, 640)),
        ({"epochs": 3, "tuning_epochs": 4, "tuning_limit": 64}, (4, 64)),
    ],
)
def test_tuning_spends_no_more_than_a_final_run_unless_asked_to(given, tuning):
    budget = (
        CompareConfig(models=("lenet",), **given).resolve().networks["lenet"].budget
    )
    assert (budget.tuning_epochs, budget.tuning_limit) == tuning


def test_protocol_is_read_back_as_it_was():
    protocol = CompareConfig().resolve()
    text = json.dumps(protocol.to_dict())
    again = Protocol.from_dict(json.loads(text), "a file")
    assert again.to_dict() == protocol.to_dict()
    assert again.networks["lenet"] == protocol.networks["lenet"]


@pytest.mark.parametrize("networks", [None, [], {"lenet": {}}])
def test_file_that_is_no_protocol_is_an_error(networks):
    value = CompareConfig().resolve().to_dict() | {"networks": networks}
    with pytest.raises(ConfigError, match=r"a file holds no comparison"):
        Protocol.from_dict(value, "a file")


def test_file_of_another_schema_is_an_error():
    with pytest.raises(ConfigError, match="schema None, this version has 2"):
        Protocol.from_dict({"networks": {}}, "a file")


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"models": ("vgg16", "lenet"), "optimizers": ("adagrad", "lion", "sgd")},
        {"preset": "quick", "epochs": 2, "limit": 500, "seeds": 5, "trials": 4},
        {"tune": False, "target": 0.9, "dataset": "kmnist"},
        {"schedule": "recipe", "margin": 0.25, "tuning_epochs": 2, "tuning_limit": 640},
    ],
)
def test_command_asks_for_the_same_comparison(settings):
    protocol = CompareConfig(**settings).resolve()
    _, name, *arguments = protocol.command
    with compare.make_context(name, arguments) as context:
        own = ("jobs", "without_failed", "leave_out", "plan", "report", "gather")
        own = (*own, "out", "as_json")
        given = {
            "models" if key == "names" else key: value
            for key, value in context.params.items()
            if key not in own and value not in (None, ())
        }
    assert CompareConfig(**given).resolve() == protocol


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"models": ()}, "needs a model and two optimizers at least"),
        ({"optimizers": ("sgd",)}, "two optimizers at least, but got .*--optimizer"),
        ({"optimizers": ("sgd", "sgd")}, "Each optimizer is compared once"),
        ({"models": ("lenet", "lenet")}, "Each model is compared once"),
        ({"preset": "slow"}, "no preset 'slow'. Choose from: quick, full"),
        ({"seeds": 1}, "seeds has to be a whole number from 2 to 20, but got 1"),
        ({"seeds": 21}, "from 2 to 20, but got 21"),
        ({"trials": 2}, "trials has to be a whole number from 3 to 15, but got 2"),
        ({"epochs": 0}, "epochs has to be a whole number from 1 .*, but got 0"),
        ({"epochs": 1.5}, "but got 1.5"),
        ({"limit": 10}, "lenet trains in batches of 64, but limit is 10"),
        ({"tuning_limit": 10}, "lenet trains .* but tuning_limit is 10"),
        ({"schedule": "linear"}, "no schedule 'linear'. Choose from: constant,"),
        ({"margin": 0}, "percentage points above 0, such as 0.1, but got 0"),
        ({"tune": False, "tuning_epochs": 1}, "Leave out --tuning-epochs or --no-tune"),
        ({"target": 97}, r"accuracy in \(0, 1\), such as 0.97, but got 97"),
        ({"tune": False, "trials": 3}, "Leave out --trials or --no-tune"),
    ],
)
def test_setting_that_cannot_be_is_an_error(settings, message):
    with pytest.raises((ConfigError, UnknownNameError), match=message) as error:
        CompareConfig(**settings)
    assert not re.search(r"\n", str(error.value))


def test_unknown_name_suggests_the_nearest():
    with pytest.raises(UnknownNameError, match="Did you mean 'lenet'"):
        CompareConfig(models=("lenett",))
    with pytest.raises(UnknownNameError, match="Did you mean 'adagrad'"):
        CompareConfig(optimizers=("sgd", "adagard"))


@pytest.mark.parametrize(
    "given",
    [
        {"models": "lenet"},
        {"models": 3},
        {"models": [["lenet"]]},
        {"optimizers": [1, 2]},
        {"preset": None},
        {"dataset": []},
        {"schedule": 3},
        {"tune": 1},
        {"seeds": 10**400},
        {"target": "0.97"},
        {"target": float("nan")},
        {"margin": float("inf")},
        {"margin": 10**400},
    ],
    ids=str,
)
def test_value_of_a_wrong_kind_is_one_short_line(given):
    with pytest.raises(ConfigError) as caught:
        CompareConfig(**given)
    assert len(str(caught.value)) < 200


def test_names_are_those_of_the_tables_however_they_are_written():
    config = CompareConfig(
        models=["LeNet", "ResNet-18"],
        optimizers=["SGD", "adamW"],
        dataset="Fashion-MNIST",
        preset="Quick",
        schedule="one_cycle",
    )
    assert config.models == ("lenet", "resnet18")
    assert config.optimizers == ("sgd", "adamw")
    protocol = config.resolve()
    assert list(protocol.networks) == ["lenet", "resnet18"]
    assert (protocol.dataset, protocol.schedule) == ("fashion_mnist", "one-cycle")
    assert protocol.is_rehearsal
