"""What a training starts from: the images and the compiled network of the settings."""

from __future__ import annotations

import os

import keras
import tensorflow as tf

from kerascnn.config import TrainConfig
from kerascnn.data import Split, load_dataset
from kerascnn.data.splits import hold_out, take
from kerascnn.environment import usable_cores
from kerascnn.fast_layers import accelerate
from kerascnn.models import MODELS, build_model
from kerascnn.optimizers import build_optimizer

# Runs that differ in their seed alone are validated on the same images.
SPLIT_SEED = 0
# Fewer images leave a core less to compute than it costs to start it.
MIN_PART = 16


def load_splits(config: TrainConfig) -> tuple[Split, Split, Split]:
    """Load the training, validation and test images that the settings ask for."""
    whole, test = load_dataset(config.dataset)
    training, validation = hold_out(whole, config.validation_fraction, seed=SPLIT_SEED)
    if config.limit is not None:
        training = take(training, config.limit, seed=SPLIT_SEED)
    return training, validation, test


def split_batches(config: TrainConfig, strategy: tf.distribute.Strategy) -> int:
    """Choose in how many parts, side by side, each batch is computed.

    The operations of a small network are too short to be shared among cores: there each
    core computes a part of the batch alone, and TensorFlow is told to give an operation
    no more. It must not have computed yet; where it has, or where environment variables
    set its threads, the parts share the threads that there are.

    Args:
        config: The settings, resolved.
        strategy: Where to compute.

    Returns:
        The number of parts, which divides the batch; 1 where nothing is gained.
    """
    if (
        not config.fast_layers
        or not MODELS[config.model].splits_batches
        or strategy.num_replicas_in_sync > 1
        or tf.config.get_visible_devices("GPU")
    ):
        return 1
    batch_size, cores = config.batch_size or 0, usable_cores()
    parts = max(
        parts
        for parts in range(1, cores + 1)
        if parts == 1 or (batch_size % parts == 0 and batch_size >= parts * MIN_PART)
    )
    if not {"TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"} & set(os.environ):
        try:
            tf.config.threading.set_intra_op_parallelism_threads(cores // parts)
            tf.config.threading.set_inter_op_parallelism_threads(parts)
        except RuntimeError:  # TensorFlow has computed
            pass
    return parts


def compile_model(config: TrainConfig, split: Split) -> keras.Model:
    """Build and compile the network of the settings, for images as in `split`."""
    model = build_network(config, split)
    if config.fast_layers and not tf.config.get_visible_devices("GPU"):
        model = accelerate(model)
    momentum = {} if config.momentum is None else {"momentum": config.momentum}
    model.compile(
        optimizer=build_optimizer(
            config.optimizer,
            config.learning_rate,
            ema=config.ema,
            **momentum | dict(config.optimizer_options),
        ),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
        jit_compile=False,  # XLA is slower on CPUs
    )
    return model


def build_network(config: TrainConfig, split: Split) -> keras.Model:
    """Build the network of the settings, not compiled, for images as in `split`."""
    if config.mixed_precision:
        on_gpu = bool(tf.config.get_visible_devices("GPU"))
        keras.config.set_dtype_policy(f"mixed_{'float16' if on_gpu else 'bfloat16'}")
    try:
        return build_model(
            config.model,
            split.image_shape,
            split.num_classes,
            image_size=config.image_size,
            stem=config.stem,
        )
    finally:
        keras.config.set_dtype_policy("float32")
