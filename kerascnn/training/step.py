"""The training step: forward, backward, update. All training goes through here.

Keras's `fit` is not used, for three reasons: it cannot start in the middle of an epoch,
which an exact resume needs; its input pipeline competes with the training for the
processor's cores; and it does not run over several machines (keras#20585). Many steps
run in one call, each takes its own images.

The loop is TensorFlow's own: AutoGraph, which would make one of a `for`, reads source
files while a training runs, and fails on Python 3.13 where warnings are errors.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any

import keras
import tensorflow as tf

from kerascnn.data.augmentations import AUGMENTATIONS
from kerascnn.training.replicas import join_replicas, sum_gradients

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from kerascnn.settings.config import TrainSettings
    from kerascnn.training.batches import BatchSource, Feed


WHITE = 255
Loss = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]


class TrainingStep:
    """Compiled steps of one training.

    Args:
        model: A compiled model, made in the scope of the strategy.
        batches: Where its images come from; their size divides among the devices.
        settings: The settings.
        rates: The learning rate of every step of the training.
        strategy: How the batch is spread over devices.
        parts: In how many parts, which may run side by side, a device computes its
            share. It has to divide it.
        class_weights: Factor of the loss of each class's images, `(num_classes,)`; all
            count alike where `None`.
        background: Brightness around what the images show, as in `DatasetFacts`.
    """

    def __init__(
        self,
        model: keras.Model,
        batches: BatchSource,
        settings: TrainSettings,
        rates: npt.NDArray[np.float32],
        strategy: tf.distribute.Strategy,
        parts: int = 1,
        class_weights: npt.NDArray[np.float32] | None = None,
        background: int | None = None,
    ) -> None:
        self.model = model
        self.batches = batches
        self.parts = parts
        self.augment = AUGMENTATIONS[settings.augment].load()
        self.is_dark_on_light = background == WHITE
        self.seed = settings.seed
        self.strategy = strategy
        self.loss = make_loss(
            settings.label_smoothing, model.output_shape[-1], class_weights
        )
        self.rates = tf.constant(rates)
        join_replicas(
            model, strategy.num_replicas_in_sync, synchronized=settings.sync_batch_norm
        )
        with strategy.scope():
            model.optimizer.build(model.trainable_variables)
        self._update = self._update_weights
        if settings.xla:
            self._update = tf.function(
                self._update_weights, jit_compile=True, autograph=False
            )

    def run(
        self, first: int, count: int
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int32]]:
        """Train on some consecutive batches of one epoch.

        Args:
            first: The first step to do, counted over the whole training.
            count: How many steps.

        Returns:
            The mean loss and the number of correct predictions of each step,
            `(count,)`.
        """
        losses, correct = self._compiled(
            self.batches.feed(first, count),
            tf.constant(first, tf.int32),
            tf.constant(count, tf.int32),
        )
        return losses.numpy(), correct.numpy()

    @cached_property
    def _compiled(self) -> Any:
        number = tf.TensorSpec([], tf.int32)
        function = tf.function(
            self._run,
            input_signature=(self.batches.signature, number, number),
            autograph=False,
        )
        # Else TensorFlow warns of many traces where many networks are trained.
        return function.get_concrete_function()

    def _run(
        self, feed: Feed, first: tf.Tensor, count: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        add = tf.distribute.ReduceOp.SUM

        def train(
            index: tf.Tensor, losses: tf.TensorArray, correct: tf.TensorArray
        ) -> tuple[tf.Tensor, tf.TensorArray, tf.TensorArray]:
            self.model.optimizer.learning_rate.assign(self.rates[first + index])
            loss, hits = self.strategy.run(self._step, (feed, index, first + index))
            return (
                index + 1,
                losses.write(index, self.strategy.reduce(add, loss, None)),
                correct.write(index, self.strategy.reduce(add, hits, None)),
            )

        results = [tf.TensorArray(kind, count) for kind in (tf.float32, tf.int32)]
        _, losses, correct = tf.while_loop(
            lambda index, *_: index < count, train, (tf.constant(0), *results)
        )
        return losses.stack(), correct.stack()

    def _step(
        self, feed: Feed, index: tf.Tensor, step: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """One replica's part of a step; losses of all replicas add up to the mean."""
        replica = tf.distribute.get_replica_context().replica_id_in_sync_group
        batches = self.batches
        share = batches.batch_size // self.strategy.num_replicas_in_sync
        first = replica * share
        images, labels = batches.take(feed, index, first - batches.share.start, share)
        seed, place = tf.stack([self.seed, step]), (first, batches.batch_size)
        # What comes in from outside is black.
        if self.is_dark_on_light:
            inverted = WHITE - tf.cast(images, tf.float32)
            images = WHITE - self.augment(inverted, seed, place)
        else:
            images = self.augment(images, seed, place)
        return self._update(images, labels)

    def _update_weights(
        self, images: tf.Tensor, labels: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Train on a replica's images; its loss and its correct predictions."""
        parts = [(images, labels)]
        if self.parts > 1:  # GPUs do not split class indices
            shares = (tf.split(tensor, self.parts) for tensor in (images, labels))
            parts = list(zip(*shares, strict=True))
        results = [self._differentiate(*part) for part in parts]
        losses, correct, gradients = zip(*results, strict=True)
        summed = [tf.add_n(shares) for shares in zip(*gradients, strict=True)]
        self.model.optimizer.apply(
            sum_gradients(summed), self.model.trainable_variables
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
        predicted = tf.argmax(probabilities, axis=-1, output_type=labels.dtype)
        correct = tf.math.count_nonzero(predicted == labels, dtype=tf.int32)
        return loss, correct, gradients


def make_loss(
    label_smoothing: float,
    num_classes: int,
    class_weights: npt.NDArray[np.float32] | None = None,
) -> Loss:
    """Make the loss from class indices and probabilities to the mean cross-entropy.

    Weighted losses are summed and divided by the number of images, as Keras's `fit`
    does with its `class_weight`.
    """
    cross_entropy: Callable[..., tf.Tensor]
    if label_smoothing:
        cross_entropy = keras.losses.CategoricalCrossentropy(
            label_smoothing=label_smoothing
        )
    else:
        cross_entropy = keras.losses.SparseCategoricalCrossentropy()

    def loss(labels: tf.Tensor, probabilities: tf.Tensor) -> tf.Tensor:
        targets = tf.one_hot(labels, num_classes) if label_smoothing else labels
        if class_weights is None:
            return cross_entropy(targets, probabilities)
        return cross_entropy(targets, probabilities, tf.gather(class_weights, labels))

    return loss
