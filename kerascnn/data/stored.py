"""Folders of pictures and sets of tensorflow-datasets, as splits from the cache."""

from __future__ import annotations

import contextlib
import os
import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import Any, cast

import numpy as np
import numpy.typing as npt
from PIL import Image

from kerascnn.data import Split, count_held_out
from kerascnn.data.cache import PARTS, Stored
from kerascnn.data.folder import Listing, PartName, list_folder, require_classes
from kerascnn.data.mapped import MappedImages
from kerascnn.data.pictures import DECODER_ERRORS, FORMATS
from kerascnn.data.reading import Stage, read_folder
from kerascnn.data.sources import Reading, Survey, is_folder
from kerascnn.data.splits import SPLIT_SEED, hold_out
from kerascnn.errors import ConfigError, shown
from kerascnn.machine.content import open_content
from kerascnn.machine.environment import usable_memory_bytes

# Of the memory, so much may be images that are held as one tensor.
MEMORY_SHARE = 0.25
# Of so many pictures the sizes are looked at, before any is read.
SURVEYED = 400


def survey(name: str, reading: Reading) -> Survey:
    """Look at pictures before they are read.

    Args:
        name: `tfds:NAME` or the path of a folder.
        reading: How they would be read.

    Raises:
        DatasetError: There are no pictures to train on.
        ConfigError: A part to hold out that leaves nothing.
    """
    if not is_folder(name):
        from kerascnn.data.tfds_pictures import survey_tfds

        return survey_tfds(name, reading)
    listing = list_folder(name)
    require_classes(listing)
    number = len(listing.in_part("train"))
    if not listing.in_part("test") and reading.test_fraction is not None:
        number -= count_held_out(number, reading.test_fraction)
    return Survey(
        num_train=number,
        has_validation=bool(listing.in_part("validation")),
        side=_middle_side(listing),
    )


@dataclass(frozen=True)
class Pictures:
    """Pictures that were read, and how they are divided.

    Attributes:
        stored: What the cache has of them.
        reading: How they were read, and what is held out.
    """

    stored: Stored
    reading: Reading

    @property
    def has_test(self) -> bool:
        """Whether there is a test part, so that none is held out."""
        return bool((self.stored.parts == PARTS.index("test")).any())

    @property
    def has_validation(self) -> bool:
        """Whether there is a validation part."""
        return bool((self.stored.parts == PARTS.index("validation")).any())

    @property
    def channels(self) -> int:
        """1 where they are gray, 3 where they are in color."""
        return int(self.stored.images.shape[3])

    def part(self, part: PartName) -> Split:
        """A part of the pictures, which stay in the cache.

        Without a test part, `"train"` and `"test"` are what the hold-out leaves and
        takes; without a validation part, that is empty.

        Raises:
            ConfigError: A part to hold out that leaves nothing.
        """
        if part == "validation" or (part == "test" and self.has_test):
            return self._given(part)
        fraction = self.reading.test_fraction
        if part == "test" and fraction is None:
            return self._given("train", "validation")
        whole = self._given("train")
        if self.has_test or fraction is None:
            return whole
        remaining, held_out = hold_out(whole, fraction, seed=SPLIT_SEED)
        return remaining if part == "train" else held_out

    def _given(self, *parts: PartName) -> Split:
        """Parts as they were found."""
        rows = np.flatnonzero(np.isin(self.stored.parts, list(map(PARTS.index, parts))))
        split = Split(
            images=cast(Any, MappedImages(self.stored.images, rows)),
            labels=self.stored.labels[rows],
            class_names=self.stored.class_names,
            files=self.stored.files[rows],
        )
        if parts != ("train",) or self.reading.group_by is None:  # others stay whole
            return split
        return replace(split, groups=_groups(split, self.reading.group_by))


def open_pictures(
    name: str,
    reading: Reading,
    *,
    class_names: Sequence[str] | None = None,
    stage: Stage = lambda text: None,
) -> Pictures:
    """Open pictures, which are read once and kept in the cache.

    Args:
        name: `tfds:NAME` or the path of a folder.
        reading: How pictures are read, and what is held out.
        class_names: The classes, where they are settled; the folder's own where `None`.
        stage: Told how far reading is.

    Raises:
        DatasetError: Pictures that cannot be read.
    """
    if not is_folder(name):
        from kerascnn.data.tfds_pictures import read_tfds

        return Pictures(read_tfds(name, reading, stage=stage), reading)
    listing = list_folder(name, class_names)
    require_classes(listing, to_train=class_names is None)
    return Pictures(read_folder(listing, reading, stage=stage), reading)


def in_memory(split: Split) -> Split:
    """The same with its images in memory, if there is room for them."""
    if isinstance(split.images, np.ndarray):
        return split
    if split.images.nbytes > MEMORY_SHARE * usable_memory_bytes():
        return split
    return replace(split, images=np.asarray(split.images))


def _groups(split: Split, group_by: str) -> npt.NDArray[np.int64]:
    """A number for the group of each picture; one without a match is a group alone.

    The pattern looks at the name within the folder of the class: the names of parts and
    classes tell nothing of groups.
    """
    pattern = re.compile(group_by)
    numbers: dict[object, int] = {}
    groups, found, name = [], False, ""
    for file, label in zip(cast(Any, split.files), split.labels, strict=True):
        name = f"/{file}".partition(f"/{split.class_names[label]}/")[2]
        match = pattern.search(name)
        found = found or match is not None
        key = (file,) if match is None else match.groups() or match.group()
        groups.append(numbers.setdefault(key, len(numbers)))
    if not found:
        raise ConfigError(
            f"group_by is {shown(group_by)}, which is found in no name of a picture, "
            f"such as {shown(name)}. Give one that is."
        )
    return np.array(groups, np.int64)


def _middle_side(listing: Listing) -> int:
    """The middle of the shorter sides of some pictures; 1 where none has any."""
    files = listing.in_part("train")
    sides = []
    for file in files[:: -(-len(files) // SURVEYED)]:
        # An unreadable one is told of when it is read.
        with contextlib.suppress(*DECODER_ERRORS), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            path = os.path.join(listing.path, file.name)
            with (
                open_content(path) as content,
                Image.open(content, formats=FORMATS) as image,
            ):
                sides.append(min(image.size))
    return int(median(sides or [1]))
