"""Networks that are built once a session, and real digits to feed them."""

from functools import cache

import pytest

from kerascnn.data import load_dataset
from kerascnn.models import MODELS


@pytest.fixture(scope="session")
def paper_network():
    """Networks by name, at the paper's size: to look at, not to change."""

    @cache
    def build(name):
        entry = MODELS[name]
        return entry.load()(entry.input_shape, entry.num_classes)

    return build


@pytest.fixture(scope="session")
def small_network():
    """Networks by name and stem, for gray 32x32 images: to look at, not to change."""

    @cache
    def build(name, stem="paper"):
        options = {"stem": stem} if len(MODELS[name].stems) > 1 else {}
        return MODELS[name].load()((32, 32, 1), 10, **options)

    return build


@pytest.fixture(scope="session")
def digits():
    """The first 16 images of MNIST, raw and float32, with their labels."""
    train, _ = load_dataset("mnist")
    return train.images[:16].astype("float32"), train.labels[:16]
