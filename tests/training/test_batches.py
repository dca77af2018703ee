"""Batches: a function of the step's number, and sizes that are refused."""

import numpy as np
import pytest
import tensorflow as tf

from kerascnn.data import Split
from kerascnn.data.splits import epoch_order
from kerascnn.errors import ConfigError
from kerascnn.training.batches import ResidentBatches, check_batch_size

IMAGES = 10


@pytest.fixture(scope="module")
def split():
    """Ten images of one pixel, each of its own brightness, in three classes."""
    return Split(
        images=np.arange(IMAGES, dtype=np.uint8).reshape(IMAGES, 1, 1, 1),
        labels=np.arange(IMAGES) % 3,
        class_names=("a", "b", "c"),
    )


@pytest.fixture
def batches(split):
    return ResidentBatches(split, batch_size=3, seed=7)


def brightness(batches, first, count):
    """The images of each step, by their brightness."""
    feed = batches.feed(first, count)
    return [
        batches.take(feed, tf.constant(step), tf.constant(0), 3)[0].numpy().ravel()
        for step in range(count)
    ]


def test_batch_depends_on_the_number_of_its_step_alone(batches, split):
    assert batches.steps_per_epoch == 3
    whole = [*brightness(batches, 0, 3), *brightness(batches, 3, 3)]
    again = ResidentBatches(split, batch_size=3, seed=7)
    for step in (4, 0, 5, 1, 3, 2):
        np.testing.assert_array_equal(brightness(again, step, 1), [whole[step]])


def test_epoch_shows_each_image_at_most_once_and_every_epoch_another_order(batches):
    first, second = (np.ravel(brightness(batches, start, 3)) for start in (0, 3))
    for epoch, images in enumerate((first, second)):
        np.testing.assert_array_equal(
            images, epoch_order(IMAGES, seed=7, epoch=epoch)[:9]
        )
    assert list(first) != list(second)


def test_part_of_a_batch_is_taken_with_its_labels(batches):
    feed = batches.feed(0, 2)
    images, labels = batches.take(feed, tf.constant(1), tf.constant(1), 2)
    order = batches.indices(0, 2)
    np.testing.assert_array_equal(images[:, 0, 0, 0], order[4:6])
    np.testing.assert_array_equal(labels, order[4:6] % 3)
    assert (images.dtype, labels.dtype) == (tf.uint8, tf.int64)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((66, 4), "4 devices cannot share equally. Set it to 64"),
        ((3, 4), "4 devices cannot share equally. Set it to 4"),
    ],
)
def test_batch_that_devices_cannot_share_is_refused(arguments, message):
    with pytest.raises(ConfigError, match=message):
        check_batch_size(*arguments)
    check_batch_size(64, 4)
