"""What a training starts from: devices, threads, images, network, compiled steps."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass, replace
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from kerascnn.data import Split
from kerascnn.data.augmentations import AUGMENTATIONS, choose_augmentation
from kerascnn.data.facts import DatasetFacts
from kerascnn.errors import MissingExtraError
from kerascnn.fast.plan import plan_of
from kerascnn.machine.computation import Computation, Parallelism
from kerascnn.machine.devices import (
    describe_devices,
    get_strategy,
    gpu_details,
    is_one_cpu,
    replica_devices,
)
from kerascnn.machine.environment import (
    describe_environment,
    describe_gpus,
    instruction_set,
    processor_name,
)
from kerascnn.machine.threads import Message, share_batch, use_threads
from kerascnn.model_files.keras_model import Predictor
from kerascnn.models import MODELS
from kerascnn.settings.config import TrainSettings, check_steps
from kerascnn.settings.plans import FormerPlan, began_anew, planned_rates
from kerascnn.settings.precision import mixed_precision_warning
from kerascnn.settings.tuned_ways import tuned_ways
from kerascnn.training.batches import BatchSource, make_batches
from kerascnn.training.class_weights import balanced_weights
from kerascnn.training.images import load_splits
from kerascnn.training.memory import check_memory
from kerascnn.training.network import compile_model
from kerascnn.training.replicas import check_strategy
from kerascnn.training.step import TrainingStep


@dataclass(frozen=True, kw_only=True)
class TrainingSetup:
    """All that a training in this process computes with.

    Attributes:
        settings: What is to be done.
        strategy: The devices.
        parallelism: How a batch is shared among the cores of a processor.
        dataset: The facts of the data.
        validation: The images held out, or none.
        batches: Where the training images come from.
        rates: The learning rate of every step, `(steps of the training,)`.
        model: The network, compiled, with its initial weights.
        step: Its training steps.
        predict: The network as it predicts; it sees later changes of the weights.
        former: The plans before that of the settings, of a run that was given another
            number of epochs.
    """

    settings: TrainSettings
    strategy: tf.distribute.Strategy
    parallelism: Parallelism
    dataset: DatasetFacts
    validation: Split
    batches: BatchSource
    rates: npt.NDArray[np.float32]
    model: keras.Model
    step: TrainingStep
    predict: Predictor
    former: tuple[FormerPlan, ...] = ()

    @property
    def began_anew(self) -> int:
        """The epochs that were done when the optimizer last began anew."""
        return began_anew(self.former)

    @property
    def images_per_epoch(self) -> int:
        """Images that an epoch trains on: what no batch holds is left over."""
        return self.batches.steps_per_epoch * self.batches.batch_size

    def headline(self) -> str:
        """What is trained on what and how, in a line."""
        settings = self.settings
        return (
            f"{settings.model} on {self.dataset.counts['train']:,} images of "
            f"{self.dataset.title}, "
            f"{settings.optimizer} at {settings.learning_rate:g} "
            f"({settings.schedule}), "
            f"batches of {settings.batch_size}, "
            f"{', '.join(describe_devices(self.strategy))}"
        )

    def environment(self) -> dict[str, Any]:
        """What the training is computed with, and how, for `environment.json`."""
        computation = Computation(
            processor=processor_name(),
            instruction_set=instruction_set(),
            parallelism=self.parallelism,
            layer_plan=plan_of(self.model),
        )
        gpus = describe_gpus(
            gpu_details(self.strategy),
            tf.sysconfig.get_build_info(),
            tf32=tf.config.experimental.tensor_float_32_execution_enabled(),
        )
        devices = describe_devices(self.strategy)
        return describe_environment(devices, computation, gpus)


def prepare_training(
    settings: TrainSettings,
    *,
    strategy: tf.distribute.Strategy | None = None,
    recorded: Computation | None = None,
    arrays: Split | None = None,
    former: tuple[FormerPlan, ...] = (),
    message: Message,
) -> TrainingSetup:
    """Get everything ready for the first step, and seed what is random.

    Args:
        settings: The settings.
        strategy: Where to compute; as the settings say where `None`.
        recorded: How it is to be computed, as a run was before; chosen where `None`.
        arrays: The images, where the settings say that Python passes them.
        former: As in `TrainingSetup`.
        message: As for `share_cores`, and for what makes the training slow.

    Raises:
        ConfigError: Settings that do not fit the data, the devices or the memory.
        DatasetError: Data that cannot be read, or that Python did not pass.
        MissingExtraError: TensorBoard is asked for and not installed.
    """
    if settings.tensorboard and not importlib.util.find_spec("tensorboard"):
        raise MissingExtraError("TensorBoard", "tensorboard")
    before = None if recorded is None else recorded.parallelism
    if before is not None:
        use_threads(before)  # a strategy over GPUs makes TensorFlow start
    strategy = strategy or get_strategy(
        settings.device, settings.gpus, xla=settings.xla
    )
    parallelism = share_cores(settings, strategy, before, message=message)
    training, validation, dataset = load_splits(settings, arrays)
    settings = _choose_augmentation(settings, dataset, message)
    check_steps(settings, len(training))
    check_strategy(settings, strategy, message)
    if is_one_cpu(strategy):
        check_memory(settings, dataset)
    batches = make_batches(
        training, settings.batch_size, settings.seed, replica_devices(strategy)
    )
    rates = planned_rates(settings, former, batches.steps_per_epoch)
    keras.utils.set_random_seed(settings.seed)
    if settings.deterministic:
        tf.config.experimental.enable_op_determinism()
    plan = tuned = None  # GPUs have one of their own
    if is_one_cpu(strategy):
        plan = None if recorded is None else recorded.layer_plan
        images = settings.batch_size // parallelism.batch_parts
        tuned = images, tuned_ways(parallelism)
    with strategy.scope():
        model = compile_model(settings, dataset, plan, tuned=tuned)
    if (
        settings.mixed_precision
        and is_one_cpu(strategy)
        and (warning := mixed_precision_warning(settings, plan_of(model)))
    ):
        message(warning)
    parts = parallelism.batch_parts
    weights = None
    if settings.class_weights == "balanced":
        weights = balanced_weights(training.labels, training.num_classes)
    return TrainingSetup(
        settings=settings,
        strategy=strategy,
        parallelism=parallelism,
        dataset=dataset,
        validation=validation,
        batches=batches,
        rates=rates,
        model=model,
        step=TrainingStep(
            model,
            batches,
            settings,
            rates,
            strategy,
            parts,
            weights,
            dataset.background,
        ),
        predict=Predictor(model, workers=parts),
        former=former,
    )


def _choose_augmentation(
    settings: TrainSettings, dataset: DatasetFacts, message: Message
) -> TrainSettings:
    """The settings with the augmentation that suits the data, where that is asked for.

    It is of the checkpoint's settings, so that a run goes on as it began.
    """
    chosen = choose_augmentation(settings.augment, dataset.background)
    if chosen != settings.augment:
        summary = AUGMENTATIONS[chosen].summary.lower()
        message(
            f"Training images of {dataset.title} are augmented as {chosen}: {summary}"
        )
    return replace(settings, augment=chosen)


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
