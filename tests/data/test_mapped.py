"""Images in a file, indexed like an array."""

import os

import numpy as np
import pytest

from kerascnn.data import Split
from kerascnn.data.mapped import MappedImages, UnmappedArray
from kerascnn.data.splits import hold_out, take


@pytest.fixture
def array(tmp_path):
    values = np.random.default_rng(0).integers(0, 256, (40, 3, 2, 1)).astype(np.uint8)
    np.save(tmp_path / "images.npy", values)
    return np.load(tmp_path / "images.npy", mmap_mode="r")


ROWS = np.array([7, 3, 39, 0, 12])


@pytest.mark.parametrize(
    "which",
    [
        slice(None),
        slice(1, 4),
        slice(None, None, -2),
        slice(3, 99),
        np.array([4, 0, 4, 2]),
        np.array([-1, 1]),
        np.array([True, False, True, False, False]),
        np.array([], np.int64),
        [2, 0],
        3,
        np.int64(-2),
    ],
    ids=str,
)
def test_what_is_taken_is_what_an_array_gives(array, which):
    found = MappedImages(array, ROWS)[which]
    np.testing.assert_array_equal(found, array[ROWS][which])
    assert type(found) is np.ndarray
    assert found.flags.writeable  # a copy, and not the file


def test_array_that_cannot_be_mapped_is_read_by_its_rows(array, tmp_path):
    start = array.offset
    unmapped = UnmappedArray(tmp_path / "images.npy", start, array.shape)
    places = np.array([3, 3, -1])
    for which in (slice(None), slice(30, 2, -7), 5, places, places[:0], [4]):
        np.testing.assert_array_equal(unmapped[which], array[which])
    images, mapped = (MappedImages(one, ROWS) for one in (unmapped, array))
    assert (images.shape, images.nbytes) == (mapped.shape, mapped.nbytes)
    np.testing.assert_array_equal(images[:], mapped[:])
    os.truncate(tmp_path / "images.npy", start + 200)
    with pytest.raises(EOFError, match="was cut short"):
        unmapped[33]


@pytest.mark.parametrize("which", [..., (slice(None), 0), (0, 0), (..., 0)], ids=str)
def test_parts_of_images_are_refused(array, which):
    """And not mistaken for images."""
    with pytest.raises(IndexError, match="take images first"):
        MappedImages(array, ROWS)[which]


def test_all_rows_are_taken_where_none_are_named(array):
    images = MappedImages(array)
    assert (len(images), images.shape) == (40, (40, 3, 2, 1))
    assert (images.dtype, images.nbytes) == (np.uint8, array.nbytes)
    np.testing.assert_array_equal(np.asarray(images), array)


def test_what_is_selected_stays_in_the_file(array):
    images = MappedImages(array, ROWS).select(np.array([4, 1]))
    assert isinstance(images, MappedImages)
    assert images.array is array
    assert images.shape == (2, 3, 2, 1)
    np.testing.assert_array_equal(np.asarray(images), array[[12, 3]])
    assert np.asarray(images, np.float32).dtype == np.float32


def test_parts_are_those_of_the_array(array):
    labels = np.arange(40) % 3
    names = ("a", "b", "c")
    mapped = Split(images=MappedImages(array), labels=labels, class_names=names)
    resident = Split(images=np.array(array), labels=labels, class_names=names)
    for one, other in zip(
        (*hold_out(mapped, 0.3, seed=1), take(mapped, 9, seed=2)),
        (*hold_out(resident, 0.3, seed=1), take(resident, 9, seed=2)),
        strict=True,
    ):
        assert isinstance(one.images, MappedImages)
        assert one.image_shape == other.image_shape
        np.testing.assert_array_equal(one.images[:], other.images)
        np.testing.assert_array_equal(one.labels, other.labels)
