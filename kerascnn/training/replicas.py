"""What lets several replicas train as one device does with the whole batch.

Each computes a part of it. Left alone, each replica would normalize by its own part,
drop the units that the others drop, and clip, or refuse as infinite, gradients of its
part.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import keras
import tensorflow as tf

from kerascnn.errors import ConfigError
from kerascnn.machine.devices import describe_devices, is_one_cpu
from kerascnn.models.layers import all_layers

if TYPE_CHECKING:
    from kerascnn.machine.threads import Message
    from kerascnn.settings.config import TrainSettings

# Fewer images leave a GPU waiting.
FEW_IMAGES = 32


def check_strategy(
    settings: TrainSettings, strategy: tf.distribute.Strategy, message: Message
) -> None:
    """Look whether a training suits its devices.

    Args:
        settings: The settings.
        strategy: The devices.
        message: Gets a line for what makes it slow.

    Raises:
        ConfigError: A batch that the devices cannot share, or XLA over several.
    """
    replicas = strategy.num_replicas_in_sync
    check_batch_size(settings.batch_size, replicas)
    share = settings.batch_size // replicas
    if replicas > 1 and share < FEW_IMAGES:
        message(
            f"Each of {replicas} devices computes {share} images of a batch of "
            f"{settings.batch_size}, too few to be fast. Raise --batch-size, and tune "
            "--learning-rate again."
        )
    if settings.xla and isinstance(strategy, tf.distribute.MirroredStrategy):
        raise ConfigError(
            "xla compiles for one device, but the strategy mirrors "
            f"{', '.join(describe_devices(strategy))}. Leave xla out, or the strategy."
        )
    if settings.xla and is_one_cpu(strategy):
        message(
            "XLA makes training slower on a processor. Leave --xla out, or train on a "
            "GPU."
        )


def check_batch_size(batch_size: int, num_replicas: int) -> None:
    """Refuse a batch that the devices cannot share.

    Raises:
        ConfigError: With a batch size that can.
    """
    rest = batch_size % num_replicas
    if rest:
        raise ConfigError(
            f"batch_size is {batch_size}, which {num_replicas} devices cannot share "
            f"equally. Set it to {batch_size - rest or num_replicas}."
        )


def join_replicas(
    model: keras.Model, replicas: int, *, synchronized: bool = True
) -> None:
    """Make a network ready for the training by several replicas.

    It has the same variables afterwards, and predicts the same. Of one replica, all
    stays as it is.

    Args:
        model: The network, compiled. It is not to be saved: a file needs no layers that
            look at other replicas.
        replicas: How many there are.
        synchronized: Whether they normalize by the whole batch. Else each does by its
            own part, and the moving statistics are the means of theirs.
    """
    if replicas == 1:
        return
    for layer in all_layers(model):
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.synchronized = synchronized
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
