"""The settings of a training: what is asked for, and what the recipes make of it."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from kerascnn.data import ARRAYS, DATASETS
from kerascnn.errors import ConfigError, UnknownNameError
from kerascnn.models import MODELS
from kerascnn.settings.optimizers import OPTIMIZERS, OptionValue
from kerascnn.settings.recipes import RECIPES
from kerascnn.settings.schedules import SCHEDULES

DEVICES = ("auto", "cpu", "gpu")


@dataclass(frozen=True, kw_only=True)
class CommonSettings:
    """The settings that no network's recipe fills in.

    Attributes:
        model: A name of `MODELS`.
        dataset: A name of `DATASETS`, or `ARRAYS` for images that Python passes.
        optimizer: A name of `OPTIMIZERS`.
        momentum: In `[0, 1)`, for optimizers that have it. `None` asks for that of the
            optimizer's row; in `TrainSettings` it says that the optimizer has none.
        optimizer_options: Other options of the optimizer, by name.
        model_options: The network's own options, by name, such as MobileNet's `alpha`.
        limit: Training images to use, drawn in equal parts from every class; all
            where `None`.
        validation_fraction: Part of the training images held out, in `[0, 1)`.
        augment: Shift and turn the training images a little.
        label_smoothing: Probability given to the other classes, in `[0, 1)`.
        early_stop: Epochs without a lower validation loss before training stops and
            the best weights are taken; never where `None`.
        mixed_precision: Compute in 16 bits, keep the weights in 32.
        ema: Momentum of a moving average of the weights, in `(0, 1)`; none kept
            where `None`.
        seed: Of initial weights, data order, augmentation and dropout.
        deterministic: Be bit-for-bit reproducible, at some cost in speed.
        device: `"auto"` (GPUs where there are any), `"cpu"` or `"gpu"`.
        fast_layers: On CPUs, train with the layers of `kerascnn.fast.layers`.
        test: Measure the trained model on the test images.
        store_predictions: Keep the class that the trained model predicts of each test
            image, unscored: their labels are not looked at.
        plan_digest: SHA-256 of the plan of the comparison that the training belongs to.
        tensorboard: Write logs for TensorBoard into the run.
        checkpoint_seconds: Time between two checkpoints within an epoch.
    """

    model: str
    dataset: str = "mnist"
    optimizer: str = "sgd"
    momentum: float | None = None
    optimizer_options: Mapping[str, OptionValue] = field(default_factory=dict)
    model_options: Mapping[str, float] = field(default_factory=dict)
    limit: int | None = None
    validation_fraction: float = 0.1
    augment: bool = False
    label_smoothing: float = 0.0
    early_stop: int | None = None
    mixed_precision: bool = False
    ema: float | None = None
    seed: int = 0
    deterministic: bool = False
    device: str = "auto"
    fast_layers: bool = True
    test: bool = True
    store_predictions: bool = False
    plan_digest: str | None = None
    tensorboard: bool = False
    checkpoint_seconds: float = 60.0

    def to_dict(self) -> dict[str, Any]:
        """The settings by name, as plain values."""
        return dataclasses.asdict(self)


@dataclass(frozen=True, kw_only=True)
class TrainSettings(CommonSettings):
    """What a training does: every setting has its value, and no recipe is read again.

    Attributes:
        learning_rate: As in `TrainConfig`, like all that follow, but never `None`.

    Raises:
        UnknownNameError: A name that is in no table.
        ConfigError: A value that cannot be.
    """

    learning_rate: float
    epochs: int
    batch_size: int
    schedule: str
    warmup_epochs: float
    image_size: int
    stem: str

    def __post_init__(self) -> None:
        _check_names(self)
        _check_values(self)
        _check_model(self)
        _check_optimizer(self)


@dataclass(frozen=True, kw_only=True)
class TrainConfig(CommonSettings):
    """What is asked for: a network to train, and what is set of the rest.

    `None` stands for the value of the network's recipe (`kerascnn.settings.recipes`) or
    of the optimizer's row; `resolve` fills it in.

    Attributes:
        learning_rate: The highest rate of the schedule, above 0.
        epochs: Passes over the training images.
        batch_size: Images a step, over all devices together.
        schedule: A name of `SCHEDULES`.
        warmup_epochs: Epochs, or part of one, in which the rate rises first.
        image_size: Side of the square that the network sees, in pixels.
        stem: The first layers of the network, a name that it knows.

    Raises:
        UnknownNameError: A name that is in no table.
        ConfigError: A value that cannot be.
    """

    learning_rate: float | None = None
    epochs: int | None = None
    batch_size: int | None = None
    schedule: str | None = None
    warmup_epochs: float | None = None
    image_size: int | None = None
    stem: str | None = None

    def __post_init__(self) -> None:
        self.resolve()

    def resolve(self) -> TrainSettings:
        """Fill in what is `None` from the network's recipe and the optimizer's row."""
        _check_tables(self)
        recipe = RECIPES[self.model]
        row = OPTIMIZERS[self.optimizer]
        rate = recipe.learning_rates.get(self.optimizer, row.learning_rate)
        filled: dict[str, Any] = {
            "learning_rate": rate,
            "momentum": row.options.get("momentum"),
            "epochs": recipe.epochs,
            "batch_size": recipe.batch_size,
            "schedule": recipe.schedule,
            "warmup_epochs": recipe.warmup_epochs,
            "image_size": recipe.image_size,
            "stem": recipe.stem,
        }
        missing = {k: v for k, v in filled.items() if getattr(self, k) is None}
        return TrainSettings(**vars(self) | missing)

    def for_arrays(self) -> TrainConfig:
        """The same for images that Python passes: they have no test split.

        Raises:
            ConfigError: A data set is asked for by name as well, or predictions of the
                test images.
        """
        if self.dataset not in (ARRAYS, CommonSettings.dataset):
            raise ConfigError(
                f"dataset is {self.dataset!r}, but arrays are given as well. Leave one "
                "of the two out."
            )
        return dataclasses.replace(self, dataset=ARRAYS, test=False)

    def given(self) -> dict[str, Any]:
        """What is asked for by name: the model, and what differs from the defaults."""
        defaults = TrainConfig(model=self.model).to_dict()
        return {"model": self.model} | {
            name: value
            for name, value in self.to_dict().items()
            if value != defaults[name]
        }


def _check_tables(config: CommonSettings) -> None:
    for table, name in (
        (MODELS, config.model),
        (DATASETS, config.dataset),
        (OPTIMIZERS, config.optimizer),
    ):
        if not isinstance(name, str):
            raise ConfigError(f"A {table.kind} is a name, but got {name!r}.")
        if (table, name) != (DATASETS, ARRAYS):
            table[name]


def _check_names(settings: TrainSettings) -> None:
    _check_tables(settings)
    for kind, choice, names in (
        ("schedule", settings.schedule, SCHEDULES),
        ("device", settings.device, DEVICES),
        (f"{settings.model} stem", settings.stem, MODELS[settings.model].stems),
    ):
        if not isinstance(choice, str):
            raise ConfigError(f"A {kind} is a name, but got {choice!r}.")
        if choice not in names:
            raise UnknownNameError(kind, choice, names)


# Per setting: whole number or not, the range in words, and the range.
_NUMBERS: dict[str, tuple[type, str, Callable[[float], bool]]] = {
    "learning_rate": (float, "above 0", lambda x: x > 0),
    "momentum": (float, "in [0, 1)", lambda x: 0 <= x < 1),
    "epochs": (int, "of at least 1", lambda x: x >= 1),
    "batch_size": (int, "of at least 1", lambda x: x >= 1),
    "warmup_epochs": (float, "of at least 0", lambda x: x >= 0),
    "image_size": (int, "from 1 to 1024", lambda x: 1 <= x <= 1024),
    "limit": (int, "of at least 1", lambda x: x >= 1),
    "validation_fraction": (float, "in [0, 1)", lambda x: 0 <= x < 1),
    "label_smoothing": (float, "in [0, 1)", lambda x: 0 <= x < 1),
    "early_stop": (int, "of at least 1", lambda x: x >= 1),
    "ema": (float, "in (0, 1)", lambda x: 0 < x < 1),
    "seed": (int, "from 0 to 2**31 - 1", lambda x: 0 <= x < 2**31),
    "checkpoint_seconds": (float, "of at least 0", lambda x: x >= 0),
}
_SWITCHES = (
    "augment",
    "mixed_precision",
    "deterministic",
    "fast_layers",
    "test",
    "store_predictions",
    "tensorboard",
)


def _check_values(settings: TrainSettings) -> None:
    optional = {f.name for f in dataclasses.fields(settings) if "None" in str(f.type)}
    for name, (kind, words, is_in_range) in _NUMBERS.items():
        value = getattr(settings, name)
        if value is None and name in optional:
            continue
        allowed = int if kind is int else int | float
        is_number = isinstance(value, allowed) and not isinstance(value, bool)
        if not (is_number and math.isfinite(value) and is_in_range(value)):
            noun = "a whole number" if kind is int else "a number"
            raise ConfigError(f"{name} has to be {noun} {words}, but got {value!r}.")
    for name in _SWITCHES:
        if not isinstance(getattr(settings, name), bool):
            raise ConfigError(
                f"{name} has to be true or false, but got {getattr(settings, name)!r}."
            )
    digest = settings.plan_digest
    if digest is not None and not (
        isinstance(digest, str) and len(digest) == 64 and digest.isalnum()
    ):
        raise ConfigError(
            f"plan_digest has to be a SHA-256 of 64 digits, but got {digest!r}."
        )
    if settings.early_stop is not None and settings.validation_fraction == 0:
        raise ConfigError(
            "early_stop watches the validation loss, but validation_fraction is 0. "
            "Hold some images out, such as 0.1 of them."
        )
    if settings.dataset == ARRAYS and (settings.test or settings.store_predictions):
        raise ConfigError(
            "Arrays have no test split: test and store_predictions have to be false. "
            "Evaluate the model on images of your own instead."
        )
    if settings.warmup_epochs >= settings.epochs:
        raise ConfigError(
            f"warmup_epochs has to be less than the {settings.epochs} epochs of the "
            f"training, but got {settings.warmup_epochs}."
        )


def _check_options(name: str, options: object) -> None:
    if not isinstance(options, Mapping):
        raise ConfigError(
            f"{name} has to be an object of names and values, but got {options!r}."
        )


def _check_model(settings: TrainSettings) -> None:
    _check_options("model_options", settings.model_options)
    if "stem" in settings.model_options:
        raise ConfigError("stem is a setting of its own: --stem small.")
    MODELS[settings.model].check_options(settings.model_options)


def _check_optimizer(settings: TrainSettings) -> None:
    _check_options("optimizer_options", settings.optimizer_options)
    row = OPTIMIZERS[settings.optimizer]
    if settings.momentum is not None and "momentum" not in row.options:
        having = [name for name, row in OPTIMIZERS.items() if "momentum" in row.options]
        raise ConfigError(
            f"momentum does not apply to {settings.optimizer}. Leave it out, or choose "
            f"one of: {', '.join(having)}."
        )
    if "momentum" in settings.optimizer_options:
        raise ConfigError("momentum is a setting of its own: --momentum 0.9.")
    row.check_options(settings.optimizer_options)
