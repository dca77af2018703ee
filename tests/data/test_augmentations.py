"""Which augmentation is meant."""

import pytest

from kerascnn.data import DATASETS
from kerascnn.data.augmentations import AUGMENTATIONS, choices, choose_augmentation


@pytest.mark.parametrize(
    ("dataset", "chosen"), [("mnist", "digits"), ("cifar10", "photographs")]
)
def test_auto_is_what_suits_the_data(dataset, chosen):
    background = DATASETS[dataset].background
    assert choose_augmentation("auto", background) == chosen
    for name in AUGMENTATIONS:
        assert choose_augmentation(name, background) == name


def test_choices_are_all_rows_and_auto():
    assert choices() == ["auto", "none", "digits", "photographs"]
