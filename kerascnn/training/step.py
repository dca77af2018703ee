"""The training step: forward, backward, update. All training goes through here.

Keras's `fit` is not used, for three reasons: it cannot start in the middle of an epoch,
which an exact resume needs; its input pipeline competes with the training for the
processor's cores; and it does not run over several machines (keras#20585). The images
are held as one tensor, each step gathers its own, and many steps run in one call.

The loop is TensorFlow's own: AutoGraph, which would make one of a `for`, reads source
files while a training runs, and fails on Python 3.13 where warnings are errors.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import keras
import tensorflow as tf

from kerascnn.data.augmentation import augment
from kerascnn.errors import ConfigError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from kerascnn.data import Split
    from kerascnn.settings.config import TrainSettings


Loss = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]


class TrainingStep:
    """Compiled steps of one training.

    Args:
        model: A compiled model, made in the scope of the strategy.
        split: The training images.
        settings: The settings.
        rates: The learning rate of every step of the training.
        strategy: How the batch is spread over devices.
        parts: In how many parts, which may run side by side, a device computes its
            share. It has to divide it.

    Raises:
        ConfigError: A batch that does not divide among the devices, or that is larger
            than the training set.
    """

    def __init__(
        self,
        model: keras.Model,
        split: Split,
        settings: TrainSettings,
        rates: npt.NDArray[np.float32],
        strategy: tf.distribute.Strategy,
        parts: int = 1,
    ) -> None:
        self.model = model
        self.parts = parts
        self.batch_size = settings.batch_size
        self.augments = settings.augment
        self.seed = settings.seed
        self.strategy = strategy
        self.loss = make_loss(settings.label_smoothing, split.num_classes)
        self.images = tf.constant(split.images)
        self.labels = tf.constant(split.labels)
        self.rates = tf.constant(rates)
        with strategy.scope():
            model.optimizer.build(model.trainable_variables)
        self._compiled = tf.function(self._run, reduce_retracing=True, autograph=False)

    def run(
        self, order: npt.NDArray[np.int32], *, begin: int, first: int, count: int
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int32]]:
        """Train on some consecutive batches of an epoch.

        Args:
            order: The images of the epoch, in the order of training.
            begin: The epoch's first step, counted over the whole training.
            first: The first step to do, counted likewise.
            count: How many steps.

        Returns:
            The mean loss and the number of images told right of each step, `(count,)`.
        """
        losses, correct = self._compiled(
            *(tf.constant(value, tf.int32) for value in (order, begin, first, count))
        )
        return losses.numpy(), correct.numpy()

    def _run(
        self, order: tf.Tensor, begin: tf.Tensor, first: tf.Tensor, count: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        add = tf.distribute.ReduceOp.SUM

        def train(
            index: tf.Tensor, losses: tf.TensorArray, correct: tf.TensorArray
        ) -> tuple[tf.Tensor, tf.TensorArray, tf.TensorArray]:
            step = first + index
            start = (step - begin) * self.batch_size
            batch = order[start : start + self.batch_size]
            self.model.optimizer.learning_rate.assign(self.rates[step])
            loss, right = self.strategy.run(self._step, (batch, step))
            return (
                index + 1,
                losses.write(index, self.strategy.reduce(add, loss, None)),
                correct.write(index, self.strategy.reduce(add, right, None)),
            )

        results = [tf.TensorArray(kind, count) for kind in (tf.float32, tf.int32)]
        _, losses, correct = tf.while_loop(
            lambda index, *_: index < count, train, (tf.constant(0), *results)
        )
        return losses.stack(), correct.stack()

    def _step(self, batch: tf.Tensor, step: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """One replica's part of a step; losses of all replicas add up to the mean."""
        replica = tf.distribute.get_replica_context().replica_id_in_sync_group
        replicas = self.strategy.num_replicas_in_sync
        share = self.batch_size // replicas
        mine = batch[replica * share : (replica + 1) * share]
        images = tf.cast(tf.gather(self.images, mine), tf.float32)
        labels = tf.gather(self.labels, mine)
        if self.augments:
            images = augment(images, tf.stack([self.seed, step * replicas + replica]))
        parts = zip(
            tf.split(images, self.parts), tf.split(labels, self.parts), strict=True
        )
        results = [self._differentiate(*part) for part in parts]
        losses, correct, gradients = zip(*results, strict=True)
        self.model.optimizer.apply(
            [tf.add_n(shares) for shares in zip(*gradients, strict=True)],
            self.model.trainable_variables,
        )
        return tf.add_n(losses), tf.add_n(correct)

    def _differentiate(
        self, images: tf.Tensor, labels: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor, list[tf.Tensor]]:
        """The share that a part of the batch has in the loss and in its gradients."""
        with tf.GradientTape() as tape:
            probabilities = self.model(images, training=True)
            # Keras divides by the number of replicas, since gradients are summed.
            loss = self.loss(labels, probabilities) / self.parts
            scaled = self.model.optimizer.scale_loss(loss)
        gradients = tape.gradient(scaled, self.model.trainable_variables)
        guesses = tf.argmax(probabilities, axis=-1, output_type=labels.dtype)
        correct = tf.math.count_nonzero(guesses == labels, dtype=tf.int32)
        return loss, correct, gradients


def make_loss(label_smoothing: float, num_classes: int) -> Loss:
    """Make the loss from class indices and probabilities to the mean cross-entropy."""
    if not label_smoothing:
        sparse: Loss = keras.losses.SparseCategoricalCrossentropy()
        return sparse
    smoothed = keras.losses.CategoricalCrossentropy(label_smoothing=label_smoothing)

    def loss(labels: tf.Tensor, probabilities: tf.Tensor) -> tf.Tensor:
        return smoothed(tf.one_hot(labels, num_classes), probabilities)

    return loss


def check_batch_size(batch_size: int, num_images: int, num_replicas: int) -> None:
    """Refuse a batch that cannot be taken from the images or shared by the devices.

    Raises:
        ConfigError: With a batch size that can.
    """
    if batch_size > num_images:
        raise ConfigError(
            f"batch_size is {batch_size}, but there are only {num_images} training "
            f"images. Set it to {num_images} or less."
        )
    rest = batch_size % num_replicas
    if rest:
        raise ConfigError(
            f"batch_size is {batch_size}, which {num_replicas} devices cannot share "
            f"equally. Set it to {batch_size - rest or num_replicas}."
        )
