"""`kerascnn datasets`: what there is, and whether it must be downloaded."""

import json

from click.testing import CliRunner

from kerascnn.commands.datasets import datasets
from kerascnn.data import DATASETS


def test_people_see_what_is_packaged():
    result = CliRunner().invoke(datasets)
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert max(map(len, lines)) <= 100
    lines = [line.split() for line in lines if not line.startswith(" ")]
    assert [line[0] for line in lines] == ["dataset", *DATASETS]
    assert lines[1][1:6] == ["28x28x1", "10", "60,000", "10,000", "packaged"]
    assert [line[5] for line in lines[2:]] == ["download"] * (len(DATASETS) - 1)


def test_programs_get_all_of_a_row():
    result = CliRunner().invoke(datasets, ["--json"])
    rows = {row["name"]: row for row in json.loads(result.stdout)}
    assert list(rows) == list(DATASETS)
    assert rows["cifar10"]["image_shape"] == [32, 32, 3]
    assert rows["cifar10"]["class_names"][-1] == "truck"
    assert rows["mnist"]["num_train"] == 60_000
    assert rows["mnist"]["packaged"] is True
    assert rows["kmnist"]["tfds_name"] == "kmnist:3.0.1"
    assert all(row["num_classes"] == len(row["class_names"]) for row in rows.values())
