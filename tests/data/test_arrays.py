"""Arrays as data: what is taken, and one line for each thing that is not."""

import numpy as np
import pytest

from kerascnn.data.arrays import split_of_arrays
from kerascnn.errors import DatasetError

IMAGES = np.zeros((6, 4, 5, 3), np.uint8)
LABELS = np.array([0, 1, 2, 0, 1, 2], np.uint8)


def test_arrays_are_a_split():
    split = split_of_arrays(IMAGES, LABELS, ["a", "b", "c", "d"])
    assert split.image_shape == (4, 5, 3)
    assert split.class_names == ("a", "b", "c", "d")
    assert split.labels.dtype == np.int64
    assert split.labels.tolist() == LABELS.tolist()


def test_gray_images_get_a_channel_and_classes_their_numbers():
    split = split_of_arrays(IMAGES[..., 0], LABELS.tolist())
    assert split.image_shape == (4, 5, 1)
    assert split.class_names == ("0", "1", "2")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"images": IMAGES / 255}, "type uint8, from 0 to 255, but are float64"),
        ({"images": IMAGES[0, 0]}, r"with 1 or 3 channels, but are \(5, 3\)"),
        ({"images": IMAGES[..., :2]}, r"but are \(6, 4, 5, 2\). Reshape them"),
        ({"images": IMAGES[:0]}, r"but are \(0, 4, 5, 3\)"),
        ({"labels": LABELS / 1}, "labels have to be whole numbers, but are float64"),
        ({"labels": LABELS == 1}, "labels have to be whole numbers, but are bool"),
        ({"labels": LABELS[:5]}, r"6 images, so labels have to be \(6,\), but are \(5"),
        ({"labels": np.eye(6, dtype=int)}, r"but are \(6, 6\). Give one class index"),
        ({"labels": LABELS.astype(int) - 1}, "from 0, but -1 is among them"),
        ({"labels": LABELS + 1}, "run to 3, but no image has the label 0"),
        ({"labels": 2 * LABELS}, "run to 4, but no image has the label 1"),
        ({"labels": 0 * LABELS}, "at least two classes, but all are 0"),
        ({"class_names": ["a", "b"]}, "2 class_names, .* but 2 is among them"),
        ({"class_names": ["a", "b", "a"]}, "list of names, all different, but got"),
        ({"class_names": ["a", "b", ""]}, "list of names, all different, but got"),
        ({"class_names": 7}, "list of names, all different, but got 7"),
        (
            {"images": [[1], [1, 2]]},
            r"images have to be an array .* got \[\[",
        ),
        ({"labels": [[1], [1, 2]]}, "labels have to be an array of numbers"),
        ({"class_names": [0, 1, 2]}, "list of names, all different, but got"),
        ({"class_names": "abc"}, "names, all different, but got 'abc'"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_what_cannot_be_trained_on_is_one_line(change, message):
    given = {"images": IMAGES, "labels": LABELS, "class_names": None} | change
    with pytest.raises(DatasetError, match=message) as caught:
        split_of_arrays(**given)
    assert "\n" not in str(caught.value)
