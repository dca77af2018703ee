"""What a training starts from: the images and the compiled network of the settings."""

from __future__ import annotations

from dataclasses import replace

import keras
import tensorflow as tf

from kerascnn.data import DATASETS, Split, load_split
from kerascnn.data.facts import DatasetFacts, digest
from kerascnn.data.splits import hold_out, take
from kerascnn.fast.layers import accelerate
from kerascnn.machine.computation import Parallelism
from kerascnn.machine.devices import is_one_cpu
from kerascnn.machine.threads import Message, share_batch
from kerascnn.models import MODELS
from kerascnn.models.build import build_model
from kerascnn.settings.config import TrainSettings
from kerascnn.settings.optimizers import build_optimizer

# Runs that differ in their seed alone are validated on the same images.
SPLIT_SEED = 0


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


def share_cores(
    settings: TrainSettings,
    strategy: tf.distribute.Strategy,
    recorded: Parallelism | None = None,
    *,
    message: Message,
) -> Parallelism:
    """Choose in how many parts a batch is computed, and tell TensorFlow its threads.

    Args:
        settings: The settings.
        strategy: Where to compute.
        recorded: What the run began with, which is taken over; GPUs compute whole
            batches.
        message: Gets a line where TensorFlow keeps other threads.

    Returns:
        What is used.
    """
    on_one_cpu = is_one_cpu(strategy)
    if recorded is not None and not on_one_cpu:
        recorded = replace(recorded, batch_parts=1)
    splits_batches = settings.fast_layers and MODELS[settings.model].splits_batches
    return share_batch(
        settings.batch_size,
        splits_batches=on_one_cpu and splits_batches,
        recorded=recorded,
        message=message,
    )


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
