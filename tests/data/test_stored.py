"""Parts of pictures, and what is looked at before they are read."""

import numpy as np
import pytest
from PIL import Image

from kerascnn.data import load_dataset, load_split, stored
from kerascnn.data.mapped import MappedImages
from kerascnn.data.sources import Reading
from kerascnn.data.stored import in_memory, open_pictures, survey
from kerascnn.errors import ConfigError, DatasetError

PARTS = ("train", "validation", "test")


@pytest.fixture
def numbered(tmp_path, write_pictures):
    """Write pictures of two pixels a side, each of a brightness of its own."""

    def write(*names):
        return write_pictures(
            tmp_path / "pictures",
            **{n: np.full((2, 2), i, np.uint8) for i, n in enumerate(names)},
        )

    return write


def names(split):
    return split.files.tolist()


def persons(count, pictures, depth=""):
    return [
        f"{depth}{label}/p{person}_{place}.png"
        for person in range(count)
        for label in ("a", "b")
        for place in range(pictures)
    ]


def test_parts_that_are_there_are_taken_as_they_are(numbered):
    path = numbered(
        *("train/a/1.png", "train/b/1.png", "train/c/1.png"),
        *("val/a/2.png", "val/c/2.png", "test/b/3.png"),
    )
    pictures = open_pictures(path, Reading(image_size=2))
    assert (pictures.has_test, pictures.has_validation) == (True, True)
    parts = {part: pictures.part(part) for part in PARTS}
    assert names(parts["train"]) == ["train/a/1.png", "train/b/1.png", "train/c/1.png"]
    assert names(parts["validation"]) == ["val/a/2.png", "val/c/2.png"]
    # A class that the part lacks shifts nothing.
    assert parts["validation"].labels.tolist() == [0, 2]
    assert parts["test"].labels.tolist() == [1]
    assert [int(split.images[0].max()) for split in parts.values()] == [0, 3, 5]
    for split in parts.values():
        assert split.class_names == ("a", "b", "c")
        assert isinstance(split.images, MappedImages)


def test_test_part_is_held_out_of_each_class_and_is_in_no_other(numbered):
    path = numbered(
        *(f"a/{n}.png" for n in range(20)), *(f"b/{n}.png" for n in range(10))
    )
    pictures = open_pictures(path, Reading(image_size=2, test_fraction=0.3))
    assert (pictures.has_test, pictures.has_validation) == (False, False)
    train, test = pictures.part("train"), pictures.part("test")
    assert np.bincount(test.labels).tolist() == [6, 3]
    assert sorted(names(train) + names(test)) == sorted(pictures.stored.files)
    assert not set(names(train)) & set(names(test))
    assert len(pictures.part("validation")) == 0
    again = open_pictures(path, Reading(image_size=2, test_fraction=0.3))
    assert names(again.part("test")) == names(test)
    everything = open_pictures(path, Reading(image_size=2, test_fraction=None))
    assert len(everything.part("test")) == 30


@pytest.mark.parametrize("depth", ["", "train/"])
def test_groups_are_found_in_the_name_within_the_class(numbered, depth):
    path = numbered(*persons(10, 3, depth))
    reading = Reading(image_size=2, group_by=r"^(p\d+)_", test_fraction=0.3)
    pictures = open_pictures(path, reading)
    whole = [pictures.part(part) for part in ("train", "test")]
    train, test = (
        {name.rpartition("/")[2].partition("_")[0] for name in names(part)}
        for part in whole
    )
    assert (len(train), len(test)) == (7, 3)
    assert not train & test
    # One person is one group, whatever the class.
    groups = dict(zip(names(whole[0]), whole[0].groups, strict=True))
    person = min(train)
    assert (
        len({groups[f"{depth}{c}/{person}_{n}.png"] for c in "ab" for n in "012"}) == 1
    )
    assert len(set(groups.values())) == 7


def test_pictures_without_a_group_are_groups_of_their_own(numbered):
    path = numbered(*persons(4, 2), *(f"{c}/x{n}.png" for c in "ab" for n in range(4)))
    pictures = open_pictures(path, Reading(image_size=2, group_by=r"^(p\d)_"))
    groups = np.concatenate([pictures.part(p).groups for p in ("train", "test")])
    assert len(set(groups.tolist())) == 4 + 8


def test_groups_matter_only_where_something_is_held_out(numbered):
    path = numbered(*persons(4, 2, "train/"), "val/a/1.png", "test/a/1.png")
    pictures = open_pictures(path, Reading(image_size=2, group_by="p."))
    assert pictures.part("validation").groups is None
    assert pictures.part("test").groups is None


def test_pattern_that_finds_no_group_is_one_line(numbered):
    path = numbered("a/one.png", "a/two.png", "b/one.png", "b/two.png")
    pictures = open_pictures(path, Reading(image_size=2, group_by=r"\d+"))
    with pytest.raises(ConfigError, match=r"found in no name .* such as 'two.png'"):
        pictures.part("test")


def test_settled_classes_keep_their_labels(numbered):
    path = numbered("b/1.png", "c/1.png")
    reading = Reading(image_size=2, test_fraction=None)
    test = open_pictures(path, reading, class_names=("c", "a", "b")).part("test")
    assert test.labels.tolist() == [2, 0]
    assert test.class_names == ("c", "a", "b")
    with pytest.raises(DatasetError, match="of none of the classes"):
        open_pictures(path, reading, class_names=("a", "b"))


def test_images_are_in_memory_if_there_is_room(numbered, monkeypatch):
    path = numbered(*persons(3, 2))
    split = open_pictures(path, Reading(image_size=2)).part("train")
    resident = in_memory(split)
    assert type(resident.images) is np.ndarray
    np.testing.assert_array_equal(resident.images, split.images[:])
    assert in_memory(resident) is resident
    monkeypatch.setattr(stored, "MEMORY_SHARE", 0)
    assert in_memory(split) is split
    reading = Reading(image_size=2)
    assert isinstance(load_split(path, "test", reading).images, MappedImages)


def test_folders_are_loaded_like_data_sets(numbered):
    path = numbered(*persons(5, 2))
    train, test = load_dataset(path, image_size=8)
    assert (len(train), len(test)) == (16, 4)
    assert train.image_shape == (8, 8, 1)
    brightness = {name: i for i, name in enumerate(persons(5, 2))}
    for split in (train, test):
        for name, image in zip(split.files, split.images, strict=True):
            assert (image == brightness[name]).all()


def test_survey_counts_and_measures(tmp_path):
    root = tmp_path / "pictures"
    sizes = {"a/1.png": (30, 90), "a/2.png": (50, 40), "b/1.png": (99, 77)}
    for name, size in sizes.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", size).save(root / name)
    (root / "b" / "2.png").write_text("no picture")
    (root / "b" / "3.png").symlink_to("3.png")
    seen = survey(str(root), Reading(test_fraction=0.4))
    assert (seen.num_train, seen.has_validation, seen.side) == (3, False, 40)
    assert survey(str(root), Reading(test_fraction=None)).num_train == 5


def test_survey_of_parts(numbered):
    path = numbered("train/a/1.png", "train/b/1.png", "valid/a/1.png", "test/b/1.png")
    seen = survey(path, Reading())
    assert (seen.num_train, seen.has_validation, seen.side) == (2, True, 2)


def test_survey_of_what_cannot_be_trained_on(numbered, tmp_path):
    with pytest.raises(DatasetError, match="There is no folder"):
        survey(str(tmp_path / "none"), Reading())
    path = numbered("a/1.png", "b/1.png")
    with pytest.raises(
        ConfigError, match=r"Holding out 0.2 of 2 images leaves one part"
    ):
        survey(path, Reading())
