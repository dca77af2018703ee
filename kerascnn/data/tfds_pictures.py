"""Any set of tensorflow-datasets for the classification of images, in the cache."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from kerascnn.data import count_held_out
from kerascnn.data.cache import PARTS, SCHEMA, Stored, kept_entry
from kerascnn.data.reading import ImageWriter, Stage, finish_entry
from kerascnn.data.sources import TFDS, Reading, Survey
from kerascnn.data.squares import to_square
from kerascnn.data.tfds import CATALOG, find_builder, prepare, told_damage
from kerascnn.errors import ConfigError, DatasetError, shown
from kerascnn.machine.numbers import format_count

# Images of one shape stay as they are up to this size; larger ones are resized.
MAX_SIDE = 64


def survey_tfds(name: str, reading: Reading) -> Survey:
    """Look at a set, which is downloaded for it if need be.

    Raises:
        DatasetError: It cannot be had, or is none of images and classes.
        ConfigError: A part to hold out that leaves nothing.
    """
    source = _Source(name, reading)
    number = source.counts["train"]
    if not source.counts["test"] and reading.test_fraction is not None:
        number -= count_held_out(number, reading.test_fraction)
    return Survey(
        num_train=number,
        has_validation=source.counts["validation"] > 0,
        side=min(source.native or source.first_size()),
    )


def read_tfds(name: str, reading: Reading, *, stage: Stage) -> Stored:
    """The images of a set, from the cache, or decoded into it first.

    Raises:
        DatasetError: It cannot be had, or is none of images and classes.
    """
    stage(f"preparing {name}")
    source = _Source(name, reading)

    def fill(draft: Path) -> None:
        with told_damage(source.builder):
            source.fill(draft, stage)

    return kept_entry(source.digest(), name, fill)


class _Source:
    """A set of tensorflow-datasets, prepared, as images and classes.

    Attributes:
        builder: What reads it.
        counts: Images by part.
        native: The height and width of all images, where they are of one small size.
    """

    def __init__(self, name: str, reading: Reading) -> None:
        if reading.group_by is not None:
            raise ConfigError(
                f"group_by looks at the names of files, and {name} has none. Leave it "
                "out."
            )
        self.name = name
        self.reading = reading
        self.builder = find_builder(name.removeprefix(TFDS))
        self.image, self.label = _keys(name, self.builder.info.features)
        prepare(self.builder, name)
        splits = self.builder.info.splits
        self.counts = {
            part: splits[part].num_examples if part in splits else 0 for part in PARTS
        }
        if not self.counts["train"]:
            raise DatasetError(
                f"{name} has no split called train: {', '.join(splits)}. Choose "
                "another set, or another configuration of it."
            )
        shape = self.builder.info.features[self.image].shape
        sides = shape[:2]
        is_small = None not in sides and max(sides) <= MAX_SIDE
        self.native: tuple[int, int] | None = (sides[0], sides[1]) if is_small else None

    def digest(self) -> str:
        """What tells these images, decoded in this way, from all others."""
        way = self.native or [self.reading.image_size, self.reading.resize]
        facts = [SCHEMA, self.builder.info.full_name, str(self.builder.data_dir), way]
        facts += [self.reading.channels]
        facts += [self.counts, self.image, self.label]
        return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:32]

    def first_size(self) -> tuple[int, int]:
        """Height and width of the first image."""
        height, width = next(self._examples("train"))[0].shape[:2]
        return height, width

    def fill(self, draft: Path, stage: Stage) -> None:
        """Decode all images into the folder of an entry."""
        side = self.reading.image_size
        number = sum(self.counts.values())
        labels: list[int] = []
        parts: list[int] = []
        files: list[str] = []
        size = self.native or (side, side)
        writer = ImageWriter(draft, number, size, self.reading.channels)
        for part in PARTS:
            for place, (pixels, label) in enumerate(self._examples(part)):
                if label < 0:  # a test split whose labels are not public
                    continue
                row = len(labels)
                writer.write(row, self._fitted(pixels))
                labels.append(label)
                parts.append(PARTS.index(part))
                files.append(f"{part}[{place}]")
                if not row % 100:
                    told = f"{format_count(row)} of {format_count(number)} images"
                    stage(f"decoding {told}")
        finish_entry(
            draft,
            writer,
            labels=labels,
            parts=parts,
            files=files,
            class_names=tuple(self.builder.info.features[self.label].names),
            left_out={},
        )

    def _examples(self, part: str) -> Iterator[tuple[npt.NDArray[np.uint8], int]]:
        """The images and labels of a part, in the order that they are stored in."""
        import tensorflow_datasets as tfds

        if not self.counts[part]:
            return
        for example in tfds.as_numpy(self.builder.as_dataset(split=part)):
            pixels = example[self.image]
            if pixels.dtype != np.uint8 or pixels.shape[2] not in (1, 3, 4):
                raise DatasetError(
                    f"{self.name} has images of shape {pixels.shape} and type "
                    f"{pixels.dtype}, but 8 bits and 1 or 3 channels are read. Choose "
                    "another set."
                )
            yield (
                pixels[..., :3] if pixels.shape[2] == 4 else pixels,
                example[self.label],
            )

    def _fitted(self, pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        """An image in color, of the size that all have."""
        image = Image.fromarray(pixels.squeeze(2) if pixels.shape[2] == 1 else pixels)
        if self.reading.channels == 1:
            image = image.convert("L")
        image = image.convert("RGB")
        if self.native:
            return np.asarray(image)
        return to_square(image, self.reading.image_size, self.reading.resize)


def _keys(name: str, features: Any) -> tuple[str, str]:
    """What the one image and the one class of an example are called.

    Raises:
        DatasetError: There are several, or none.
    """
    import tensorflow_datasets as tfds

    found = dict(features.items()) if hasattr(features, "items") else {}
    images = [k for k, v in found.items() if isinstance(v, tfds.features.Image)]
    labels = [k for k, v in found.items() if isinstance(v, tfds.features.ClassLabel)]
    if "image" in images:
        images = ["image"]
    if "label" in labels:
        labels = ["label"]
    if len(images) != 1 or len(labels) != 1:
        raise DatasetError(
            f"{name} is no set of images with a class each: its examples have "
            f"{shown(', '.join(found) or 'no names')}. Choose one of "
            f"{CATALOG}, Image classification."
        )
    return images[0], labels[0]
