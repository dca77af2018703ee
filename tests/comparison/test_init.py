"""The settings of a comparison: checked, filled in, and read back."""

import json
import re

import pytest

from kerascnn.commands.compare import compare
from kerascnn.comparison import PRESETS, Budget, CompareConfig, Protocol
from kerascnn.comparison.statistics import pairs_needed
from kerascnn.errors import ConfigError, UnknownNameError
from kerascnn.models import MODELS
from kerascnn.recipes import RECIPES


@pytest.mark.parametrize("preset", PRESETS)
def test_preset_has_a_budget_that_is_allowed_for_every_network(preset):
    assert list(PRESETS[preset]) == list(MODELS)
    for model, budget in PRESETS[preset].items():
        CompareConfig(
            models=(model,),
            epochs=budget.epochs,
            limit=budget.limit,
            seeds=budget.seeds,
            trials=budget.trials,
        )
        assert (budget.limit or 60_000) >= RECIPES[model].batch_size


def test_fast_networks_have_seeds_enough_to_decide():
    needed = pairs_needed(len(MODELS), 0.05)
    for model in ("lenet", "alexnet", "resnet18", "mobilenet"):
        assert PRESETS["full"][model].seeds >= needed


def test_settings_are_filled_in_from_preset_and_recipe():
    protocol = CompareConfig(
        models=("lenet", "vgg16"), optimizers=("sgd", "adam"), seeds=4
    ).resolve()
    full = PRESETS["full"]["lenet"]
    lenet = protocol.networks["lenet"]
    assert lenet.budget == Budget(
        epochs=full.epochs,
        limit=full.limit,
        validation_fraction=full.validation_fraction,
        seeds=4,
        trials=full.trials,
    )
    assert lenet.centres == {"sgd": 0.05, "adam": 0.001}
    assert protocol.networks["vgg16"].centres == {"sgd": 0.003, "adam": 0.001}


def test_protocol_is_read_back_as_it_was():
    protocol = CompareConfig().resolve()
    text = json.dumps(protocol.to_dict())
    again = Protocol.from_dict(json.loads(text), "a file")
    assert again.to_dict() == protocol.to_dict()
    assert again.networks["lenet"] == protocol.networks["lenet"]


@pytest.mark.parametrize("value", [{}, {"networks": []}, {"networks": {"lenet": {}}}])
def test_file_that_is_no_protocol_is_an_error(value):
    with pytest.raises(ConfigError, match=r"a file holds no comparison"):
        Protocol.from_dict(value, "a file")


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"models": ("vgg16", "lenet"), "optimizers": ("adagrad", "lion", "sgd")},
        {"preset": "quick", "epochs": 2, "limit": 500, "seeds": 5, "trials": 4},
        {"tune": False, "target": 0.9, "dataset": "kmnist"},
    ],
)
def test_command_asks_for_the_same_comparison(settings):
    protocol = CompareConfig(**settings).resolve()
    _, name, *arguments = protocol.command
    with compare.make_context(name, arguments) as context:
        own = ("jobs", "without_failed", "plan", "out", "as_json")
        given = {
            key: value
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
        ({"preset": "slow"}, "no preset 'slow'. Choose quick or full"),
        ({"seeds": 1}, "seeds has to be a whole number from 2 to 20, but got 1"),
        ({"seeds": 21}, "from 2 to 20, but got 21"),
        ({"trials": 2}, "trials has to be a whole number from 3 to 15, but got 2"),
        ({"epochs": 0}, "epochs has to be a whole number from 1 .*, but got 0"),
        ({"epochs": 1.5}, "but got 1.5"),
        ({"limit": 10}, "lenet trains in batches of 64, but limit is 10"),
        ({"target": 97}, r"accuracy in \(0, 1\), such as 0.97, but got 97"),
        ({"tune": False, "trials": 3}, "Leave out --trials or --no-tune"),
    ],
)
def test_setting_that_cannot_be_is_an_error(settings, message):
    with pytest.raises(ConfigError, match=message) as error:
        CompareConfig(**settings)
    assert not re.search(r"\n", str(error.value))


def test_unknown_name_suggests_the_nearest():
    with pytest.raises(UnknownNameError, match="Did you mean 'lenet'"):
        CompareConfig(models=("lenett",))
    with pytest.raises(UnknownNameError, match="Did you mean 'adagrad'"):
        CompareConfig(optimizers=("sgd", "adagard"))
