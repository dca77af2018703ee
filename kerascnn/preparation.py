"""What a training starts from: the images and the compiled network of the settings."""

from __future__ import annotations

import keras
import tensorflow as tf

from kerascnn.config import TrainConfig
from kerascnn.data import Split, load_dataset
from kerascnn.data.splits import hold_out, take
from kerascnn.fast_layers import accelerate
from kerascnn.models import build_model
from kerascnn.optimizers import build_optimizer

# Runs that differ in their seed alone are validated on the same images.
SPLIT_SEED = 0


def load_splits(config: TrainConfig) -> tuple[Split, Split, Split]:
    """Load the training, validation and test images that the settings ask for."""
    whole, test = load_dataset(config.dataset)
    training, validation = hold_out(whole, config.validation_fraction, seed=SPLIT_SEED)
    if config.limit is not None:
        training = take(training, config.limit, seed=SPLIT_SEED)
    return training, validation, test


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
