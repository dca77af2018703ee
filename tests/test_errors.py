"""The errors: their order, and what they say."""

import re

import pytest

from kerascnn import errors
from kerascnn.errors import (
    MAX_SHOWN,
    KerasCNNError,
    MissingExtraError,
    UnknownNameError,
    shown,
)

CLASSES = {
    name: value
    for name, value in vars(errors).items()
    if isinstance(value, type) and issubclass(value, Exception)
}


def test_all_are_caught_by_the_base_class():
    assert len(CLASSES) > 5
    assert all(issubclass(error, KerasCNNError) for error in CLASSES.values())


def test_tree_of_the_docstring_is_the_tree_of_the_classes():
    """Each line has a class, the depth of its parent and its built-in base."""
    lines = re.findall(
        r"^    ([│├└─ ]*)(\w+Error)(?: +\((\w+)\))?", errors.__doc__, re.M
    )
    assert {name for _, name, _ in lines} == set(CLASSES)
    path = []
    for branch, name, built_in in lines:
        path[len(branch) // 4 :] = [name]
        bases = [base.__name__ for base in CLASSES[name].__bases__]
        parent = path[-2] if len(path) > 1 else "Exception"
        assert bases == [parent, *filter(None, [built_in])]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("lenett", "There is no model 'lenett'. Did you mean 'lenet'? Choose from: "),
        ("LeNet", "There is no model 'LeNet'. Did you mean 'lenet'? Choose from: "),
        ("lennet", "There is no model 'lennet'. Did you mean 'lenet'? Choose from: "),
        ("xyz", "There is no model 'xyz'. Choose from: "),
    ],
)
def test_unknown_name_suggests_the_nearest(name, message):
    error = UnknownNameError("model", name, ["lenet", "vgg16"])
    assert str(error) == f"{message}lenet, vgg16."
    assert isinstance(error, LookupError)


def test_unknown_name_takes_any_iterable_once():
    error = UnknownNameError("model", "lenett", iter(["lenet", "vgg16"]))
    assert str(error).endswith("Did you mean 'lenet'? Choose from: lenet, vgg16.")


def test_missing_extra_says_how_to_install_it():
    error = MissingExtraError("TensorBoard", "tensorboard")
    assert isinstance(error, ImportError)
    assert str(error) == (
        "TensorBoard is not installed. Install it with: "
        "pip install 'kerascnn[tensorboard]' (in a checkout: '.[tensorboard]')"
    )
    error = MissingExtraError("tflite_micro", "micro", "Linux on x86-64")
    assert str(error).startswith(
        "tflite_micro, which there is for Linux on x86-64 alone, is not installed. "
    )


def test_letters_that_changed_places_are_the_nearest():
    error = UnknownNameError("optimizer", "adma", ["adagrad", "adam", "adamax"])
    assert "Did you mean 'adam'?" in str(error)


def test_long_names_and_lists_are_cut():
    error = UnknownNameError("run", "x" * 10**6, [f"run-{i}" for i in range(1000)])
    assert len(str(error)) < 700
    assert str(error).endswith("run-39, and 960 more.")


class Odd:
    def __repr__(self):
        return "an\nodd\tone"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (3, "3"),
        ("a\nb\x1b", r"'a\nb\x1b'"),
        (Odd(), "an odd one"),
        ({"a": [1, {"b": [2, [3]]}]}, "{'a': [1, {'b': [...]}]}"),
        ("\udcff", r"'\udcff'"),
    ],
)
def test_value_is_shown_on_one_line(value, expected):
    assert shown(value) == expected


def test_number_of_too_many_digits_is_shown_by_its_size():
    assert shown(10**5000) == "a number of 16,610 bits"


@pytest.mark.parametrize("value", ["x" * 10**6, [["y" * 99] * 99] * 99, 10**300])
def test_large_value_is_shown_short(value):
    assert "..." in shown(value)
    assert len(shown(value)) <= MAX_SHOWN
