"""The facts of a data set: what a file may hold, and data that are not as they were."""

import hashlib
import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from kerascnn.data import ARRAYS, DATASETS, Split, facts
from kerascnn.data.facts import DatasetFacts, digest
from kerascnn.data.mapped import MappedImages
from kerascnn.errors import DatasetError, RunError, UnknownNameError
from kerascnn.settings.config import TrainConfig
from kerascnn.training.images import load_splits

FACTS = DatasetFacts(
    name="leaves",
    image_shape=(4, 5, 3),
    class_names=("oak", "beech"),
    background=255,
    box=20,
    reference="https://example.org/leaves",
    counts={"train": 6, "validation": 2, "test": 0},
    sha256="0" * 64,
    test_sha256="1" * 64,
    resize="crop",
    group_by=r"^(\d+)_",
    test_fraction=0.25,
)
SOURCE = Path("runs", "a", "dataset.json")


def test_json_gives_the_same_facts_back():
    value = json.loads(json.dumps(FACTS.to_dict()))
    assert DatasetFacts.from_dict(value, SOURCE) == FACTS
    assert value["schema"] == 1
    assert FACTS.num_classes == 2


@pytest.mark.parametrize("name", DATASETS)
def test_rows_of_the_table_are_facts(name):
    facts, row = DatasetFacts.from_table(name), DATASETS[name]
    for field in ("name", "image_shape", "class_names", "background", "box"):
        assert getattr(facts, field) == getattr(row, field)
    assert (facts.counts, facts.sha256) == ({}, None)
    assert DatasetFacts.from_dict(facts.to_dict(), SOURCE) == facts


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"schema": 2}, "their schema is 2, but has to be 1"),
        ({"name": ""}, "name has to be text, but is ''"),
        ({"image_shape": [28, 28]}, r"\[height, width, channels\], but is \[28, 28\]"),
        ({"image_shape": [28, 28, 0]}, "image_shape has to be"),
        ({"image_shape": [28, 28, True]}, "image_shape has to be"),
        ({"class_names": "0123"}, "class_names has to be a list of names"),
        ({"class_names": []}, "class_names has to be a list of names"),
        ({"class_names": ["a", 1]}, "class_names has to be a list of names"),
        ({"class_names": ["a", "a"]}, "all different, but is"),
        ({"background": 256}, "a brightness from 0 to 255 or null, but is 256"),
        ({"box": 0}, "box has to be a number of pixels or null, but is 0"),
        ({"reference": 1}, "reference has to be text or null, but is 1"),
        ({"counts": {"train": -1}}, "counts has to be numbers of images by split"),
        ({"counts": [1]}, "counts has to be numbers of images by split"),
        ({"sha256": "0"}, "sha256 has to be 64 hexadecimal digits or null"),
        ({"test_sha256": "g" * 64}, "test_sha256 has to be 64 hexadecimal digits"),
        ({"resize": "squash"}, "resize has to be one of pad, crop, stretch, or null"),
        ({"resize": ["pad"]}, "resize has to be one of"),
        ({"group_by": ""}, "group_by has to be a regular expression or null"),
        ({"group_by": "("}, "group_by has to be a regular expression or null"),
        ({"group_by": 1}, "group_by has to be a regular expression or null"),
        ({"test_fraction": 1}, r"test_fraction has to be a number in \(0, 1\) or null"),
        ({"test_fraction": True}, "test_fraction has to be"),
        ({"test_fraction": "0.2"}, "test_fraction has to be"),
        ({"test_fraction": [0.2]}, "test_fraction has to be"),
    ],
    ids=str,
)
def test_wrong_value_is_one_line_with_the_file(change, problem):
    with pytest.raises(RunError, match=problem) as caught:
        DatasetFacts.from_dict(FACTS.to_dict() | change, SOURCE)
    assert str(SOURCE) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_facts_of_0_1_are_read():
    value = FACTS.to_dict()
    later = {"test_sha256", "resize", "group_by", "test_fraction"}
    for name in later:
        del value[name]
    facts = DatasetFacts.from_dict(value, SOURCE)
    assert facts == replace(FACTS, **dict.fromkeys(later))


def test_missing_value_and_what_is_no_object_are_told():
    value = FACTS.to_dict()
    del value["box"]
    with pytest.raises(RunError, match="box is missing"):
        DatasetFacts.from_dict(value, SOURCE)
    with pytest.raises(RunError, match="no JSON object"):
        DatasetFacts.from_dict(["mnist"], SOURCE)


def test_unknown_name_suggests_the_nearest():
    with pytest.raises(UnknownNameError, match="Did you mean 'mnist'"):
        DatasetFacts.from_table("mnits")


@pytest.mark.parametrize("split", ["train", "test"])
def test_arrays_cannot_be_loaded_again(split):
    assert ARRAYS not in DATASETS
    with pytest.raises(DatasetError, match=f"no {split} images to load: .*arrays"):
        replace(FACTS, name=ARRAYS).load(split)


def test_data_are_loaded_where_they_are_as_they_were(only_split):
    only_split("test")
    test = DatasetFacts.from_table("mnist").load("test")
    assert (len(test), test.image_shape) == (10_000, (28, 28, 1))


@pytest.mark.parametrize(
    ("change", "difference"),
    [
        (
            {"image_shape": (32, 32, 3)},
            r"images were \(32, 32, 3\) and are \(28, 28, 1\)",
        ),
        ({"class_names": ("a", "b")}, "classes were 2 and are 10"),
        ({"class_names": tuple("0123456798")}, "class 8 was '9' and is '8'"),
    ],
)
def test_data_that_are_not_as_they_were_are_told(change, difference):
    facts = replace(DatasetFacts.from_table("mnist"), **change)
    with pytest.raises(DatasetError, match=f"mnist is not the data .*: {difference}"):
        facts.load("test")


def test_digest_is_the_same_whatever_is_read_at_a_time(monkeypatch):
    images = np.random.default_rng(0).integers(0, 256, (7, 4, 3, 1)).astype(np.uint8)
    split = Split(images=images, labels=np.arange(7), class_names=tuple("abcdefg"))
    whole = digest(split)
    for size in (1, 12, 25, 40, 83):
        monkeypatch.setattr(facts, "DIGESTED_BYTES", size)
        assert digest(split) == whole
        assert digest(replace(split, images=MappedImages(images))) == whole


def test_other_data_of_the_same_classes(tmp_path):
    """Nothing is held out of them, and nothing of the training's own data is kept."""
    path = tmp_path / "more"
    elsewhere = FACTS.elsewhere(f"{path}/")
    assert elsewhere == replace(
        FACTS,
        **{"name": str(path), "reference": None, "counts": {}},
        **{"sha256": None, "test_sha256": None},
        **{"group_by": None, "test_fraction": None},
    )
    assert elsewhere.title == "more"
    own = replace(FACTS, name=str(path))
    assert own.elsewhere(str(path)) is own
    table = FACTS.elsewhere("MNIST")
    assert table == DatasetFacts.from_table("mnist")
    mnist = table.elsewhere("tfds:mnist")
    assert (mnist.name, mnist.resize) == ("tfds:mnist", "pad")
    with pytest.raises(UnknownNameError, match="Did you mean 'mnist'"):
        FACTS.elsewhere("mnits")


def test_digest_is_of_shape_images_and_labels():
    images = np.arange(24, dtype=np.uint8).reshape(2, 4, 3, 1)
    labels = np.array([1, 0])
    split = Split(images=images, labels=labels, class_names=("a", "b"))
    content = b"(2, 4, 3, 1)" + bytes(range(24)) + bytes([1, *[0] * 15])
    assert digest(split) == hashlib.sha256(content).hexdigest()
    # The layout in memory does not count, each value does.
    turned = np.asfortranarray(images)
    assert digest(replace(split, images=turned)) == digest(split)
    others = (
        {"images": images.reshape(2, 3, 4, 1)},
        {"images": images[::-1]},
        {"labels": labels[::-1]},
    )
    digests = {digest(replace(split, **other)) for other in others}
    assert len(digests - {digest(split)}) == 3


@pytest.fixture
def trained(digit_folder):
    """The facts of a training on a folder without parts."""
    settings = TrainConfig(model="lenet", dataset=digit_folder).resolve()
    return load_splits(settings)[2]


def test_moved_pictures_of_the_training_stay_divided(trained, tmp_path):
    place = tmp_path / "moved"
    shutil.copytree(trained.name, place)
    link = tmp_path / "link"
    link.symlink_to(place)
    for other in (place, link):
        moved = trained.elsewhere(str(other))
        assert moved == replace(trained, name=str(other))
        assert np.array_equal(moved.load("test").images, trained.load("test").images)


def test_other_pictures_are_tested_all(trained, tmp_path):
    place = tmp_path / "other"
    for part in ("train", "validation"):
        shutil.copytree(trained.name, place / part)
        for path in list((place / part).glob("*/*"))[3:]:
            path.unlink()
    for name in trained.class_names:
        source = next(Path(trained.name, name).iterdir())
        shutil.copy(source, place / "train" / name)
    other = trained.elsewhere(str(place)).load("test")
    parts = sorted(name.partition("/")[0] for name in other.files)
    assert parts.count("validation") == 3
    assert len(parts) > 6
