"""Sets of tensorflow-datasets, prepared by it from pictures of ours, in the cache."""

import numpy as np
import pytest
import tensorflow_datasets as tfds

from kerascnn.data import load_dataset, load_split
from kerascnn.data.sources import Reading
from kerascnn.data.stored import open_pictures, survey
from kerascnn.errors import ConfigError, DatasetError

SIZES = {"train": 20, "validation": 3, "test": 6}


class _Made(tfds.core.GeneratorBasedBuilder):
    """Makes pictures whose pixels tell their number."""

    VERSION = tfds.core.Version("1.0.0")
    # By the name of the module it would be looked for among the packages installed.
    pkg_dir_path = tfds.core.Path(__file__).parent
    SHAPE = (None, None, 3)
    PARTS = ("train",)
    MORE = {}  # noqa: RUF012
    skip_registration = True

    def _info(self):
        features = {
            "image": tfds.features.Image(shape=self.SHAPE, encoding_format="png"),
            "label": tfds.features.ClassLabel(names=["oak", "ash"]),
        }
        features = tfds.features.FeaturesDict(features | self.MORE)
        return self.dataset_info_from_configs(features=features)

    def _split_generators(self, dl_manager):
        return {part: self._generate_examples(part) for part in self.PARTS}

    def _generate_examples(self, part):
        for number in range(SIZES.get(part, 5)):
            yield number, self._example(part, number)

    def _example(self, part, number):
        height, width = self.SHAPE[:2]
        shape = (height or 10 + number, width or 30 - number, self.SHAPE[2] or 3)
        pixels = np.full(shape, number, np.uint8)
        return {"image": pixels, "label": number % 2}


class OfOneSmallSize(_Made):
    """Gray, 9 x 7, with a test split."""

    SHAPE = (9, 7, 1)
    PARTS = ("train", "test")
    skip_registration = False


class OfManySizes(_Made):
    """Color, with a validation split and no test split."""

    PARTS = ("train", "validation")
    MORE = {"id": tfds.features.Text()}  # noqa: RUF012
    skip_registration = False

    def _example(self, part, number):
        found = super()._example(part, number)
        found["image"][..., 0] = 200
        return found | {"id": str(number)}


class WithHiddenLabels(_Made):
    """Its test split has no labels."""

    SHAPE = (4, 4, 1)
    PARTS = ("train", "test")
    skip_registration = False

    def _example(self, part, number):
        found = super()._example(part, number)
        return found | ({"label": -1} if part == "test" else {})


class WithTwoLabels(_Made):
    """Nothing says which label is meant."""

    skip_registration = False

    def _info(self):
        kind = tfds.features.ClassLabel(num_classes=2)
        features = {"image": tfds.features.Image(), "left": kind, "right": kind}
        return self.dataset_info_from_configs(
            features=tfds.features.FeaturesDict(features)
        )


class WithoutTraining(_Made):
    """Only a split of another name."""

    SHAPE = (4, 4, 1)
    PARTS = ("extra",)
    skip_registration = False


@pytest.fixture(scope="module", autouse=True)
def data_dir(tmp_path_factory):
    """Where tensorflow-datasets keeps what it prepares."""
    folder = tmp_path_factory.mktemp("tfds")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tfds.core.constants, "DATA_DIR", str(folder))
        yield folder


def numbers(split):
    """The pixel of each image that tells its number in its split."""
    return [int(image[4, 4 % image.shape[1], -1]) for image in split.images]


def test_images_of_one_small_size_stay_as_they_are():
    train, test = load_dataset("tfds:of_one_small_size", image_size=32)
    assert (train.image_shape, len(train), len(test)) == ((9, 7, 1), 20, 6)
    assert train.class_names == ("oak", "ash")
    # tensorflow-datasets shuffles while it prepares.
    assert sorted(numbers(train)) == list(range(20))
    assert sorted(numbers(test)) == list(range(6))
    for split in (train, test):
        assert split.labels.tolist() == [number % 2 for number in numbers(split)]
    assert train.files.tolist() == [f"train[{place}]" for place in range(20)]
    reading = Reading(image_size=32)
    seen = survey("tfds:of_one_small_size", reading)
    assert (seen.num_train, seen.has_validation, seen.side) == (20, False, 7)
    again = open_pictures("tfds:of_one_small_size", Reading(image_size=64))
    first = open_pictures("tfds:of_one_small_size", reading)
    assert again.stored.images.filename == first.stored.images.filename


def test_images_of_many_sizes_become_squares_and_the_test_is_held_out():
    reading = Reading(image_size=12, resize="stretch", test_fraction=0.3)
    pictures = open_pictures("tfds:of_many_sizes", reading)
    assert (pictures.has_test, pictures.has_validation) == (False, True)
    train, validation, test = map(pictures.part, ("train", "validation", "test"))
    assert train.image_shape == (12, 12, 3)
    assert sorted(numbers(train) + numbers(test)) == list(range(20))
    assert np.bincount(test.labels).tolist() == [3, 3]
    assert sorted(numbers(validation)) == [0, 1, 2]
    for split in (train, validation, test):
        assert (split.images[:][..., 0] == 200).all()
        assert split.labels.tolist() == [number % 2 for number in numbers(split)]
    seen = survey("tfds:of_many_sizes", reading)
    assert (seen.num_train, seen.has_validation) == (14, True)
    assert 10 <= seen.side <= 20


def test_part_whose_labels_are_hidden_is_no_test():
    pictures = open_pictures("tfds:with_hidden_labels", Reading())
    assert not pictures.has_test
    assert len(pictures.part("train")) + len(pictures.part("test")) == 20


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("with_two_labels", "no set of images with a class each: its examples have"),
        ("coco", "no set of images with a class each: its examples have 'image, "),
        ("imdb_reviews", "no set of images with a class each: its examples have 'text"),
        ("without_training", "has no split called train: extra"),
    ],
)
def test_other_sets_are_one_line_before_any_download(name, words, data_dir):
    with pytest.raises(DatasetError) as caught:
        load_split(f"tfds:{name}", "train")
    assert words in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1
    if "train" not in name:
        assert not (data_dir / name).exists()


def test_groups_need_names_of_files():
    with pytest.raises(ConfigError, match="group_by looks at the names of files"):
        open_pictures("tfds:of_many_sizes", Reading(group_by="x"))


def test_damaged_records_are_one_line_and_leave_no_entry(data_dir, cache_dir):
    load_split("tfds:of_many_sizes", "train", Reading(image_size=5))
    entries = set((cache_dir / "datasets").iterdir())
    for path in (data_dir / "of_many_sizes" / "1.0.0").glob("*train.tfrecord*"):
        content = path.read_bytes()
        path.write_bytes(content[: len(content) // 2])
        try:
            with pytest.raises(DatasetError, match=r"is damaged. Delete that folder"):
                load_split("tfds:of_many_sizes", "train", Reading(image_size=6))
        finally:
            path.write_bytes(content)
    left = set((cache_dir / "datasets").iterdir()) - entries
    assert [path for path in left if path.is_dir()] == []
