"""The settings of a comparison: as they are asked for, and as a plan in full."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kerascnn.comparison import PRESETS, Budget
from kerascnn.comparison.picture_budget import fit_to_pictures
from kerascnn.data import DATASETS, LIMIT
from kerascnn.data.sources import (
    RESIZES,
    TEST_FRACTION,
    Reading,
    Survey,
    check_pattern,
    known_dataset,
)
from kerascnn.errors import ConfigError, shown
from kerascnn.machine.ranges import Range, whole
from kerascnn.models import MODELS
from kerascnn.registry import known_name
from kerascnn.settings.optimizers import OPTIMIZERS, OptionValue
from kerascnn.settings.recipes import RECIPES
from kerascnn.settings.schedules import SCHEDULES

SCHEMA = 2
# What `schedule` is called where each network has its recipe's own.
RECIPE = "recipe"
MAX_SEEDS = 20
# Two rates have no inside, so that the best of them would always be on an edge.
MIN_TRIALS = 3


@dataclass(frozen=True, kw_only=True)
class Rules:
    """What decides a comparison besides its settings; `plan.json` records it.

    Attributes:
        tuning_seed: The seed of all tuning runs.
        tie_seed: That of a second tuning run, for rates of equal validation accuracy.
        rates_per_decade: How close together the learning rates are.
        max_extensions: How often a network gets one more rate while a best is on an
            edge.
        level: Of the tests, after correction.
        bootstrap_draws: Of images and seeds.
        bootstrap_seed: Of these draws.
    """

    tuning_seed: int = 0
    tie_seed: int = 1000
    rates_per_decade: int = 2
    max_extensions: int = 4
    level: float = 0.05
    bootstrap_draws: int = 10_000
    bootstrap_seed: int = 0


RULES = Rules()


@dataclass(frozen=True, kw_only=True)
class Network:
    """A network's part of a comparison.

    Attributes:
        budget: What each of its optimizers gets, the same for all.
        centres: The learning rate in the middle of the tuning, by optimizer.
        settings: What else its trainings share, settings of `TrainConfig` by name.
    """

    budget: Budget
    centres: Mapping[str, float]
    settings: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """A comparison in full: nothing is left to presets, recipes or tables.

    Attributes:
        networks: The networks by name.
        optimizers: The optimizers with all their options; each is compared with the
            first.
        dataset: The data set.
        schedule: A name of `SCHEDULES`, or `"recipe"`.
        tune: Whether learning rates are tuned; if not, each has its center.
        margin: Percentage points within which a difference counts as none.
        target: The validation accuracy whose epochs and seconds are told, in `(0, 1)`.
        is_rehearsal: Whether it is meant to show how a comparison goes.
        command: The command line that asks for this comparison, without `--out`.
        left_out: Networks that were given up after the plan; not a part of it.
    """

    networks: Mapping[str, Network]
    optimizers: Mapping[str, Mapping[str, OptionValue]]
    dataset: str
    schedule: str
    tune: bool
    margin: float
    target: float
    is_rehearsal: bool
    command: Sequence[str]
    left_out: Collection[str] = ()

    @property
    def compared(self) -> dict[str, Network]:
        """The networks that are compared: all but those that were left out."""
        return {k: v for k, v in self.networks.items() if k not in self.left_out}

    def to_dict(self) -> dict[str, Any]:
        """The plan as plain values, for JSON."""
        value, rules = dataclasses.asdict(self), dataclasses.asdict(RULES)
        del value["left_out"]
        return {"schema": SCHEMA, **value, "rules": rules}

    def to_json(self) -> str:
        """The text of `plan.json`."""
        return json.dumps(self.to_dict(), indent=2) + "\n"

    def digest(self) -> str:
        """The SHA-256 of `plan.json`, which every run and result records."""
        import hashlib  # takes its time to import

        return hashlib.sha256(self.to_json().encode()).hexdigest()

    @classmethod
    def from_dict(cls, value: Mapping[str, Any], source: str) -> Protocol:
        """Read back what `to_dict` gave.

        Raises:
            ConfigError: Values that are missing, unknown or of a wrong kind, or rules
                that are not those of this version.
        """
        fields = dict(value)
        schema, rules = fields.pop("schema", None), fields.pop("rules", None)
        if schema != SCHEMA or rules != dataclasses.asdict(RULES):
            raise ConfigError(
                f"{source} was planned by another version of kerascnn (schema "
                f"{schema}, this version has {SCHEMA}) or by other rules. Take another "
                "--out."
            )
        try:
            networks = {
                MODELS[name].name: Network(
                    budget=Budget(**row["budget"]),
                    centres=dict(row["centres"]),
                    settings=dict(row["settings"]),
                )
                for name, row in fields["networks"].items()
            }
            return cls(**{**fields, "networks": networks})
        except (KeyError, TypeError, AttributeError) as error:
            raise ConfigError(
                f"{source} holds no comparison ({error!r}). Take another --out."
            ) from error


# The settings that say how pictures are read.
_READING = ("resize", "group_by", "test_fraction")
# Settings that a user may give for all networks instead of a preset's.
_BUDGET_NUMBERS: Mapping[str, Range] = {
    "epochs": whole(1, 10_000),
    "limit": LIMIT,
    "seeds": whole(2, MAX_SEEDS),
    "trials": whole(MIN_TRIALS, 15),
    "tuning_epochs": whole(1, 10_000),
    "tuning_limit": LIMIT,
}


@dataclass(frozen=True, kw_only=True)
class CompareConfig:
    """What to compare, as it is asked for; `resolve` fills in what is `None`.

    Attributes:
        models: Names of `MODELS`.
        optimizers: Names of `OPTIMIZERS`, at least two; the first is the baseline.
        dataset: A name of `DATASETS`, `tfds:NAME`, or the path of a folder of pictures.
        resize: How pictures become squares: one of `RESIZES`.
        group_by: A regular expression that finds the group of a picture in its name.
        test_fraction: Part of the pictures held out for the test, where there is no
            test part.
        preset: A name of `PRESETS`: how much each network may spend.
        schedule: A name of `SCHEDULES`, or `"recipe"` for each network's own. With
            `"constant"`, the accuracy after epoch k is that of a training of k epochs.
        epochs: Passes over the training images in final runs, for all networks.
        limit: Training images of final runs, for all networks.
        seeds: Final runs of each network with each optimizer, from 2 to 20.
        trials: Learning rates of each optimizer to begin with, at least 3.
        tuning_epochs: Passes over the training images in tuning runs.
        tuning_limit: Training images of tuning runs.
        tune: Whether to tune learning rates; if not, the recipes' are taken.
        margin: Percentage points within which a difference counts as none, above 0.
        target: The validation accuracy whose epochs and seconds are told, in `(0, 1)`.

    Raises:
        UnknownNameError: A name that is in no table.
        ConfigError: A value that cannot be.
    """

    models: Sequence[str] = tuple(MODELS)
    optimizers: Sequence[str] = ("sgd", "adagrad")
    dataset: str = "mnist"
    resize: str | None = None
    group_by: str | None = None
    test_fraction: float | None = None
    preset: str = "full"
    schedule: str = "constant"
    epochs: int | None = None
    limit: int | None = None
    seeds: int | None = None
    trials: int | None = None
    tuning_epochs: int | None = None
    tuning_limit: int | None = None
    tune: bool = True
    margin: float = 0.1
    target: float = 0.97

    def __post_init__(self) -> None:
        for field, kind, table in (
            ("models", "model", MODELS),
            ("optimizers", "optimizer", OPTIMIZERS),
        ):
            given = getattr(self, field)
            if isinstance(given, str) or not isinstance(given, Sequence):
                raise ConfigError(
                    f"{field} has to be a list of names, but got {shown(given)}."
                )
            names = tuple(known_name(kind, name, table) for name in given)
            if len(set(names)) < len(names):
                raise ConfigError(
                    f"Each {kind} is compared once, but got {', '.join(names)}. Name "
                    "none of them twice."
                )
            object.__setattr__(self, field, names)
        if not self.models or len(self.optimizers) < 2:
            raise ConfigError(
                "A comparison needs a model and two optimizers at least, but got "
                f"{', '.join((*self.models, *self.optimizers))}. Add --optimizer NAME."
            )
        names_of: dict[str, Collection[str]] = {
            "preset": PRESETS,
            "schedule": [*SCHEDULES, RECIPE],
        }
        for field, known in names_of.items():
            name = known_name(field, getattr(self, field), known)
            object.__setattr__(self, field, name)
        object.__setattr__(self, "dataset", known_dataset(self.dataset))
        self._check_reading()
        self._check_numbers()

    def _check_reading(self) -> None:
        if self.resize is not None:
            name = known_name("resize", self.resize, RESIZES)
            object.__setattr__(self, "resize", name)
        if self.group_by is not None:
            if not isinstance(self.group_by, str):
                raise ConfigError(
                    "group_by has to be a regular expression, but got "
                    f"{shown(self.group_by)}."
                )
            check_pattern(self.group_by)
        if self.test_fraction is not None:
            TEST_FRACTION.check("test_fraction", self.test_fraction)
        given = self._given(_READING)
        if given and self.dataset in DATASETS:
            raise ConfigError(
                f"{next(iter(given))} is for pictures, and {self.dataset} leaves no "
                "choice. Leave it out, or give a folder with --dataset."
            )

    def _check_numbers(self) -> None:
        for name, allowed in _BUDGET_NUMBERS.items():
            if getattr(self, name) is not None:
                allowed.check(name, getattr(self, name))
        if not isinstance(self.tune, bool):
            raise ConfigError(
                f"tune has to be true or false, but got {shown(self.tune)}."
            )
        if self.target not in Range(0, 1, open_low=True, open_high=True):
            raise ConfigError(
                "target is an accuracy in (0, 1), such as 0.97, but got "
                f"{shown(self.target)}."
            )
        if self.margin not in Range(0, 100, open_low=True, open_high=True):
            raise ConfigError(
                "margin is a difference in percentage points above 0, such as 0.1, "
                f"but got {shown(self.margin)}."
            )
        for name in ("trials", "tuning_epochs", "tuning_limit"):
            if not self.tune and getattr(self, name) is not None:
                raise ConfigError(
                    f"{name} is for tuning, and nothing is tuned. Leave out "
                    f"--{name.replace('_', '-')} or --no-tune."
                )
        for model in self.models if self.dataset in DATASETS else ():
            batch_size = RECIPES[model].batch_size
            for name in ("limit", "tuning_limit"):
                value = getattr(self, name)
                if value is not None and value < batch_size:
                    raise ConfigError(
                        f"{model} trains in batches of {batch_size}, but {name} is "
                        f"{value}. Set it to {batch_size} or more."
                    )

    def resolve(self) -> Protocol:
        """Fill in the preset's budgets, and what recipes and tables say.

        Raises:
            DatasetError: Pictures that cannot be found.
            ConfigError: A part of them to hold out that leaves nothing.
        """
        survey = None
        if self.dataset not in DATASETS:
            from kerascnn.data.stored import survey as look  # loads NumPy

            survey = look(self.dataset, Reading(**self._given(_READING)))
        return Protocol(
            networks={model: self._network(model, survey) for model in self.models},
            optimizers={
                name: dict(OPTIMIZERS[name].options) for name in self.optimizers
            },
            dataset=self.dataset,
            schedule=self.schedule,
            tune=self.tune,
            margin=self.margin,
            target=self.target,
            is_rehearsal=PRESETS[self.preset].is_rehearsal,
            command=self._command(),
        )

    def _network(self, model: str, survey: Survey | None) -> Network:
        recipe, budget = RECIPES[model], self._budget(model)
        reading: dict[str, Any] = {}
        if survey is not None:
            recipe, budget = fit_to_pictures(
                model, budget, survey, self._given(("epochs", "tuning_epochs"))
            )
            chosen = Reading(**self._given(_READING))
            reading = {name: getattr(chosen, name) for name in _READING}
        by_recipe = self.schedule == RECIPE
        return Network(
            budget=budget,
            centres={
                name: recipe.learning_rates.get(name, OPTIMIZERS[name].learning_rate)
                for name in self.optimizers
            },
            settings={
                "image_size": recipe.image_size,
                "stem": recipe.stem,
                "batch_size": recipe.batch_size,
                "schedule": recipe.schedule if by_recipe else self.schedule,
                "warmup_epochs": recipe.warmup_epochs if by_recipe else 0.0,
                **reading,
            },
        )

    def _budget(self, model: str) -> Budget:
        """The budget of the preset and of what was given; tuning takes no longer."""
        budget = dataclasses.replace(
            PRESETS[self.preset].budget(model), **self._given(_BUDGET_NUMBERS)
        )
        if self.tuning_epochs is None:
            fewer = min(budget.tuning_epochs, budget.epochs)
            budget = dataclasses.replace(budget, tuning_epochs=fewer)
        if self.tuning_limit is None and self.limit is not None:
            fewer = min(budget.tuning_limit or self.limit, self.limit)
            budget = dataclasses.replace(budget, tuning_limit=fewer)
        return budget

    def _given(self, names: Iterable[str]) -> dict[str, Any]:
        """Those of some settings that are not `None`."""
        given = {name: getattr(self, name) for name in names}
        return {name: value for name, value in given.items() if value is not None}

    def _command(self) -> list[str]:
        """The command line that gives these settings, in full but for the models."""
        words = ["kerascnn", "compare"]
        if list(self.models) != list(MODELS):
            words += self.models
        for optimizer in self.optimizers:
            words += ["--optimizer", optimizer]
        words += ["--dataset", self.dataset, "--preset", self.preset]
        words += ["--schedule", self.schedule]
        for name, value in self._given((*_READING, *_BUDGET_NUMBERS)).items():
            words += [f"--{name.replace('_', '-')}", str(value)]
        words += [] if self.tune else ["--no-tune"]
        return [*words, "--margin", f"{self.margin:g}", "--target", f"{self.target:g}"]
