"""Keras's SGD and Adagrad, with each update in one operation of TensorFlow.

Keras's own are several, each of which reads and writes all weights; on networks of many
weights, such as AlexNet, memory is what an update waits for.
"""

from __future__ import annotations

import keras
import tensorflow as tf

# TensorFlow's operation adds it to the root. It changes no number in 32 bits, and where
# the sum and the gradient are 0, so is the update.
TINY = 1e-30


def fuse(optimizer: keras.Optimizer) -> keras.Optimizer:
    """Make an optimizer of the same settings whose updates are one operation each.

    Args:
        optimizer: One that is not built yet.

    Returns:
        The same one where there is no such operation.
    """
    if type(optimizer) is keras.optimizers.SGD and optimizer.momentum:
        return FusedSGD.from_config(optimizer.get_config())
    if type(optimizer) is keras.optimizers.Adagrad:
        config = optimizer.get_config()
        config["initial_accumulator_value"] += config["epsilon"]
        return FusedAdagrad.from_config(config)
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
    """Keras's `Adagrad`, whose accumulators begin with its epsilon.

    Keras adds epsilon to a sum before it takes the root, each time; here it is in the
    sum from the first.
    """

    def update_step(
        self, gradient: tf.Tensor, variable: tf.Variable, learning_rate: tf.Tensor
    ) -> None:
        """Update a weight and the sum of its squared gradients."""
        accumulator = self._accumulators[self._get_variable_index(variable)]
        tf.raw_ops.ResourceApplyAdagradV2(
            var=variable.handle,
            accum=accumulator.handle,
            lr=tf.cast(learning_rate, variable.dtype),
            epsilon=TINY,
            grad=gradient,
        )
