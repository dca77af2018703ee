"""What a training starts from: the images and the compiled network of the settings."""

from __future__ import annotations

import os
from dataclasses import replace

import keras
import tensorflow as tf

from kerascnn.config import TrainSettings
from kerascnn.data import DATASETS, Split, load_split
from kerascnn.data.splits import hold_out, take
from kerascnn.dataset_facts import DatasetFacts, digest
from kerascnn.environment import usable_cores
from kerascnn.fast_layers import accelerate
from kerascnn.models import MODELS, build_model
from kerascnn.optimizers import build_optimizer

# Runs that differ in their seed alone are validated on the same images.
SPLIT_SEED = 0
# Fewer images leave a core less to compute than it costs to start it.
MIN_PART = 16


def load_splits(settings: TrainSettings) -> tuple[Split, Split, DatasetFacts]:
    """Load the images to train on and to validate on, and describe the data.

    The test images are left alone: `DatasetFacts.load` reads them when they are needed.
    """
    whole = load_split(settings.dataset, "train")
    training, validation = hold_out(
        whole, settings.validation_fraction, seed=SPLIT_SEED
    )
    if settings.limit is not None:
        training = take(training, settings.limit, seed=SPLIT_SEED)
    facts = replace(
        DatasetFacts.from_table(settings.dataset),
        image_shape=whole.image_shape,
        class_names=whole.class_names,
        counts={
            "train": len(training),
            "validation": len(validation),
            "test": DATASETS[settings.dataset].num_test,
        },
        sha256=digest(whole),
    )
    return training, validation, facts


def split_batches(settings: TrainSettings, strategy: tf.distribute.Strategy) -> int:
    """Choose in how many parts, side by side, each batch is computed.

    The operations of a small network are too short to be shared among cores: there each
    core computes a part of the batch alone, and TensorFlow is told to give an operation
    no more. It must not have computed yet; where it has, or where environment variables
    set its threads, the parts share the threads that there are.

    Args:
        settings: The settings.
        strategy: Where to compute.

    Returns:
        The number of parts, which divides the batch; 1 where nothing is gained.
    """
    if (
        not settings.fast_layers
        or not MODELS[settings.model].splits_batches
        or strategy.num_replicas_in_sync > 1
        or tf.config.get_visible_devices("GPU")
    ):
        return 1
    batch_size, cores = settings.batch_size, usable_cores()
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


def compile_model(settings: TrainSettings, split: Split) -> keras.Model:
    """Build and compile the network of the settings, for images as in `split`."""
    model = build_network(settings, split)
    if settings.fast_layers and not tf.config.get_visible_devices("GPU"):
        model = accelerate(model)
    momentum = {} if settings.momentum is None else {"momentum": settings.momentum}
    model.compile(
        optimizer=build_optimizer(
            settings.optimizer,
            settings.learning_rate,
            ema=settings.ema,
            **momentum | dict(settings.optimizer_options),
        ),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
        jit_compile=False,  # XLA is slower on CPUs
    )
    return model


def build_network(settings: TrainSettings, split: Split) -> keras.Model:
    """Build the network of the settings, not compiled, for images as in `split`."""
    if settings.mixed_precision:
        on_gpu = bool(tf.config.get_visible_devices("GPU"))
        keras.config.set_dtype_policy(f"mixed_{'float16' if on_gpu else 'bfloat16'}")
    try:
        return build_model(
            settings.model,
            split.image_shape,
            split.num_classes,
            image_size=settings.image_size,
            stem=settings.stem,
        )
    finally:
        keras.config.set_dtype_policy("float32")
