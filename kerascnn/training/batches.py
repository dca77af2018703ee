"""Where the batches of a training come from: each is a function of its step's number.

A source is asked twice. On the host: what the graph needs for some consecutive steps
(`feed`). In the graph: the images of one of these steps (`take`). So images may be held
as tensors, with indices as the feed, or come with the feed themselves.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

import tensorflow as tf

from kerascnn.data.mapped import MappedImages
from kerascnn.data.splits import epoch_order

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from kerascnn.data import Split

Feed = tuple[tf.Tensor, ...]


class BatchSource(Protocol):
    """What a training step needs to know of its images.

    Attributes:
        batch_size: Images of a step, over all devices and workers together.
        share: Those of them that this process computes.
        steps_per_epoch: Whole batches in an epoch.
        signature: Shapes and kinds of a feed.
    """

    batch_size: int
    share: range
    steps_per_epoch: int
    signature: tuple[tf.TensorSpec, ...]

    def feed(self, first: int, count: int) -> Feed:
        """What `take` needs for some consecutive steps of one epoch.

        Args:
            first: The first of them, counted over the whole training.
            count: How many.
        """

    def take(
        self, feed: Feed, index: tf.Tensor, start: tf.Tensor, count: int
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Take images of a step, in the graph.

        Args:
            feed: What `feed` gave.
            index: The step, counted from the first of the feed.
            start: The first image to take, counted within this process's share.
            count: How many images to take.

        Returns:
            Raw pixels, uint8, `(count, height, width, channels)`, and class indices,
            int64, `(count,)`.
        """


def make_batches(
    split: Split,
    batch_size: int,
    seed: int,
    devices: Sequence[str] = (),
    workers: tuple[int, int] = (0, 1),
) -> BatchSource:
    """Make the batches of some images, wherever these are.

    Args:
        split: The training images.
        batch_size: Images of a batch; what is left over of an epoch is not used.
        seed: Of the order, which differs in every epoch.
        devices: As for `ResidentBatches`.
        workers: Which worker this process is, and of how many; each computes as many
            images of each batch.
    """
    if isinstance(split.images, MappedImages):
        return StreamedBatches(split, batch_size, seed, workers)
    return ResidentBatches(split, batch_size, seed, devices, workers)


class _OrderedBatches:
    """The order of images, which is the same wherever they are."""

    def __init__(
        self, split: Split, batch_size: int, seed: int, workers: tuple[int, int]
    ) -> None:
        index, count = workers
        size = batch_size // count
        self.batch_size = batch_size
        self.share = range(index * size, (index + 1) * size)
        self.steps_per_epoch = len(split) // batch_size
        self.seed = seed
        self._number = len(split)
        self._epoch = -1
        self._order: npt.NDArray[np.int32]

    def indices(self, first: int, count: int) -> npt.NDArray[np.int32]:
        """The images of this process's share of consecutive steps of one epoch.

        Returns:
            Their numbers, `(count * len(share),)`.
        """
        epoch, place = divmod(first, self.steps_per_epoch)
        if epoch != self._epoch:
            self._epoch = epoch
            self._order = epoch_order(self._number, seed=self.seed, epoch=epoch)
        start = place * self.batch_size
        batches = self._order[start : start + count * self.batch_size]
        shares = batches.reshape(count, -1)[:, self.share.start : self.share.stop]
        return shares.ravel()


class ResidentBatches(_OrderedBatches):
    """Batches of images that are held in memory, on every device that computes.

    Each device gathers from a variable of its own. From a tensor it could not: of 8-bit
    numbers, GPUs gather from variables alone, and a tensor would be sent to them in
    every step.

    Args:
        split: The images.
        batch_size: As for `make_batches`.
        seed: Likewise.
        devices: Names of devices, by the number of their replica in this process; the
            one that TensorFlow computes on where there are none.
        workers: As for `make_batches`.
    """

    def __init__(
        self,
        split: Split,
        batch_size: int,
        seed: int,
        devices: Sequence[str] = (),
        workers: tuple[int, int] = (0, 1),
    ) -> None:
        super().__init__(split, batch_size, seed, workers)
        self.signature = (tf.TensorSpec([None], tf.int32),)
        self.copies = [_copy_to(device, split) for device in devices or (None,)]

    def feed(self, first: int, count: int) -> Feed:
        """The indices of the images of these steps, `(count * len(share),)`."""
        return (tf.constant(self.indices(first, count)),)

    def take(
        self, feed: Feed, index: tf.Tensor, start: tf.Tensor, count: int
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Gather the images of a step; for the rest see `BatchSource`."""
        [order] = feed
        start = index * len(self.share) + start
        mine = order[start : start + count]
        context = tf.distribute.get_replica_context()
        replica = tf.get_static_value(context.replica_id_in_sync_group)
        images, labels = self.copies[replica % len(self.copies)]
        return images.sparse_read(mine), labels.sparse_read(mine)


def _copy_to(device: str | None, split: Split) -> tuple[tf.Variable, tf.Variable]:
    """Images and labels on a device, not to be trained."""
    with tf.device(device):
        images, labels = (
            tf.Variable(array, trainable=False)
            for array in (split.images, split.labels)
        )
    return images, labels


class StreamedBatches(_OrderedBatches):
    """Batches of images that stay in their file: what a call needs is read for it."""

    def __init__(
        self,
        split: Split,
        batch_size: int,
        seed: int,
        workers: tuple[int, int] = (0, 1),
    ) -> None:
        super().__init__(split, batch_size, seed, workers)
        self.signature = (
            tf.TensorSpec([None, *split.image_shape], tf.uint8),
            tf.TensorSpec([None], tf.int64),
        )
        self.split = split

    def feed(self, first: int, count: int) -> Feed:
        """The images of these steps and their labels, in order."""
        order = self.indices(first, count)
        return (
            tf.constant(self.split.images[order]),
            tf.constant(self.split.labels[order]),
        )

    def take(
        self, feed: Feed, index: tf.Tensor, start: tf.Tensor, count: int
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Cut the images of a step out; for the rest see `BatchSource`."""
        start = index * len(self.share) + start
        images, labels = (part[start : start + count] for part in feed)
        # Convolutions are chosen by the size of their images.
        return tf.ensure_shape(images, [count, *images.shape[1:]]), labels
