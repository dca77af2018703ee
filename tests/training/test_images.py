"""The images of a training, and what is written of them."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from kerascnn.data.facts import DatasetFacts, digest
from kerascnn.data.sources import Reading
from kerascnn.data.stored import open_pictures
from kerascnn.errors import DatasetError
from kerascnn.settings.config import TrainConfig
from kerascnn.training.images import load_splits

READING = Reading(image_size=28)


def settings(dataset, **given):
    return TrainConfig(model="lenet", dataset=dataset, **given).resolve()


def names(split):
    return set(split.files.tolist())


def test_parts_of_a_folder_share_no_picture(digit_folder):
    train, validation, facts = load_splits(settings(digit_folder))
    test = facts.load("test")
    assert facts.counts == {"train": 173, "validation": 19, "test": 48}
    assert [len(part) for part in (train, validation, test)] == [173, 19, 48]
    assert not names(train) & names(validation)
    assert not (names(train) | names(validation)) & names(test)
    assert len(names(train) | names(validation) | names(test)) == 240
    for part in (train, validation, test):
        assert [name[0] for name in part.files] == [
            part.class_names[label] for label in part.labels
        ]
    # Whatever the seed of the training.
    _, again, other = load_splits(settings(digit_folder, seed=9))
    assert names(again) == names(validation)
    assert other == facts


def test_facts_tell_how_to_read_the_same_again(digit_folder):
    given = {"resize": "stretch", "test_fraction": 0.3, "group_by": "^(...)"}
    train, _, facts = load_splits(settings(digit_folder, **given))
    assert (facts.name, facts.image_shape) == (digit_folder, (28, 28, 1))
    assert facts.class_names == ("0", "1", "2")
    assert (facts.background, facts.box) == (0, None)
    assert facts.reading == replace(READING, **given)
    assert facts.sha256 == digest(
        open_pictures(digit_folder, facts.reading).part("train")
    )
    assert facts.test_sha256 == digest(facts.load("test"))
    groups = {name[2:5] for name in names(train)}
    assert not groups & {name[2:5] for name in names(facts.load("test"))}
    source = Path("dataset.json")
    assert DatasetFacts.from_dict(facts.to_dict(), source) == facts


def test_limit_takes_of_each_class(digit_folder):
    train, _, facts = load_splits(settings(digit_folder, limit=30))
    assert np.bincount(train.labels).tolist() == [10, 10, 10]
    assert facts.counts["train"] == 30


@pytest.fixture
def copied(digit_folder, tmp_path):
    """Ten digits of each class, to change."""
    for folder in Path(digit_folder).iterdir():
        (tmp_path / "numbers" / folder.name).mkdir(parents=True)
        for file in sorted(folder.iterdir())[:10]:
            shutil.copy(file, tmp_path / "numbers" / folder.name)
    return tmp_path / "numbers"


def test_changed_test_pictures_are_told(copied):
    _, _, facts = load_splits(settings(str(copied)))
    name = min(names(facts.load("test")))
    (copied / name).unlink()
    with pytest.raises(DatasetError) as caught:
        facts.load("test")
    words = str(caught.value)
    assert words.startswith(f"The test pictures of {copied} are not those of")
    assert "name a folder of other pictures with --dataset" in words


def test_folder_that_is_gone_is_one_line(copied):
    _, _, facts = load_splits(settings(str(copied)))
    shutil.rmtree(copied)
    with pytest.raises(DatasetError, match=f"There is no folder {copied}"):
        facts.load("test")


def test_other_pictures_of_the_same_classes(digit_folder, tmp_path, write_pictures):
    """Of a folder without parts all are for the test; gray and color are made alike."""
    _, _, facts = load_splits(settings(digit_folder))
    color = np.zeros((9, 9, 3), np.uint8)
    color[..., 0] = 255
    path = write_pictures(tmp_path / "more", **{"2/a.png": color, "1/b.png": color})
    test = facts.elsewhere(path).load("test")
    assert test.labels.tolist() == [1, 2]
    assert test.image_shape == (28, 28, 1)
    assert (test.images == 76).all()
    assert facts.elsewhere(path).title == "more"
    in_color = replace(facts.elsewhere(path), image_shape=(28, 28, 3))
    assert (in_color.load("test").images == color[0, 0]).all()
    gray = replace(facts.elsewhere(digit_folder + "/."), image_shape=(28, 28, 3))
    assert gray.name == digit_folder
    images = gray.load("train").images
    assert images.shape[3] == 3
    assert (images == images[..., :1]).all()
    (tmp_path / "more" / "4").mkdir()
    write_pictures(tmp_path / "more", **{"4/a.png": color})
    with pytest.raises(DatasetError, match=r"'4/a.png' .* is of none of the classes"):
        facts.elsewhere(path).load("test")
