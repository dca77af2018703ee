"""Tables: their order, a wrong name, and that every row can be loaded."""

import math

import pytest

from kerascnn.data import DATASETS
from kerascnn.errors import ConfigError, UnknownNameError
from kerascnn.models import MODELS
from kerascnn.registry import Entry, Registry, known_name
from kerascnn.settings.optimizers import OPTIMIZERS

TABLES = (MODELS, DATASETS, OPTIMIZERS)


@pytest.fixture
def table():
    return Registry(
        "function",
        Entry(name="root", target="math:sqrt", summary="The square root."),
        Entry(name="ground", target="math:floor", summary="The whole part."),
    )


def test_rows_keep_their_order_and_load_their_target(table):
    assert list(table) == ["root", "ground"]
    assert table["root"].load() is math.sqrt


def test_wrong_name_is_an_unknown_name_error(table):
    with pytest.raises(UnknownNameError, match=r"no function 'roof'.*mean 'root'"):
        table["roof"]
    assert "roof" not in table
    assert table.get("roof") is None


def test_two_rows_of_one_name_are_a_mistake(table):
    with pytest.raises(ValueError, match="two function entries share a name"):
        Registry("function", table["root"], table["root"])


@pytest.mark.parametrize("rows", TABLES, ids=lambda rows: rows.kind)
def test_every_row_can_be_loaded_and_says_what_it_is(rows):
    for name, entry in rows.items():
        assert name == entry.name == name.lower()
        assert callable(entry.load())
        assert entry.summary.endswith(".")
        assert "\n" not in entry.summary


@pytest.mark.parametrize(
    ("kind", "known", "given", "expected"),
    [
        ("model", MODELS, "LeNet", "lenet"),
        ("model", MODELS, "resnet-18", "resnet18"),
        ("model", MODELS, "ResNet_18", "resnet18"),
        ("dataset", DATASETS, "fashion-mnist", "fashion_mnist"),
        ("optimizer", OPTIMIZERS, "ScheduleFree-AdamW", "schedulefreeadamw"),
    ],
)
def test_name_is_known_whatever_its_case_and_marks(kind, known, given, expected):
    assert known_name(kind, given, known) == expected
    assert known[given] is known[expected]


@pytest.mark.parametrize("name", [3, None, ["lenet"], {}])
def test_name_that_is_no_text_is_refused(name):
    with pytest.raises(ConfigError, match="model has to be a name, but got"):
        MODELS[name]
