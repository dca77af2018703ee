"""What a data set is, as a run and its exported files carry it: `dataset.json`.

The name alone does not tell: no table knows the classes of a user's own images.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kerascnn.data import ARRAYS, DATASETS, load_split
from kerascnn.data.sources import (
    RESIZES,
    TEST_FRACTION,
    Reading,
    check_pattern,
    known_dataset,
    short_name,
)
from kerascnn.errors import ConfigError, DatasetError, RunError, shown

if TYPE_CHECKING:
    from kerascnn.data import Split, SplitName

SCHEMA = 1
# Of the images, the digest is taken of so many bytes at a time.
DIGESTED_BYTES = 2**24


@dataclass(frozen=True, kw_only=True)
class DatasetFacts:
    """The facts of a data set that a model depends on.

    Attributes:
        name: What `load_split` takes: a name of `DATASETS`, `tfds:NAME` or the path of
            a folder; `ARRAYS` where it cannot be loaded again.
        image_shape: `(height, width, channels)` of every image.
        class_names: What each label stands for.
        background: As in `DatasetEntry`.
        box: As in `DatasetEntry`.
        reference: Where the data are described, if anywhere.
        counts: Images that the run uses as `train`, `validation` and `test`; empty
            where there is no run to tell.
        sha256: The digest of the whole training split; `None` where there is no run to
            tell.
        test_sha256: That of the test split, where it could change: of pictures.
        resize: How pictures become images of this shape, as in `Reading`; `None` where
            the data set's own are all of it.
        group_by: As in `Reading`.
        test_fraction: As in `Reading`.
    """

    name: str
    image_shape: tuple[int, int, int]
    class_names: tuple[str, ...]
    background: int | None = None
    box: int | None = None
    reference: str | None = None
    counts: Mapping[str, int] = field(default_factory=dict)
    sha256: str | None = None
    test_sha256: str | None = None
    resize: str | None = None
    group_by: str | None = None
    test_fraction: float | None = None

    @property
    def num_classes(self) -> int:
        """How many classes there are to tell apart."""
        return len(self.class_names)

    @property
    def title(self) -> str:
        """What to call the data in a line."""
        return short_name(self.name)

    @property
    def reading(self) -> Reading:
        """How pictures are read, and what is held out of them."""
        return Reading(
            image_size=self.image_shape[0],
            resize=self.resize or RESIZES[0],
            group_by=self.group_by,
            test_fraction=self.test_fraction,
        )

    def load(self, split: SplitName) -> Split:
        """Load a split of the data set.

        Raises:
            UnknownNameError: No data set has the name.
            DatasetError: It cannot be read, is not as `check` wants it, or was never
                stored.
        """
        if self.name == ARRAYS:
            raise DatasetError(
                f"There are no {split} images to load: the model was trained on arrays "
                "that were passed from Python, which kerascnn does not store. Train on "
                "a data set by name to evaluate or export; predict takes any images."
            )
        loaded = self._load(split)
        self.check(loaded)
        expected = self.test_sha256 if split == "test" else None
        if expected is not None and digest(loaded) != expected:
            raise DatasetError(
                f"The test pictures of {self.name} are not those of the training any "
                f"more: they were {self.counts.get('test', 0):,} and are "
                f"{len(loaded):,}, some of which may have been trained on. Restore the "
                "data, train again, or name a folder of other pictures with --dataset."
            )
        return loaded

    def elsewhere(self, reference: str) -> DatasetFacts:
        """The facts of other data of the same classes, to test the same model on.

        Of a folder, the test part is taken, or everything where it has none. Where it
        holds the pictures of the training, under another path, these stay divided.

        Raises:
            UnknownNameError: There are no data of that name.
        """
        name = known_dataset(reference)
        if name == self.name:
            return self
        if name in DATASETS:
            return DatasetFacts.from_table(name)
        moved = replace(self, name=name)
        if moved._are_those_of_the_training():
            return moved
        return replace(
            moved,
            reference=None,
            counts={},
            sha256=None,
            test_sha256=None,
            resize=self.resize or RESIZES[0],
            group_by=None,
            test_fraction=None,
        )

    def _are_those_of_the_training(self) -> bool:
        """Whether the pictures of the name are divided into the same training part."""
        if self.resize is None or self.sha256 is None:
            return False
        from kerascnn.data.stored import open_pictures

        names, reading = self.class_names, self.reading
        try:
            pictures = open_pictures(self.name, reading, class_names=names)
            return digest(pictures.part("train")) == self.sha256
        except (ConfigError, DatasetError):  # told where they are loaded
            return False

    def _load(self, split: SplitName) -> Split:
        if known_dataset(self.name) in DATASETS:
            return load_split(self.name, split)
        from kerascnn.data.stored import in_memory, open_pictures

        names, channels = self.class_names, self.image_shape[2]
        pictures = open_pictures(self.name, self.reading, class_names=names)
        if pictures.channels != channels and channels in (1, 3):
            # Other data may be gray where those of the training were not.
            reading = replace(self.reading, channels=channels)
            pictures = open_pictures(self.name, reading, class_names=names)
        return in_memory(pictures.part(split))

    def check(self, split: Split) -> None:
        """Refuse a split that is not of these data.

        Raises:
            DatasetError: It has other classes, or images of another shape.
        """
        difference = self._difference(split)
        if difference:
            raise DatasetError(
                f"{self.name} is not the data that the model was made for: "
                f"{difference}. Restore the data, or train again."
            )

    def to_dict(self) -> dict[str, Any]:
        """Plain values, with the number of their schema."""
        return {"schema": SCHEMA, **asdict(self)}

    @classmethod
    def from_dict(cls, value: object, source: Path) -> DatasetFacts:
        """Read what `to_dict` wrote.

        Args:
            value: The plain values.
            source: The file that they are from, for error messages.

        Raises:
            RunError: A value that is missing or of the wrong kind, or another schema.
        """
        problem = _problem(value)
        if problem or not isinstance(value, dict):
            raise RunError(
                f"The facts of the data in {source} cannot be read: {problem}. Restore "
                "the file as kerascnn wrote it."
            )
        values = {name: value[name] for name in _FIELDS if name in value}
        height, width, channels = values.pop("image_shape")
        names = tuple(values.pop("class_names"))
        return cls(image_shape=(height, width, channels), class_names=names, **values)

    @classmethod
    def from_table(cls, name: str) -> DatasetFacts:
        """What the table of data sets tells, where there is no run to tell.

        Raises:
            UnknownNameError: A name that is in no row of `DATASETS`.
        """
        row = DATASETS[name]
        return cls(
            name=row.name,
            image_shape=row.image_shape,
            class_names=row.class_names,
            background=row.background,
            box=row.box,
            reference=row.reference,
        )

    def _difference(self, split: Split) -> str:
        """In what a split is not as the facts say; empty where it is."""
        if split.image_shape != self.image_shape:
            return f"images were {self.image_shape} and are {split.image_shape}"
        if split.num_classes != self.num_classes:
            return f"classes were {self.num_classes} and are {split.num_classes}"
        for label, names in enumerate(
            zip(self.class_names, split.class_names, strict=True)
        ):
            if len(set(names)) > 1:
                return f"class {label} was {shown(names[0])} and is {shown(names[1])}"
        return ""


def digest(split: Split) -> str:
    """The SHA-256 of a split's shape, images and labels, in hexadecimal digits."""
    import hashlib  # loads OpenSSL

    sha256 = hashlib.sha256(repr(split.images.shape).encode())
    count = max(1, DIGESTED_BYTES // math.prod(split.image_shape))
    for start in range(0, len(split), count):  # they may not fit into memory
        sha256.update(split.images[start : start + count].reshape(-1).data)
    sha256.update(split.labels.astype("<i8").data)
    return sha256.hexdigest()


def _problem(value: object) -> str:
    """Why a value is not what `to_dict` writes; empty where it is."""
    if not isinstance(value, dict):
        return "they are no JSON object"
    if value.get("schema") != SCHEMA:
        return f"their schema is {shown(value.get('schema'))}, but has to be {SCHEMA}"
    for name, (words, is_valid) in _FIELDS.items():
        if name not in value and name not in _OPTIONAL:
            return f"{name} is missing"
        if name in value and not is_valid(value[name]):
            return f"{name} has to be {words}, but is {shown(value[name])}"
    return ""


def _is_count(value: object, smallest: int = 0) -> bool:
    return type(value) is int and value >= smallest


def _is_digest(value: object) -> bool:
    return value is None or (
        isinstance(value, str) and re.fullmatch("[0-9a-f]{64}", value) is not None
    )


def _is_text(value: object) -> bool:
    return isinstance(value, str) and value != ""


def _is_pattern(value: object) -> bool:
    try:
        check_pattern(value if isinstance(value, str) else "")
    except ConfigError:
        return False
    return True


# Of each field what it has to be, in words and as a check of what JSON gives.
_FIELDS: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "name": ("text", _is_text),
    "image_shape": (
        "[height, width, channels]",
        lambda x: (
            isinstance(x, list | tuple)
            and len(x) == 3
            and all(_is_count(size, 1) for size in x)
        ),
    ),
    "class_names": (
        "a list of names, all different",
        lambda x: (
            isinstance(x, list | tuple)
            and len(x) > 0
            and all(map(_is_text, x))
            and len(set(x)) == len(x)
        ),
    ),
    "background": (
        "a brightness from 0 to 255 or null",
        lambda x: x is None or (_is_count(x) and x <= 255),
    ),
    "box": ("a number of pixels or null", lambda x: x is None or _is_count(x, 1)),
    "reference": ("text or null", lambda x: x is None or _is_text(x)),
    "counts": (
        "numbers of images by split",
        lambda x: isinstance(x, dict) and all(map(_is_count, x.values())),
    ),
    "sha256": ("64 hexadecimal digits or null", _is_digest),
    "test_sha256": ("64 hexadecimal digits or null", _is_digest),
    "resize": (
        f"one of {', '.join(RESIZES)}, or null",
        lambda x: x is None or x in RESIZES,
    ),
    "group_by": ("a regular expression or null", lambda x: x is None or _is_pattern(x)),
    "test_fraction": (
        "a number in (0, 1) or null",
        lambda x: x is None or x in TEST_FRACTION,
    ),
}
# What kerascnn 0.1 did not write.
_OPTIONAL = ("test_sha256", "resize", "group_by", "test_fraction")
