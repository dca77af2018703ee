import dataclasses
import subprocess
import sys

import numpy as np
import pytest

from kerascnn.data import DATASETS, Split, load_dataset, load_split
from kerascnn.errors import UnknownNameError


@pytest.mark.parametrize("name", DATASETS)
def test_every_row_has_a_loader(name):
    assert callable(DATASETS[name].load())


def test_rows_say_what_the_data_are():
    rows = {
        row.name: (row.image_shape, row.num_classes, row.num_train, row.packaged)
        for row in DATASETS.values()
    }
    assert rows == {
        "mnist": ((28, 28, 1), 10, 60_000, True),
        "fashion_mnist": ((28, 28, 1), 10, 60_000, False),
        "kmnist": ((28, 28, 1), 10, 60_000, False),
        "cifar10": ((32, 32, 3), 10, 50_000, False),
    }


def test_class_names_differ_within_a_row():
    for row in DATASETS.values():
        assert len(set(row.class_names)) == row.num_classes


def test_rows_are_plain_values():
    assert dataclasses.asdict(DATASETS["mnist"])["class_names"] == tuple("0123456789")


def test_unknown_name_suggests_the_nearest():
    with pytest.raises(UnknownNameError, match="Did you mean 'kmnist'"):
        load_dataset("kmnits")
    with pytest.raises(UnknownNameError, match="no split 'tests'"):
        load_split("mnist", "tests")


def test_split_tells_its_shape():
    split = Split(
        images=np.zeros((5, 4, 3, 2), np.uint8),
        labels=np.zeros(5, np.int64),
        class_names=("a", "b", "c"),
    )
    assert len(split) == 5
    assert split.image_shape == (4, 3, 2)
    assert split.num_classes == 3


def test_the_table_imports_nothing_heavy():
    code = "import sys, kerascnn.data; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert not {"numpy", "tensorflow", "keras", "tensorflow_datasets"} & set(loaded)
