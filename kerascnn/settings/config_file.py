"""The config.json of a run: what was asked for, and the settings that it came to.

```json
{
  "schema": 2,
  "asked": {"model": "lenet", "epochs": 3},
  "settings": {"model": "lenet", "epochs": 3, "batch_size": 64, "...": "all others"}
}
```

A run that was given another number of epochs has `continued` as well, the plans that it
had before: `[{"epochs": 3, "after_epoch": 3, "anew": true}]`.

An object of settings alone is read as well: written by hand, or by kerascnn 0.1, whose
runs have every setting and do not tell which of them were asked for.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kerascnn.errors import ConfigError, KerasCNNError, UnknownNameError, shown
from kerascnn.machine.content import load_json
from kerascnn.models import MODELS
from kerascnn.settings.config import CommonSettings, TrainConfig, TrainSettings
from kerascnn.settings.plans import FormerPlan, plans_to_list, read_plans

SCHEMA = 2
PARTS = ("schema", "asked", "settings")
ALL = [f.name for f in dataclasses.fields(TrainSettings)]
COMMON = {f.name for f in dataclasses.fields(CommonSettings)}
# What the recipes fill in.
FILLED = [name for name in ALL if name not in COMMON]


@dataclass(frozen=True)
class ConfigFile:
    """What a config.json holds.

    Attributes:
        asked: What was asked for.
        settings: What it came to, by the recipes of that time.
        former: The plans before, of a run that was given another number of epochs.
    """

    asked: TrainConfig
    settings: TrainSettings
    former: tuple[FormerPlan, ...] = ()

    def to_json(self) -> str:
        """The text of the file."""
        value: dict[str, Any] = {
            "schema": SCHEMA,
            "asked": self.asked.given(),
            "settings": self.settings.to_dict(),
        }
        if self.former:
            value["continued"] = plans_to_list(self.former)
        return json.dumps(value, indent=2) + "\n"

    def with_epochs(
        self, epochs: int, *, after_epoch: int, anew: bool = False
    ) -> ConfigFile:
        """The same with another number of epochs in all.

        Args:
            epochs: How many.
            after_epoch: After which epoch, from 1, the plan until now is left; 0 where
                nothing of it is done.
            anew: As for `FormerPlan`.

        Raises:
            ConfigError: A number that cannot be.
        """
        left = FormerPlan(
            epochs=self.settings.epochs, after_epoch=after_epoch, anew=anew
        )
        return ConfigFile(
            dataclasses.replace(self.asked, epochs=epochs),
            dataclasses.replace(self.settings, epochs=epochs),
            (*self.former, left) if after_epoch else (),
        )

    def again(self, **given: Any) -> TrainConfig:
        """Ask for the same again, but for what is given.

        For another network or optimizer, what was not asked for is left to its recipe.
        Otherwise the settings stay as they were, whatever the recipes say by now.

        Raises:
            ConfigError: Settings that do not go together.
        """
        asked = self.asked.given() | given
        config = TrainConfig(**asked)
        before = self.settings.to_dict()
        now = config.resolve().to_dict()
        if any(now[name] != before[name] for name in ("model", "optimizer")):
            return config
        changed = {name: value for name, value in before.items() if value != now[name]}
        return TrainConfig(**changed | asked)


def read_config(path: Path) -> ConfigFile:
    """Read a config.json.

    Raises:
        ConfigError: It cannot be read, or holds something else.
    """
    try:
        value = load_json(path)
        if not isinstance(value, dict):
            raise ConfigError("It has to hold one JSON object of settings.")
        return parse_config(value) if "schema" in value else _read_flat(value)
    except KerasCNNError as error:  # a ConfigError is a ValueError as well
        raise ConfigError(f"Cannot read the settings in {path}: {error}") from error
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"Cannot read the settings in {path}: {error}. Give the config.json of a "
            "run."
        ) from error


def parse_config(value: Mapping[str, Any]) -> ConfigFile:
    """Read what a config.json of a run holds.

    Raises:
        ConfigError: It is something else.
    """
    if value["schema"] != SCHEMA:
        raise ConfigError(
            f"Its schema is {shown(value['schema'])}, but this kerascnn reads "
            f"{SCHEMA}. Update kerascnn, or give an object of settings alone."
        )
    _check_keys("part", value, known=(*PARTS, "continued"), required=PARTS)
    for part in ("asked", "settings"):
        if not isinstance(value[part], dict):
            raise ConfigError(
                f"{part} has to be an object of settings, but got {shown(value[part])}."
            )
    asked = _read_asked(value["asked"])
    _check_keys("setting", value["settings"], known=ALL, required=("model", *FILLED))
    settings = TrainSettings(**value["settings"])
    for name, wanted in asked.given().items():
        found = getattr(settings, name)
        if found != wanted:
            raise ConfigError(
                f"{name} is {shown(wanted)} in asked, but {shown(found)} in settings. "
                "Make them the same."
            )
    former = read_plans(value.get("continued", []), settings.epochs)
    return ConfigFile(asked, settings, former)


def _read_flat(value: Mapping[str, Any]) -> ConfigFile:
    asked = _read_asked(value)
    if all(value.get(name) is not None for name in FILLED):
        # kerascnn 0.1 wrote it. What the recipe gives as well was left to the recipe.
        least = TrainConfig(model=asked.model, optimizer=asked.optimizer)
        filled = least.resolve().to_dict()
        own = {k: v for k, v in asked.to_dict().items() if v != filled[k]}
        asked = dataclasses.replace(least, **own)
    return ConfigFile(asked, asked.resolve())


def _read_asked(value: Mapping[str, Any]) -> TrainConfig:
    _check_keys("setting", value, known=ALL, required=())
    if "model" not in value:
        raise ConfigError(f"It names no model. Add one of: {', '.join(MODELS)}.")
    return TrainConfig(**value)


def _check_keys(
    kind: str,
    value: Mapping[str, Any],
    *,
    known: Collection[str],
    required: Collection[str],
) -> None:
    for name in value:
        if name not in known:
            raise UnknownNameError(kind, name, known)
    for name in required:
        if name not in value:
            raise ConfigError(f"There is no {kind} {name!r}. Put it back.")
