"""The table of the networks."""

import inspect
import math
import subprocess
import sys

import pytest

from kerascnn.errors import UnknownNameError
from kerascnn.models import MODELS
from kerascnn.models.cost import count_multiply_adds


def test_networks_stand_in_the_order_of_their_papers():
    assert list(MODELS) == ["lenet", "alexnet", "vgg16", "resnet18", "mobilenet"]


@pytest.mark.parametrize("name", MODELS)
def test_options_are_those_of_the_builder(name):
    entry = MODELS[name]
    parameters = inspect.signature(entry.load()).parameters.values()
    own = {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY}
    assert entry.stems == (("paper", "small") if own.pop("stem", None) else ("paper",))
    assert own == {name: option.default for name, option in entry.options.items()}


@pytest.mark.parametrize("name", MODELS)
def test_defaults_of_options_are_in_their_range(name):
    entry = MODELS[name]
    entry.check_options({key: option.default for key, option in entry.options.items()})


@pytest.mark.parametrize("name", MODELS)
def test_cost_at_the_papers_size_is_that_of_the_network(name, paper_network):
    check_cost(MODELS[name].paper_cost, paper_network(name))


@pytest.mark.parametrize("name", MODELS)
def test_cost_of_small_images_is_that_of_the_network(name, small_network):
    check_cost(MODELS[name].small_cost, small_network(name))


def check_cost(cost, network):
    assert network.input_shape == (None, *cost.input_shape)
    assert network.output_shape == (None, cost.num_classes)
    assert network.count_params() == cost.parameters
    trainable = sum(math.prod(weight.shape) for weight in network.trainable_weights)
    assert trainable == cost.trainable
    assert count_multiply_adds(network) == cost.multiply_adds


@pytest.mark.parametrize("name", MODELS)
def test_reference_names_authors_title_year_and_address(name):
    authors, _, rest = MODELS[name].reference.partition(": ")
    *_, year, address = rest.split(", ")
    assert authors
    assert 1998 <= int(year) <= 2017
    assert address.startswith("https://")


def test_unknown_network_suggests_the_nearest():
    with pytest.raises(UnknownNameError, match=r"no model 'resnet'.*mean 'resnet18'"):
        MODELS["resnet"]


def test_wrong_settings_are_found_before_keras_is_imported():
    code = """
import sys
from kerascnn.errors import KerasCNNError
from kerascnn.models.build import build_model
given = dict(name="lenet", image_shape=(28, 28, 1), num_classes=10)
for settings in (
    dict(image_size=8), dict(stem="small"), dict(alpha=1), dict(image_shape=(28, 28)),
    dict(num_classes=1), dict(name="lenet5"),
):
    try:
        build_model(**(given | settings))
    except KerasCNNError as error:
        print(type(error).__name__)
print(sorted({"keras", "tensorflow", "numpy"} & set(sys.modules)))
"""
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.split() == [
        "InputShapeError",
        "ConfigError",
        "ConfigError",
        "InputShapeError",
        "ConfigError",
        "UnknownNameError",
        "[]",
    ]
