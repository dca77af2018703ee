"""The network of a training's settings: as it is trained, saved, and averaged."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

import keras
import tensorflow as tf

from kerascnn.fast.optimizers import fuse
from kerascnn.fast.plan import Plan, accelerate, default_plan
from kerascnn.fast.tuning import apply_tuning
from kerascnn.machine.devices import gpu_details, half_precision
from kerascnn.machine.environment import instruction_set
from kerascnn.models.build import build_model
from kerascnn.models.layers import all_layers
from kerascnn.settings.optimizers import build_optimizer

if TYPE_CHECKING:
    from kerascnn.data import Split
    from kerascnn.data.facts import DatasetFacts
    from kerascnn.settings.config import TrainSettings


# Images of a part of a batch, and ways by the kind of layer.
Tuned = tuple[int, Mapping[str, str]]


def compile_model(
    settings: TrainSettings,
    data: Split | DatasetFacts,
    plan: Plan | None = None,
    *,
    tuned: Tuned | None = None,
) -> keras.Model:
    """Build and compile the network of the settings, for images as `data` has them.

    Args:
        settings: The settings.
        data: Has the shape of the images, and the number of classes.
        plan: Which way each layer is computed; chosen for this machine where `None`.
        tuned: What was measured on this machine, for a plan that is chosen.

    Raises:
        ConfigError: A plan of another network.
    """
    model = build_network(settings, data)
    if plan is None:
        plan = choose_plan(settings, model)
        if tuned is not None and settings.fast_layers:
            plan = apply_tuning(model, plan, *tuned)
    model = accelerate(model, plan)
    momentum = {} if settings.momentum is None else {"momentum": settings.momentum}
    optimizer = build_optimizer(
        settings.optimizer,
        settings.learning_rate,
        ema=settings.ema,
        **momentum | dict(settings.optimizer_options),
    )
    if settings.fast_layers:
        optimizer = fuse(optimizer)
    # Keras does so by the policy of the model, which a copy of one has lost.
    if any(layer.compute_dtype == "float16" for layer in all_layers(model)):
        optimizer = keras.optimizers.LossScaleOptimizer(
            optimizer, name="loss_scale_optimizer"
        )
    model.compile(
        optimizer=optimizer,
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
        jit_compile=False,  # the training step is not Keras's
    )
    return model


def choose_plan(settings: TrainSettings, model: keras.Model) -> dict[str, str]:
    """The way of each layer that suits this machine; all are Keras's own if asked."""
    if not settings.fast_layers:
        return {}
    on_gpu = gpu_details(tf.distribute.get_strategy())
    return default_plan(
        model,
        "GPU" if on_gpu else instruction_set(),
        bfloat16=settings.mixed_precision,
    )


def build_network(settings: TrainSettings, data: Split | DatasetFacts) -> keras.Model:
    """Build the network of the settings, not compiled, of Keras's own layers alone."""
    gpus = gpu_details(tf.distribute.get_strategy())
    # On processors a plan says which layers compute in 16 bits: some would lose by it.
    if settings.mixed_precision and (gpus or not settings.fast_layers):
        keras.config.set_dtype_policy(f"mixed_{half_precision(gpus)}")
    try:
        return build_model(
            settings.model,
            data.image_shape,
            data.num_classes,
            image_size=settings.image_size,
            stem=settings.stem,
            **settings.model_options,
        )
    finally:
        keras.config.set_dtype_policy("float32")


@contextmanager
def averaged_weights(settings: TrainSettings, model: keras.Model) -> Iterator[None]:
    """Look at a model with the moving average of its weights, where one is kept."""
    if settings.ema is None:
        yield
        return
    variables = model.trainable_variables
    current = [keras.ops.convert_to_numpy(variable) for variable in variables]
    take_average(settings, model)
    yield
    for variable, value in zip(variables, current, strict=True):
        variable.assign(value)


def take_average(settings: TrainSettings, model: keras.Model) -> None:
    """Put the moving average of its weights into a model, where one is kept."""
    if settings.ema is not None:
        model.optimizer.finalize_variable_values(model.trainable_variables)


def restart_optimizer(settings: TrainSettings, model: keras.Model) -> None:
    """Put the optimizer into the state in which it begins at the model's weights now.

    Some states are of the weights: averages, and what ScheduleFreeAdamW steps from.
    """
    optimizer = model.optimizer
    new = type(optimizer).from_config(optimizer.get_config())
    new.build(model.trainable_variables)
    for variable, value in zip(optimizer.variables, new.variables, strict=True):
        variable.assign(value)
    if settings.ema is not None:
        inner = getattr(optimizer, "inner_optimizer", optimizer)
        for average, weight in zip(
            inner._model_variables_moving_average,  # Keras only reads them for others
            model.trainable_variables,
            strict=True,
        ):
            average.assign(weight)
