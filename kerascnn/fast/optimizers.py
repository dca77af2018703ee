"""Keras's SGD and Adagrad, with each update in one operation of TensorFlow.

Keras's own are several, each of which reads and writes all weights; on networks of many
weights, such as AlexNet, memory is what an update waits for.
"""

from __future__ import annotations

import keras
import tensorflow as tf

# Keras adds epsilon inside the root, TensorFlow's operation its root outside. Up to
# here the two differ by less than rounding wherever a gradient has been.
MAX_EPSILON = 1e-14


def fuse(optimizer: keras.Optimizer) -> keras.Optimizer:
    """Make an optimizer of the same settings whose updates are one operation each.

    Args:
        optimizer: One that is not built yet.

    Returns:
        The same one where there is no such operation.
    """
    if type(optimizer) is keras.optimizers.SGD and optimizer.momentum:
        return FusedSGD.from_config(optimizer.get_config())
    if type(optimizer) is keras.optimizers.Adagrad and optimizer.epsilon <= MAX_EPSILON:
        return FusedAdagrad.from_config(optimizer.get_config())
    return optimizer


class FusedSGD(keras.optimizers.SGD):  # type: ignore[misc]
    """Keras's `SGD` with momentum."""

    def update_step(
        self, gradient: tf.Tensor, variable: tf.Variable, learning_rate: tf.Tensor
    ) -> None:
        """Update a weight and its velocity."""
        velocity = self.momentums[self._get_variable_index(variable)]
        tf.raw_ops.ResourceApplyKerasMomentum(
            var=variable.handle,
            accum=velocity.handle,
            lr=tf.cast(learning_rate, variable.dtype),
            grad=gradient,
            momentum=self.momentum,
            use_nesterov=self.nesterov,
        )


class FusedAdagrad(keras.optimizers.Adagrad):  # type: ignore[misc]
    """Keras's `Adagrad`, with d outside the root, as the lab report has it."""

    def update_step(
        self, gradient: tf.Tensor, variable: tf.Variable, learning_rate: tf.Tensor
    ) -> None:
        """Update a weight and the sum of its squared gradients."""
        accumulator = self._accumulators[self._get_variable_index(variable)]
        tf.raw_ops.ResourceApplyAdagradV2(
            var=variable.handle,
            accum=accumulator.handle,
            lr=tf.cast(learning_rate, variable.dtype),
            epsilon=self.epsilon**0.5,
            grad=gradient,
        )
