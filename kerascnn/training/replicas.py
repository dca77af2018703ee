"""What lets several replicas train as one device does with the whole batch.

Each computes a part of it. Left alone, each replica would normalize by its own part,
drop the units that the others drop, and clip, or refuse as infinite, gradients of its
part.
"""

from __future__ import annotations

from collections.abc import Sequence

import keras
import tensorflow as tf

from kerascnn.models.layers import all_layers


def join_replicas(model: keras.Model, replicas: int) -> None:
    """Make a network ready for the training by several replicas.

    It has the same variables afterwards, and predicts the same. Of one replica, all
    stays as it is.

    Args:
        model: The network, compiled. It is not to be saved: a file needs no layers that
            look at other replicas.
        replicas: How many there are.
    """
    if replicas == 1:
        return
    for layer in all_layers(model):
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.synchronized = True
        seeds = getattr(layer, "seed_generator", None)
        if seeds is not None:
            _draw_by_replica(seeds, replicas)
    # Keras would sum over the replicas what `sum_gradients` has summed already; no
    # public way keeps it from that.
    optimizer = getattr(model.optimizer, "inner_optimizer", model.optimizer)
    optimizer._all_reduce_sum_gradients = lambda pairs: pairs


def sum_gradients(gradients: Sequence[tf.Tensor]) -> Sequence[tf.Tensor]:
    """Sum gradients over all replicas, before an optimizer looks at them.

    Args:
        gradients: Those of this replica's part of the loss.

    Returns:
        Those of the whole loss, the same on all replicas.
    """
    context = tf.distribute.get_replica_context()
    if context.num_replicas_in_sync == 1:
        return gradients
    summed: Sequence[tf.Tensor] = context.all_reduce(
        tf.distribute.ReduceOp.SUM, list(gradients)
    )
    return summed


def _draw_by_replica(seeds: keras.random.SeedGenerator, replicas: int) -> None:
    """Let each replica draw a seed of its own from a state that is that of all."""
    draw = seeds.next

    def draw_own(ordered: bool = True) -> tf.Tensor:
        seed = draw(ordered)
        context = tf.distribute.get_replica_context()
        own = tf.cast(context.replica_id_in_sync_group, seed.dtype)
        return tf.stack([seed[0], seed[1] * replicas + own])

    seeds.next = draw_own
