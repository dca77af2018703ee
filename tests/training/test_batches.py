"""Batches: a function of the step's number, and sizes that are refused."""

import os
import signal
from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf

from kerascnn.data import Split, stored
from kerascnn.data.mapped import MappedImages
from kerascnn.data.splits import epoch_order
from kerascnn.errors import ConfigError, TrainingInterruptedError
from kerascnn.machine.reporter import Reporter
from kerascnn.settings.config import TrainConfig
from kerascnn.training import train
from kerascnn.training.batches import (
    ResidentBatches,
    StreamedBatches,
    make_batches,
)
from kerascnn.training.replicas import check_batch_size

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


@pytest.fixture
def mapped(tmp_path):
    """Fifty images in a file, of which forty in another order are taken."""
    rng = np.random.default_rng(0)
    np.save(tmp_path / "images.npy", rng.integers(0, 256, (50, 6, 5, 3)).astype("u1"))
    array = np.load(tmp_path / "images.npy", mmap_mode="r")
    return Split(
        images=MappedImages(array, rng.permutation(50)[:40]),
        labels=rng.integers(0, 3, 40),
        class_names=("a", "b", "c"),
    )


def test_streamed_batches_are_those_of_memory_bit_for_bit(mapped):
    streamed = make_batches(mapped, 7, seed=3)
    resident = make_batches(replace(mapped, images=mapped.images[:]), 7, seed=3)
    assert (type(streamed), type(resident)) == (StreamedBatches, ResidentBatches)
    assert streamed.steps_per_epoch == resident.steps_per_epoch == 5
    for first, count in ((0, 1), (1, 4), (12, 3), (5, 5)):
        feeds = streamed.feed(first, count), resident.feed(first, count)
        for index in range(count):
            for start, part in ((0, 7), (0, 4), (4, 3)):
                takes = [
                    source.take(feed, tf.constant(index), tf.constant(start), part)
                    for source, feed in zip((streamed, resident), feeds, strict=True)
                ]
                for one, other in zip(*takes, strict=True):
                    assert one.dtype == other.dtype
                    np.testing.assert_array_equal(one, other)
    for feed, wanted in zip(streamed.feed(0, 2), streamed.signature, strict=True):
        assert wanted.is_compatible_with(feed)


@pytest.mark.parametrize("kind", ["streamed", "resident"])
def test_workers_share_each_batch_and_hold_no_more_than_their_part(mapped, kind):
    if kind == "resident":
        mapped = replace(mapped, images=mapped.images[:])
    whole = make_batches(mapped, 6, seed=3)
    shares = [make_batches(mapped, 6, seed=3, workers=(n, 3)) for n in range(3)]
    assert [each.share for each in shares] == [range(2), range(2, 4), range(4, 6)]
    zero, one = tf.constant(0), tf.constant(1)
    images, labels = whole.take(whole.feed(7, 2), one, zero, 6)
    for number, each in enumerate(shares):
        feed = each.feed(7, 2)
        assert {len(part) for part in feed} == {4}
        own, their = each.take(feed, one, zero, 2)
        np.testing.assert_array_equal(own, images[2 * number : 2 * number + 2])
        np.testing.assert_array_equal(their, labels[2 * number : 2 * number + 2])


class Interrupt(Reporter):
    """Sends SIGINT in the second epoch."""

    def steps(self, epoch, **progress):
        if epoch == "2/2":
            os.kill(os.getpid(), signal.SIGINT)


def test_streamed_training_is_that_in_memory_even_if_it_was_stopped(
    digit_folder, tmp_path, monkeypatch
):
    config = TrainConfig(
        model="lenet",
        dataset=digit_folder,
        **{"epochs": 2, "batch_size": 16, "deterministic": True},
        checkpoint_seconds=0,
        test=False,
    )
    whole = train.train_model(config, tmp_path, name="whole")
    monkeypatch.setattr(stored, "MEMORY_SHARE", 0)
    with pytest.raises(TrainingInterruptedError):
        train.train_model(config, tmp_path, name="streamed", reporter=Interrupt())
    [stopped] = (tmp_path / "streamed").glob("checkpoint")
    assert stopped.is_dir()
    streamed = train.resume_training(type(whole)(tmp_path / "streamed"))
    for name in ("steps.csv", "dataset.json"):
        assert (streamed.path / name).read_bytes() == (whole.path / name).read_bytes()
    for one, other in zip(
        streamed.load_model().get_weights(),
        whole.load_model().get_weights(),
        strict=True,
    ):
        np.testing.assert_array_equal(one, other)
    assert streamed.metrics.validation_loss == whole.metrics.validation_loss


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
