"""Comparisons of optimizers: the settings, checked, and what they come to in full."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kerascnn.data import DATASETS
from kerascnn.errors import ConfigError
from kerascnn.models import MODELS
from kerascnn.optimizers import OPTIMIZERS
from kerascnn.recipes import RECIPES

DEFAULT_FOLDER = Path("comparison")

# The sign-flip test goes through 2**seeds sums; twenty still take a blink.
MAX_SEEDS = 20
# Two rates have no inside, so that the best of them would always be on an edge.
MIN_TRIALS = 3


@dataclass(frozen=True, kw_only=True)
class Budget:
    """What a network may spend for each of its optimizers.

    Attributes:
        epochs: Passes over the training images, in tuning and in the final runs.
        limit: Training images; all where `None`.
        validation_fraction: Part of the training images held out to choose on.
        seeds: Final runs, with the seeds from 1 on.
        trials: Learning rates to begin the tuning with.
    """

    epochs: int
    limit: int | None
    validation_fraction: float
    seeds: int
    trials: int


# By preset and network. `full` has eight seeds wherever the network is fast enough: the
# fewest with which a sign-flip test corrected for five networks can decide (2/2**8 is
# below 0.05/5).
PRESETS: Mapping[str, Mapping[str, Budget]] = {
    "quick": {
        "lenet": Budget(
            epochs=2, limit=5_000, validation_fraction=0.02, seeds=3, trials=3
        ),
        "alexnet": Budget(
            epochs=1, limit=1_280, validation_fraction=0.02, seeds=2, trials=3
        ),
        "vgg16": Budget(
            epochs=1, limit=640, validation_fraction=0.02, seeds=2, trials=3
        ),
        "resnet18": Budget(
            epochs=1, limit=1_920, validation_fraction=0.02, seeds=2, trials=3
        ),
        "mobilenet": Budget(
            epochs=1, limit=1_920, validation_fraction=0.02, seeds=2, trials=3
        ),
    },
    "full": {
        "lenet": Budget(
            epochs=2, limit=None, validation_fraction=0.1, seeds=8, trials=5
        ),
        "alexnet": Budget(
            epochs=1, limit=3_000, validation_fraction=0.03, seeds=8, trials=3
        ),
        "vgg16": Budget(
            epochs=1, limit=2_500, validation_fraction=0.02, seeds=3, trials=3
        ),
        "resnet18": Budget(
            epochs=1, limit=5_000, validation_fraction=0.03, seeds=8, trials=3
        ),
        "mobilenet": Budget(
            epochs=1, limit=4_000, validation_fraction=0.03, seeds=8, trials=3
        ),
    },
}


@dataclass(frozen=True, kw_only=True)
class Network:
    """A network's part of a comparison.

    Attributes:
        budget: What each of its optimizers gets, the same for all.
        centres: The learning rate in the middle of the tuning, by optimizer.
    """

    budget: Budget
    centres: Mapping[str, float]


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """A comparison in full: nothing is left to presets or recipes.

    Attributes:
        networks: The networks by name.
        optimizers: The optimizers; each is compared with the first.
        dataset: The data set.
        tune: Whether learning rates are tuned; if not, each has its centre.
        target: The validation accuracy whose epochs and seconds are told, in `(0, 1)`.
        command: The command line that asks for this comparison, without `--out`.
    """

    networks: Mapping[str, Network]
    optimizers: Sequence[str]
    dataset: str
    tune: bool
    target: float
    command: Sequence[str]

    def to_dict(self) -> dict[str, Any]:
        """The comparison as plain values, for JSON."""
        value = dataclasses.asdict(self)
        return value | {
            "optimizers": list(self.optimizers),
            "command": list(self.command),
        }

    @classmethod
    def from_dict(cls, value: Mapping[str, Any], source: str) -> Protocol:
        """Read back what `to_dict` gave.

        Raises:
            ConfigError: Values that are missing, unknown or of a wrong kind.
        """
        try:
            networks = {
                MODELS[name].name: Network(
                    budget=Budget(**row["budget"]), centres=dict(row["centres"])
                )
                for name, row in value["networks"].items()
            }
            return cls(**{**value, "networks": networks})
        except (KeyError, TypeError, AttributeError) as error:
            raise ConfigError(
                f"{source} holds no comparison ({error!r}). Take another --out."
            ) from error


@dataclass(frozen=True, kw_only=True)
class CompareConfig:
    """What to compare, as it is asked for; `resolve` fills in what is `None`.

    Attributes:
        models: Names of `MODELS`.
        optimizers: Names of `OPTIMIZERS`, at least two; the first is the baseline.
        dataset: A name of `DATASETS`.
        preset: A name of `PRESETS`: how much each network may spend.
        epochs: Passes over the training images, for all networks.
        limit: Training images, for all networks.
        seeds: Final runs of each network with each optimizer, from 2 to 20.
        trials: Learning rates of each optimizer to begin with, at least 3.
        tune: Whether to tune learning rates; if not, the recipes' are taken.
        target: The validation accuracy whose epochs and seconds are told, in `(0, 1)`.

    Raises:
        UnknownNameError: A name that is in no table.
        ConfigError: A value that cannot be.
    """

    models: Sequence[str] = tuple(MODELS)
    optimizers: Sequence[str] = ("sgd", "adagrad")
    dataset: str = "mnist"
    preset: str = "full"
    epochs: int | None = None
    limit: int | None = None
    seeds: int | None = None
    trials: int | None = None
    tune: bool = True
    target: float = 0.97

    def __post_init__(self) -> None:
        for kind, names, table in (
            ("model", self.models, MODELS),
            ("optimizer", self.optimizers, OPTIMIZERS),
        ):
            for name in names:
                table[name]
            if len(set(names)) < len(names):
                raise ConfigError(
                    f"Each {kind} is compared once, but got {', '.join(names)}. Name "
                    "none of them twice."
                )
        if not self.models or len(self.optimizers) < 2:
            raise ConfigError(
                "A comparison needs a model and two optimizers at least, but got "
                f"{', '.join((*self.models, *self.optimizers))}. Add --optimizer NAME."
            )
        DATASETS[self.dataset]
        if self.preset not in PRESETS:
            raise ConfigError(
                f"There is no preset {self.preset!r}. Choose {' or '.join(PRESETS)}."
            )
        self._check_numbers()

    def _check_numbers(self) -> None:
        for name, low, high in (
            ("epochs", 1, 10_000),
            ("limit", 1, 10_000_000),
            ("seeds", 2, MAX_SEEDS),
            ("trials", MIN_TRIALS, 15),
        ):
            value = getattr(self, name)
            is_whole = isinstance(value, int) and not isinstance(value, bool)
            if value is not None and not (is_whole and low <= value <= high):
                raise ConfigError(
                    f"{name} has to be a whole number from {low} to {high:,}, but got "
                    f"{value!r}."
                )
        if not 0 < self.target < 1:
            raise ConfigError(
                f"target is an accuracy in (0, 1), such as 0.97, but got {self.target}."
            )
        if not self.tune and self.trials is not None:
            raise ConfigError(
                "trials are learning rates to tune, and nothing is tuned. Leave out "
                "--trials or --no-tune."
            )
        for model in self.models:
            batch_size = RECIPES[model].batch_size
            if self.limit is not None and self.limit < batch_size:
                raise ConfigError(
                    f"{model} trains in batches of {batch_size}, but limit is "
                    f"{self.limit}. Set it to {batch_size} or more."
                )

    def resolve(self) -> Protocol:
        """Fill in the preset's budgets and the recipes' learning rates."""
        given = {
            name: getattr(self, name)
            for name in ("epochs", "limit", "seeds", "trials")
            if getattr(self, name) is not None
        }
        return Protocol(
            networks={
                model: Network(
                    budget=dataclasses.replace(PRESETS[self.preset][model], **given),
                    centres={name: _centre(model, name) for name in self.optimizers},
                )
                for model in self.models
            },
            optimizers=list(self.optimizers),
            dataset=self.dataset,
            tune=self.tune,
            target=self.target,
            command=self._command(),
        )

    def _command(self) -> list[str]:
        """The command line that gives these settings, in full but for the models."""
        words = ["kerascnn", "compare"]
        if list(self.models) != list(MODELS):
            words += self.models
        for optimizer in self.optimizers:
            words += ["--optimizer", optimizer]
        words += ["--dataset", self.dataset, "--preset", self.preset]
        for name in ("epochs", "limit", "seeds", "trials"):
            if getattr(self, name) is not None:
                words += [f"--{name}", str(getattr(self, name))]
        words += [] if self.tune else ["--no-tune"]
        return [*words, "--target", f"{self.target:g}"]


def _centre(model: str, optimizer: str) -> float:
    """The rate to tune around: the recipe's, or where it has none, the optimizer's."""
    own = OPTIMIZERS[optimizer].learning_rate
    return RECIPES[model].learning_rates.get(optimizer, own)
