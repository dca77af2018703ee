"""The settings of a training: what is asked for, and what the recipes make of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from kerascnn.data import ARRAYS, DATASETS, LIMIT, augmentations, count_held_out
from kerascnn.data.sources import (
    RESIZES,
    TEST_FRACTION,
    Reading,
    Survey,
    check_pattern,
    is_folder,
    known_dataset,
)
from kerascnn.errors import ConfigError, shown
from kerascnn.machine.ranges import Range, whole
from kerascnn.models import MODELS
from kerascnn.registry import known_name
from kerascnn.settings.optimizers import OPTIMIZERS, OptionValue
from kerascnn.settings.recipes import RECIPES, count_training
from kerascnn.settings.schedules import SCHEDULES

CLASS_WEIGHTS = ("balanced",)
DEVICES = ("auto", "cpu", "gpu")


@dataclass(frozen=True, kw_only=True)
class CommonSettings:
    """The settings that no network's recipe fills in.

    Attributes:
        model: A name of `MODELS`.
        dataset: A name of `DATASETS`, `tfds:NAME`, the path of a folder of pictures, or
            `ARRAYS` for images that Python passes.
        resize: How pictures become squares: one of `RESIZES`.
        group_by: A regular expression that finds the group of a picture in its name;
            no group is divided between training, validation and test.
        test_fraction: Part of the pictures held out for the test, in `(0, 1)`, where
            there is no test part.
        optimizer: A name of `OPTIMIZERS`.
        momentum: In `[0, 1)`, for optimizers that have it. `None` asks for that of the
            optimizer's row; in `TrainSettings` it says that the optimizer has none.
        optimizer_options: Other options of the optimizer, by name.
        model_options: The network's own options, by name, such as MobileNet's `alpha`.
        limit: Training images to use, of each class in its proportion; all where
            `None`.
        validation_fraction: Part of the training images held out, in `[0, 1)`.
        augment: How training images are changed at random: a name of `AUGMENTATIONS`,
            or `"auto"` for the one that suits the data. Older runs have a flag, which
            stood for `"digits"`.
        class_weights: `"balanced"`: each class has the same share of the training loss,
            however few images it has. All images count alike where `None`.
        init_from: A run, or the path of a `.keras` file, whose weights are taken, where
            they fit, before the first step. A resumed run does not read it again.
        label_smoothing: Probability given to the other classes, in `[0, 1)`.
        early_stop: Epochs without a lower validation loss before training stops and
            the best weights are taken; never where `None`.
        mixed_precision: Compute in 16 bits, keep the weights in 32.
        ema: Momentum of a moving average of the weights, in `(0, 1)`; none kept
            where `None`.
        seed: Of initial weights, data order, augmentation and dropout.
        deterministic: Be bit-for-bit reproducible, at some cost in speed.
        device: `"auto"` (a GPU where there is one), `"cpu"` or `"gpu"`.
        gpus: How many GPUs of a machine share each batch, where it is computed on GPUs.
        sync_batch_norm: Normalize by the whole batch where several devices or workers
            share it; by each one's part of it otherwise.
        xla: Let XLA compile the training step, for one GPU.
        fast_layers: Train with the layers and optimizers of `kerascnn.fast`.
        test: Measure the trained model on the test images.
        store_predictions: Keep the class that the trained model predicts of each test
            image, unscored: their labels are not looked at.
        plan_digest: SHA-256 of the plan of the comparison that the training belongs to.
        tensorboard: Write logs for TensorBoard into the run.
        checkpoint_seconds: Time between two checkpoints within an epoch.
        checkpoint_steps: Steps between two checkpoints within an epoch, whatever time
            they take; checkpoints come by time alone where `None`.
    """

    model: str
    dataset: str = "mnist"
    resize: str = RESIZES[0]
    group_by: str | None = None
    test_fraction: float = 0.2
    optimizer: str = "sgd"
    momentum: float | None = None
    optimizer_options: Mapping[str, OptionValue] = field(default_factory=dict)
    model_options: Mapping[str, float] = field(default_factory=dict)
    limit: int | None = None
    validation_fraction: float = 0.1
    augment: str = "none"
    class_weights: str | None = None
    init_from: str | None = None
    label_smoothing: float = 0.0
    early_stop: int | None = None
    mixed_precision: bool = False
    ema: float | None = None
    seed: int = 0
    deterministic: bool = False
    device: str = "auto"
    gpus: int = 1
    sync_batch_norm: bool = True
    xla: bool = False
    fast_layers: bool = True
    test: bool = True
    store_predictions: bool = False
    plan_digest: str | None = None
    tensorboard: bool = False
    checkpoint_seconds: float = 60.0
    checkpoint_steps: int | None = None

    def to_dict(self) -> dict[str, Any]:
        """The settings by name, as plain values."""
        return dataclasses.asdict(self)


@dataclass(frozen=True, kw_only=True)
class TrainSettings(CommonSettings):
    """What a training does: every setting has its value, and no recipe is read again.

    Names are those of the tables, whatever their case, `-` and `_` were.

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
        _take_names(self)
        _check_values(self)
        _check_options(self)
        _check_together(self)


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
        settings = self.resolve()
        for name in NAMES:
            if getattr(self, name) is not None:
                object.__setattr__(self, name, getattr(settings, name))

    def resolve(self, survey: Survey | None = None) -> TrainSettings:
        """Fill in what is `None` from the network's recipe and the optimizer's row.

        Args:
            survey: What was seen of pictures, for which the recipe is changed.
        """
        recipe = RECIPES[MODELS[self.model].name]
        if survey is not None:
            images = count_training(survey, self.validation_fraction)
            images = min(images, self.limit or images)
            recipe = recipe.for_pictures(
                images,
                survey.side,
                stems=MODELS[self.model].stems,
                image_size=self.image_size,
                batch_size=self.batch_size,
            )
        row = OPTIMIZERS[self.optimizer]
        rate = recipe.learning_rates.get(row.name, row.learning_rate)
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


# The settings that are names.
NAMES = (
    "model",
    "dataset",
    "resize",
    "optimizer",
    "augment",
    "class_weights",
    "schedule",
    "device",
    "stem",
)


def _take_names(settings: TrainSettings) -> None:
    """Put the name of its table in the place of each name that was given."""
    object.__setattr__(settings, "augment", augmentations.of_flag(settings.augment))
    tables: dict[str, Collection[str]] = {
        "model": MODELS,
        "resize": RESIZES,
        "optimizer": OPTIMIZERS,
        "augment": augmentations.choices(),
        "schedule": SCHEDULES,
        "device": DEVICES,
    }
    for name, known in tables.items():
        object.__setattr__(
            settings, name, known_name(name, getattr(settings, name), known)
        )
    if settings.dataset != ARRAYS:
        object.__setattr__(settings, "dataset", known_dataset(settings.dataset))
    if settings.class_weights is not None:
        weights = known_name("class weights", settings.class_weights, CLASS_WEIGHTS)
        object.__setattr__(settings, "class_weights", weights)
    stems = MODELS[settings.model].stems
    stem = known_name(f"{settings.model} stem", settings.stem, stems)
    object.__setattr__(settings, "stem", stem)


# A number of steps that fits into memory, with a row of steps.csv for each.
MAX_STEPS = 10_000_000
# What each of the other settings may be. The rate stays finite in 32 bits; what one
# step or epoch costs is for the user to say, but a slip of ten digits is none.
EPOCHS = whole(1, 10_000)
_SHARE = Range(0, 1, open_high=True)
_RANGES: dict[str, Range] = {
    "learning_rate": Range(0, 1e6, open_low=True),
    "momentum": _SHARE,
    "epochs": EPOCHS,
    "batch_size": whole(1, 10_000_000),
    "warmup_epochs": Range(0, 10_000),
    "image_size": whole(1, 1024),
    "limit": LIMIT,
    "validation_fraction": _SHARE,
    "test_fraction": TEST_FRACTION,
    "label_smoothing": _SHARE,
    "early_stop": whole(1, 10_000),
    "ema": Range(0, 1, open_low=True, open_high=True),
    "seed": whole(0, 2**31 - 1),
    "gpus": whole(1, 1024),
    "checkpoint_seconds": Range(0, 1e9),
    "checkpoint_steps": whole(1, MAX_STEPS),
}
_KINDS: dict[str, tuple[str, type]] = {
    "init_from": ("the path of a .keras file", str),
    "mixed_precision": ("true or false", bool),
    "deterministic": ("true or false", bool),
    "sync_batch_norm": ("true or false", bool),
    "xla": ("true or false", bool),
    "fast_layers": ("true or false", bool),
    "test": ("true or false", bool),
    "store_predictions": ("true or false", bool),
    "tensorboard": ("true or false", bool),
    "optimizer_options": ("an object of names and values", Mapping),
    "model_options": ("an object of names and values", Mapping),
    "plan_digest": ("a SHA-256 in hexadecimal digits", str),
    "group_by": ("a regular expression", str),
}
# Characters of a path, as systems have it.
MAX_PATH = 4096


def _check_values(settings: TrainSettings) -> None:
    """Refuse a value of a wrong kind or out of its range, whichever setting has it."""
    optional = {f.name for f in dataclasses.fields(settings) if "None" in str(f.type)}
    for name, value in vars(settings).items():
        if value is None and name in optional:
            continue
        if name in _RANGES:
            _RANGES[name].check(name, value)
        elif name in _KINDS:
            words, kind = _KINDS[name]
            if not isinstance(value, kind):
                raise ConfigError(f"{name} has to be {words}, but got {shown(value)}.")
    if settings.group_by is not None:
        check_pattern(settings.group_by)
    path = settings.init_from
    if path is not None and not 0 < len(path) <= MAX_PATH:
        raise ConfigError(
            f"init_from has to be the path of a .keras file, but got {shown(path)}."
        )
    digest = settings.plan_digest
    if digest is not None and not (len(digest) == 64 and set(digest) <= _DIGITS):
        raise ConfigError(
            f"plan_digest has to be a SHA-256 of 64 digits, but got {shown(digest)}."
        )


_DIGITS = set("0123456789abcdefABCDEF")


def _check_options(settings: TrainSettings) -> None:
    """Refuse what the network or the optimizer does not take."""
    for options, name, example in (
        (settings.model_options, "stem", "small"),
        (settings.optimizer_options, "momentum", "0.9"),
    ):
        if name in options:
            raise ConfigError(f"{name} is a setting of its own: --{name} {example}.")
    row = OPTIMIZERS[settings.optimizer]
    if settings.momentum is not None and "momentum" not in row.options:
        having = [name for name, row in OPTIMIZERS.items() if "momentum" in row.options]
        raise ConfigError(
            f"momentum does not apply to {settings.optimizer}. Leave it out, or choose "
            f"one of: {', '.join(having)}."
        )
    row.check_options(settings.optimizer_options)
    MODELS[settings.model].check_options(settings.model_options)


def _check_together(settings: TrainSettings) -> None:
    """Refuse settings that do not go with each other."""
    if settings.group_by is not None and not is_folder(settings.dataset):
        raise ConfigError(
            f"group_by looks at the names of files, and {settings.dataset} has none. "
            "Leave it out, or give a folder of pictures as the dataset."
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
    if settings.gpus > 1 and settings.device == "cpu":
        raise ConfigError(
            f"gpus is {settings.gpus}, but device is cpu. Leave one of the two out."
        )
    if settings.gpus > 1 and settings.xla:
        raise ConfigError(
            f"xla compiles for one GPU, but gpus is {settings.gpus}. Leave one of the "
            "two out."
        )
    if settings.warmup_epochs >= settings.epochs:
        raise ConfigError(
            f"warmup_epochs has to be less than the {settings.epochs} epochs of the "
            f"training, but got {settings.warmup_epochs}."
        )
    least = MODELS[settings.model].min_size
    if settings.image_size < least:
        raise ConfigError(
            f"{settings.model} sees images of at least {least} pixels a side, but "
            f"image_size is {settings.image_size}. Set it to {least} or more."
        )


def reading_of(settings: TrainSettings | TrainConfig) -> Reading:
    """How pictures are read: into squares of the size that the network sees."""
    return Reading(
        image_size=settings.image_size or RECIPES[settings.model].image_size,
        resize=settings.resize,
        group_by=settings.group_by,
        test_fraction=settings.test_fraction,
    )


def count_images(settings: TrainSettings) -> int:
    """How many images there are to train on in the row of the settings' data set.

    Raises:
        ConfigError: A part to hold out that leaves nothing.
    """
    images = DATASETS[settings.dataset].num_train
    images -= count_held_out(images, settings.validation_fraction)
    return min(images, settings.limit or images)


def check_steps(settings: TrainSettings, num_images: int) -> None:
    """Refuse a batch or a number of steps that so many images do not allow.

    Args:
        settings: The settings.
        num_images: How many images there are to train on.

    Raises:
        ConfigError: With what they do allow.
    """
    if settings.batch_size > num_images:
        raise ConfigError(
            f"batch_size is {settings.batch_size}, but there are only {num_images} "
            f"training images. Set it to {num_images} or less."
        )
    steps = settings.epochs * (num_images // settings.batch_size)
    if steps > MAX_STEPS:
        raise ConfigError(
            f"{settings.epochs:,} epochs in batches of {settings.batch_size} are "
            f"{steps:,} steps, but {MAX_STEPS:,} are the most. Set epochs lower, or "
            "batch_size higher."
        )
