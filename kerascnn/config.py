"""The settings of a training: checked, saved as JSON, filled in from the recipes."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kerascnn.data import DATASETS
from kerascnn.errors import ConfigError, UnknownNameError
from kerascnn.models import MODELS
from kerascnn.optimizers import OPTIMIZERS, OptionValue
from kerascnn.recipes import RECIPES
from kerascnn.schedules import SCHEDULES

DEVICES = ("auto", "cpu", "gpu")


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """What to train, on what, and how.

    `None` stands for the value of the network's recipe (`kerascnn.recipes`) or of the
    optimizer's row; `resolve` fills it in.

    Attributes:
        model: A name of `MODELS`.
        dataset: A name of `DATASETS`.
        optimizer: A name of `OPTIMIZERS`.
        learning_rate: The highest rate of the schedule, above 0.
        momentum: In `[0, 1)`, for optimizers that have it.
        optimizer_options: Other options of the optimizer, by name.
        epochs: Passes over the training images.
        batch_size: Images a step, over all devices together.
        schedule: A name of `SCHEDULES`.
        warmup_epochs: Epochs, or part of one, in which the rate rises first.
        image_size: Side of the square that the network sees, in pixels.
        stem: The first layers of the network, a name that it knows.
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
        deterministic: Give the same bits each time, at some cost in speed.
        device: `"auto"` (GPUs where there are any), `"cpu"` or `"gpu"`.
        fast_layers: On CPUs, train with the layers of `kerascnn.fast_layers`.
        test: Measure the trained model on the test images.
        tensorboard: Write logs for TensorBoard into the run.
        checkpoint_seconds: Time between two checkpoints within an epoch.

    Raises:
        UnknownNameError: A name that is in no table.
        ConfigError: A value that cannot be.
    """

    model: str
    dataset: str = "mnist"
    optimizer: str = "sgd"
    learning_rate: float | None = None
    momentum: float | None = None
    optimizer_options: Mapping[str, OptionValue] = field(default_factory=dict)
    epochs: int | None = None
    batch_size: int | None = None
    schedule: str | None = None
    warmup_epochs: float | None = None
    image_size: int | None = None
    stem: str | None = None
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
    tensorboard: bool = False
    checkpoint_seconds: float = 60.0

    def __post_init__(self) -> None:
        _check_names(self)
        _check_values(self)
        _check_optimizer(self)

    def resolve(self) -> TrainConfig:
        """Fill in what is `None` from the network's recipe and the optimizer's row."""
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
        return dataclasses.replace(self, **missing)

    def to_dict(self) -> dict[str, Any]:
        """The settings by name, as plain values."""
        return dataclasses.asdict(self)

    def to_json(self) -> str:
        """Write the settings as a JSON object."""
        return json.dumps(self.to_dict(), indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str, source: str = "the text") -> TrainConfig:
        """Read settings from a JSON object; what is absent has its default.

        Args:
            text: The JSON.
            source: What to call the text in an error message.

        Raises:
            ConfigError: No JSON object, a setting that does not exist or a bad value.
        """
        return cls.merged(_read_object(text, source), {}, source)

    @classmethod
    def from_file(cls, path: Path, **given: Any) -> TrainConfig:
        """Read settings from a JSON file; those `given` win.

        Raises:
            ConfigError: As `from_json`, or a file that cannot be read.
        """
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(
                f"Cannot read the settings in {path}: {error}. Give the config.json "
                "of a run."
            ) from error
        return cls.merged(_read_object(text, str(path)), given, str(path))

    @classmethod
    def merged(
        cls, settings: dict[str, Any], given: dict[str, Any], source: str
    ) -> TrainConfig:
        """Make a config from the settings of a source, those `given` first."""
        known = [f.name for f in dataclasses.fields(cls)]
        for name in settings:
            if name not in known:
                error = UnknownNameError("setting", name, known)
                raise ConfigError(f"{source}: {error}") from error
        merged = settings | given
        if "model" not in merged:
            raise ConfigError(f"{source} names no model. Add one of {list(MODELS)}.")
        return cls(**merged)


def _read_object(text: str, source: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        raise ConfigError(
            f"{source} is not JSON ({error}). Give the config.json of a run."
        ) from error
    if not isinstance(value, dict):
        raise ConfigError(f"{source} has to hold one JSON object of settings.")
    return value


def _check_names(config: TrainConfig) -> None:
    for table, name in (
        (MODELS, config.model),
        (DATASETS, config.dataset),
        (OPTIMIZERS, config.optimizer),
    ):
        if not isinstance(name, str):
            raise ConfigError(f"A {table.kind} is a name, but got {name!r}.")
        table[name]
    for kind, choice, names in (
        ("schedule", config.schedule, SCHEDULES),
        ("device", config.device, DEVICES),
        (f"{config.model} stem", config.stem, MODELS[config.model].stems),
    ):
        if choice is not None and choice not in names:
            raise UnknownNameError(kind, str(choice), names)


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
    "tensorboard",
)


def _check_values(config: TrainConfig) -> None:
    optional = {f.name for f in dataclasses.fields(config) if "None" in str(f.type)}
    for name, (kind, words, is_in_range) in _NUMBERS.items():
        value = getattr(config, name)
        if value is None and name in optional:
            continue
        allowed = int if kind is int else int | float
        is_number = isinstance(value, allowed) and not isinstance(value, bool)
        if not (is_number and math.isfinite(value) and is_in_range(value)):
            noun = "a whole number" if kind is int else "a number"
            raise ConfigError(f"{name} has to be {noun} {words}, but got {value!r}.")
    for name in _SWITCHES:
        if not isinstance(getattr(config, name), bool):
            raise ConfigError(
                f"{name} has to be true or false, but got {getattr(config, name)!r}."
            )
    if config.early_stop is not None and config.validation_fraction == 0:
        raise ConfigError(
            "early_stop watches the validation loss, but validation_fraction is 0. "
            "Hold some images out, such as 0.1 of them."
        )
    epochs = config.epochs or RECIPES[config.model].epochs
    if config.warmup_epochs is not None and config.warmup_epochs >= epochs:
        raise ConfigError(
            f"warmup_epochs has to be less than the {epochs} epochs of the training, "
            f"but got {config.warmup_epochs}."
        )


def _check_optimizer(config: TrainConfig) -> None:
    if not isinstance(config.optimizer_options, Mapping):
        raise ConfigError(
            "optimizer_options has to be an object of names and values, but got "
            f"{config.optimizer_options!r}."
        )
    row = OPTIMIZERS[config.optimizer]
    if config.momentum is not None and "momentum" not in row.options:
        having = [name for name, row in OPTIMIZERS.items() if "momentum" in row.options]
        raise ConfigError(
            f"momentum does not apply to {config.optimizer}. Leave it out, or choose "
            f"one of: {', '.join(having)}."
        )
    if "momentum" in config.optimizer_options:
        raise ConfigError("momentum is a setting of its own: --momentum 0.9.")
    row.check_options(config.optimizer_options)
