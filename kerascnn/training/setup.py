"""What a training starts from: devices, threads, images, network, compiled steps."""

from __future__ import annotations

import importlib.util
import platform
from dataclasses import dataclass, replace
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from kerascnn import __version__
from kerascnn.data import Split
from kerascnn.data.augmentations import AUGMENTATIONS, choose_augmentation
from kerascnn.data.facts import DatasetFacts
from kerascnn.errors import MissingExtraError
from kerascnn.fast.plan import plan_of
from kerascnn.machine.cluster import Cluster
from kerascnn.machine.computation import Computation, Parallelism
from kerascnn.machine.devices import (
    describe_devices,
    get_strategy,
    gpu_details,
    is_one_cpu,
    replica_devices,
    take_gpus,
)
from kerascnn.machine.environment import (
    PACKAGES,
    describe_environment,
    describe_gpus,
    instruction_set,
    package_version,
    processor_name,
)
from kerascnn.machine.reporter import Reporter
from kerascnn.machine.threads import Message, can_split, share_batch, use_threads
from kerascnn.machine.workers import ALONE, JoinedWorkers, Workers
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
from kerascnn.training.origin import MAY_CHANGE
from kerascnn.training.replicas import check_batch_size, check_strategy
from kerascnn.training.step import TrainingStep


@dataclass(frozen=True, kw_only=True)
class TrainingSetup:
    """All that a training in this process computes with.

    Attributes:
        settings: What is to be done.
        workers: The processes that do it together.
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
    workers: Workers
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
        settings, count = self.settings, self.workers.count
        each = f"{count} workers with " if count > 1 else ""
        return (
            f"{settings.model} on {self.dataset.counts['train']:,} images of "
            f"{self.dataset.title}, "
            f"{settings.optimizer} at {settings.learning_rate:g} "
            f"({settings.schedule}), "
            f"batches of {settings.batch_size}, "
            f"{each}{', '.join(describe_devices(self.strategy))}"
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
        return describe_environment(devices, computation, gpus, self.workers.count)


def prepare_training(
    settings: TrainSettings,
    *,
    strategy: tf.distribute.Strategy | None = None,
    recorded: Computation | None = None,
    arrays: Split | None = None,
    former: tuple[FormerPlan, ...] = (),
    workers: Workers = ALONE,
    message: Message,
) -> TrainingSetup:
    """Get everything ready for the first step, and seed what is random.

    Args:
        settings: The settings.
        strategy: Where to compute; as the settings say where `None`.
        recorded: How it is to be computed, as a run was before; chosen where `None`.
        arrays: The images, where the settings say that Python passes them.
        former: As in `TrainingSetup`.
        workers: The processes that train together; their strategy wins.
        message: As for `share_cores`, and for what makes the training slow.

    Raises:
        ClusterError: Workers whose settings, data or versions differ.
        ConfigError: Settings that do not fit the data, the devices or the memory.
        DatasetError: Data that cannot be read, or that Python did not pass.
        MissingExtraError: TensorBoard is asked for and not installed.
    """
    if settings.tensorboard and not importlib.util.find_spec("tensorboard"):
        raise MissingExtraError("TensorBoard", "tensorboard")
    before = None if recorded is None else recorded.parallelism
    if before is not None:
        use_threads(before)  # a strategy over GPUs makes TensorFlow start
    strategy = (
        workers.strategy
        or strategy
        or get_strategy(settings.device, settings.gpus, xla=settings.xla)
    )
    share = settings.batch_size // workers.count
    parallelism = share_cores(
        settings, strategy, before, workers.count, message=message
    )
    training, validation, dataset = load_splits(settings, arrays)
    settings = _choose_augmentation(settings, dataset, message)
    check_steps(settings, len(training))
    check_strategy(settings, strategy, message)
    if is_one_cpu(strategy):
        check_memory(replace(settings, batch_size=share), dataset)
    if workers.count > 1:
        workers.agree(_common(settings, dataset, strategy))
    batches = make_batches(
        training,
        settings.batch_size,
        settings.seed,
        replica_devices(strategy),
        (workers.index, workers.count),
    )
    rates = planned_rates(settings, former, batches.steps_per_epoch)
    keras.utils.set_random_seed(settings.seed)
    if settings.deterministic:
        tf.config.experimental.enable_op_determinism()
    plan = tuned = None  # GPUs have one of their own
    if is_one_cpu(strategy):
        plan = None if recorded is None else recorded.layer_plan
        tuned = share // parallelism.batch_parts, tuned_ways(parallelism)
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
        workers=workers,
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


def join_workers(
    cluster: Cluster | None,
    settings: TrainSettings | None,
    recorded: Computation | None,
    reporter: Reporter,
) -> Workers:
    """Wait for the workers of a cluster, and compute together from now on.

    Args:
        cluster: The cluster; this process stays alone where `None`.
        settings: What they will train, for threads and devices; a worker that hears it
            of the chief has all threads, and a GPU where there is one.
        recorded: As for `prepare_training`.
        reporter: Told what is waited for.

    Raises:
        ClusterError: They did not come together.
        ConfigError: They cannot share a batch, or there are too few GPUs.
    """
    if cluster is None:
        return ALONE
    reporter.stage(f"waiting for all of {len(cluster.workers)} workers")
    if settings is None:
        return JoinedWorkers(cluster, take_gpus("auto", 1))
    check_batch_size(settings.batch_size, len(cluster.workers))
    gpus = take_gpus(settings.device, settings.gpus)
    share_cores(  # before TensorFlow starts
        settings,
        tf.distribute.get_strategy(),
        None if recorded is None else recorded.parallelism,
        len(cluster.workers),
        message=reporter.message,
    )
    return JoinedWorkers(cluster, gpus)


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


def _common(
    settings: TrainSettings, dataset: DatasetFacts, strategy: tf.distribute.Strategy
) -> dict[str, object]:
    """What has to be the same on all workers, by name, what is easiest seen first."""
    own = {"dataset", "init_from", *MAY_CHANGE}  # a folder may be elsewhere
    own -= {"checkpoint_steps"}  # between these, all do as many steps in a call
    asked = {n: v for n, v in settings.to_dict().items() if n not in own}
    return {
        "version of kerascnn": __version__,
        "version of packages": {name: package_version(name) for name in PACKAGES},
        "kind of processor": platform.machine(),
        "setting": asked,
        "number of devices": len(describe_devices(strategy)),
        "digest of the images": dataset.sha256,
    }


def share_cores(
    settings: TrainSettings,
    strategy: tf.distribute.Strategy,
    recorded: Parallelism | None = None,
    workers: int = 1,
    *,
    message: Message,
) -> Parallelism:
    """Choose in how many parts a batch is computed, and tell TensorFlow its threads.

    Args:
        settings: The settings.
        strategy: Where to compute.
        recorded: What the run began with, which is taken over where it can be; GPUs
            compute whole batches.
        workers: How many processes share the batch. Of several none divides its share
            further: one that hears the settings from the chief has started TensorFlow
            by then, with a thread for each core, and is to come to the same bits.
        message: Gets a line where TensorFlow keeps other threads.

    Returns:
        What is used.
    """
    share = settings.batch_size // workers
    on_one_cpu = is_one_cpu(strategy) and workers == 1
    if recorded and workers > 1 and recorded.batch_parts > 1:
        recorded = None  # its threads are for the parts
    elif recorded and not (on_one_cpu and can_split(share, recorded.batch_parts)):
        recorded = replace(recorded, batch_parts=1)
    splits_batches = settings.fast_layers and MODELS[settings.model].splits_batches
    return share_batch(
        share,
        splits_batches=on_one_cpu and splits_batches,
        recorded=recorded,
        message=message,
    )
