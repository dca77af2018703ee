"""What a data set is called: a row of `DATASETS`, `tfds:NAME`, or a folder of pictures.

Settings and `dataset.json` hold the reference of `known_dataset`: the name of the row,
`tfds:NAME` as it was given, or the absolute path of the folder.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import Any

from kerascnn.data import DATASETS
from kerascnn.errors import ConfigError, UnknownNameError, shown
from kerascnn.machine.ranges import Range
from kerascnn.registry import known_name

TFDS = "tfds:"
# The name, a configuration of it, a version.
_TFDS_NAME = re.compile(r"[a-z]\w*(/[\w.-]+)?(:[\d.*]+)?", re.ASCII | re.IGNORECASE)

# How a picture of other proportions becomes a square.
RESIZES = ("pad", "crop", "stretch")
TEST_FRACTION = Range(0, 1, open_low=True, open_high=True)
MAX_PATTERN = 1000


@dataclass(frozen=True, kw_only=True)
class Reading:
    """How pictures are read that are not all of one size, and what is held out of them.

    Attributes:
        image_size: Side of the square that they become, in pixels.
        resize: One of `RESIZES`.
        channels: 1 for gray and 3 for color; where `None`, gray if all of them are.
        group_by: A regular expression that finds the group of a picture in its name:
            pictures of one group are not divided. Each is its own where `None`.
        test_fraction: Part of the pictures held out for the test, where there is no
            test part; where `None`, all of them are for the test.
    """

    image_size: int = 64
    resize: str = "pad"
    channels: int | None = None
    group_by: str | None = None
    test_fraction: float | None = 0.2


@dataclass(frozen=True, kw_only=True)
class Survey:
    """What the settings of a training may depend on.

    Attributes:
        num_train: Pictures that are in no test or validation part.
        has_validation: Whether there is a validation part.
        side: The middle of the shorter sides of some pictures, in pixels.
    """

    num_train: int
    has_validation: bool
    side: int


def known_dataset(reference: Any) -> str:
    """The reference of a data set that is meant.

    A name of the table goes before a folder of that name in the current one, which is
    `./NAME`. Whether there is such a folder is not asked of a path: that of a run may
    be gone.

    Args:
        reference: A name, `tfds:NAME` or the path of a folder.

    Raises:
        UnknownNameError: It is neither.
        ConfigError: It is no text, or cannot be a name of tensorflow-datasets.
    """
    if not isinstance(reference, str | os.PathLike):
        raise ConfigError(f"dataset has to be a name, but got {shown(reference)}.")
    name = os.fspath(reference)
    if name.startswith(TFDS):
        if not _TFDS_NAME.fullmatch(name.removeprefix(TFDS)):
            raise ConfigError(
                f"{shown(name)} is no name of tensorflow-datasets. Give one such as "
                "tfds:emnist/letters or tfds:tf_flowers."
            )
        return name
    try:
        return known_name("dataset", name, DATASETS)
    except UnknownNameError as error:
        is_path = os.sep in name or name.startswith(("~", "."))
        if name.strip() and "\0" not in name and (is_path or os.path.isdir(name)):
            return os.path.abspath(os.path.expanduser(name))
        raise UnknownNameError(
            "dataset",
            name,
            DATASETS,
            "A folder of pictures, or tfds:NAME, is taken as well.",
        ) from error


def is_folder(reference: str) -> bool:
    """Whether a reference stands for a folder of pictures."""
    return os.path.isabs(reference)


def is_table(reference: str) -> bool:
    """Whether a reference stands for a row of `DATASETS`."""
    return reference in DATASETS


def short_name(reference: str) -> str:
    """What to call a data set in a line: a folder by its last name."""
    return os.path.basename(reference) if is_folder(reference) else reference


def check_pattern(pattern: str) -> None:
    """Refuse what cannot find groups in names.

    Raises:
        ConfigError: It is no regular expression, or matches anything.
    """
    try:
        if len(pattern) > MAX_PATTERN:
            raise re.error("it is too long")
        compiled = re.compile(pattern)
    except (re.error, RecursionError, OverflowError) as error:
        raise ConfigError(
            f"group_by has to be a regular expression that finds the group in a file's "
            rf"name, such as '^(\d+)_', but got {shown(pattern)}: {error}."
        ) from error
    if compiled.fullmatch(""):
        raise ConfigError(
            f"group_by is {shown(pattern)}, which matches an empty name as well. Give "
            r"a regular expression for a part of it, such as '^(\d+)_' or '^[^_]+'."
        )
