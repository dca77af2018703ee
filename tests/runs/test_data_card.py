"""What cards say of pictures: where they are from, and how they were divided."""

from dataclasses import replace

import pytest

from kerascnn.data import ARRAYS
from kerascnn.data.facts import DatasetFacts
from kerascnn.runs.card import card
from kerascnn.runs.data_card import classes_of, is_pictures, pictures_of, title_of

PETS = DatasetFacts(
    name="/pictures/my_pets",
    image_shape=(64, 64, 3),
    class_names=("cat", "dog"),
    counts={"train": 1_234, "validation": 100, "test": 300},
    resize="crop",
    group_by=r"^(\d+)_",
    test_fraction=0.2,
)


def flat(text):
    return " ".join(text.split())


def test_pictures_are_told_with_their_parts_and_their_size():
    assert title_of(PETS) == r"my\_pets"
    assert flat(pictures_of(PETS)) == (
        r"- **Pictures** of /pictures/my\_pets: 1,234 to train on, 100 for validation, "
        "300 for the test. The test pictures are 20% of all, drawn with seed 0, each "
        "class in its proportion. Those whose names agree in what the regular "
        r"expression ^(\\d+)\_ finds were kept together. They are 64 x 64 pixels in "
        "color: they keep their proportions, "
        "and what is beyond the middle square is cut off."
    )


def test_nothing_is_said_to_be_drawn_where_there_was_a_test_part():
    text = pictures_of(replace(PETS, test_fraction=None, group_by=None))
    assert "drawn" not in text
    assert "kept together" not in text


def test_set_of_tensorflow_datasets_may_be_as_it_was():
    text = pictures_of(replace(PETS, name="tfds:pets", image_shape=(20, 30, 1)))
    assert flat(text).endswith("They are 20 x 30 pixels in gray.")


@pytest.mark.parametrize(("count", "end"), [(50, "c49"), (51, "c49 and 1 more")])
def test_classes_have_an_end(count, end):
    names = tuple(f"c{number}" for number in range(count))
    text = classes_of(replace(PETS, class_names=names))
    assert text.startswith("c0, c1, ")
    assert text.endswith(f", {end}")


def test_names_are_no_markup():
    names = ("<script>", "a|b\n# c", "\udcff")
    assert classes_of(replace(PETS, class_names=names)) == (
        r"\<script\>, a\|b\\n# c, \\xff"
    )


def test_table_and_arrays_are_no_pictures():
    assert is_pictures(PETS)
    assert not is_pictures(DatasetFacts.from_table("mnist"))
    arrays = replace(PETS, name=ARRAYS)
    assert not is_pictures(arrays)
    assert title_of(arrays) == "arrays passed from Python"


def test_card_of_a_run_says_what_it_is_good_for(picture_run, picture_folder):
    text = flat((picture_run.path / "README.md").read_text("utf-8"))
    assert text == flat(card(picture_run, picture_run.metrics))
    assert "trained by kerascnn on digits." in text
    assert text.count(str(picture_folder)) == 1
    assert "43 to train on, 5 for validation, 12 for the test" in text
    assert "They are 28 x 28 pixels in gray" in text
    assert r"none \<0\>, one, two." in text
    assert "**Knows** 43 pictures, and was trained from random weights" in text
