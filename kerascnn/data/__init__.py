"""Data sets: images and labels by name, in memory, as plain NumPy arrays."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, cast, get_args

from kerascnn.errors import ConfigError
from kerascnn.machine.ranges import Range, whole
from kerascnn.registry import Entry, Registry, known_name

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from kerascnn.data.sources import Reading

SplitName = Literal["train", "test"]

# Images that may be asked for; where there are fewer, all of them are taken.
LIMIT = whole(1, 10_000_000)

# What stands in place of a name where the images are arrays of the caller's own, which
# are not stored; no row has it.
ARRAYS = "arrays"


@dataclass(frozen=True, kw_only=True)
class Split:
    """Images with their labels.

    Attributes:
        images: Raw pixels, uint8, `(number, height, width, channels)`; where they do
            not fit into memory, a `MappedImages` that is indexed like an array.
        labels: Class indices, int64, `(number,)`.
        class_names: What each index stands for.
        files: Where each image is from, text, `(number,)`; `None` where they are from
            no files of their own.
        groups: Numbers of the groups that are not to be divided, int64, `(number,)`;
            `None` where each image is a group of its own.
    """

    images: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.int64]
    class_names: tuple[str, ...]
    files: npt.NDArray[np.object_] | None = None
    groups: npt.NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """`(height, width, channels)` of every image."""
        height, width, channels = self.images.shape[1:]
        return height, width, channels

    @property
    def num_classes(self) -> int:
        """How many classes there are to tell apart."""
        return len(self.class_names)

    def select(self, which: npt.NDArray[np.bool_ | np.int64]) -> Split:
        """Some of the images, by a mask or by their places."""
        take = getattr(self.images, "select", self.images.__getitem__)
        return replace(
            self,
            images=take(which),
            labels=self.labels[which],
            files=None if self.files is None else self.files[which],
            groups=None if self.groups is None else self.groups[which],
        )


@dataclass(frozen=True, kw_only=True)
class DatasetEntry(Entry):
    """A data set; its target is a loader of one split, from this row and its name.

    Attributes:
        tfds_name: Name and version at tensorflow-datasets, pinned: `"mnist:3.0.1"`;
            empty where the data are not from there.
        image_shape: `(height, width, channels)` of every image.
        class_names: What each label stands for.
        num_train: Number of training images.
        num_test: Number of test images.
        background: Brightness around what is shown, from 0 to 255; `None` where images
            have none, such as photographs.
        box: Side, in pixels, of the box that each drawing fills, its center of mass in
            the middle of the image; `None` where drawings fill the image.
        packaged: Whether kerascnn brings the data; if not, they are downloaded once.
        license: The terms of the data.
        reference: Where the data are described.
    """

    tfds_name: str = ""
    image_shape: tuple[int, int, int]
    class_names: tuple[str, ...]
    num_train: int
    num_test: int
    background: int | None = 0
    box: int | None = None
    packaged: bool = False
    license: str
    reference: str

    @property
    def num_classes(self) -> int:
        """How many classes there are to tell apart."""
        return len(self.class_names)


DATASETS = Registry(
    "dataset",
    DatasetEntry(
        name="mnist",
        target="kerascnn.data.idx:load_mnist",
        summary="Handwritten digits, 28x28 gray; comes with kerascnn.",
        tfds_name="mnist:3.0.1",
        image_shape=(28, 28, 1),
        class_names=tuple("0123456789"),
        num_train=60_000,
        num_test=10_000,
        box=20,
        packaged=True,
        license="CC BY-SA 3.0",
        reference="http://yann.lecun.com/exdb/mnist/",
    ),
    DatasetEntry(
        name="fashion_mnist",
        target="kerascnn.data.tfds:load_tfds",
        summary="Pieces of clothing, 28x28 gray.",
        tfds_name="fashion_mnist:3.0.1",
        image_shape=(28, 28, 1),
        class_names=(
            "T-shirt/top",
            "Trouser",
            "Pullover",
            "Dress",
            "Coat",
            "Sandal",
            "Shirt",
            "Sneaker",
            "Bag",
            "Ankle boot",
        ),
        num_train=60_000,
        num_test=10_000,
        license="MIT",
        reference="https://arxiv.org/abs/1708.07747",
    ),
    DatasetEntry(
        name="kmnist",
        target="kerascnn.data.tfds:load_tfds",
        summary="Cursive Japanese characters, 28x28 gray.",
        tfds_name="kmnist:3.0.1",
        image_shape=(28, 28, 1),
        class_names=("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"),
        num_train=60_000,
        num_test=10_000,
        license="CC BY-SA 4.0",
        reference="https://arxiv.org/abs/1812.01718",
    ),
    DatasetEntry(
        name="cifar10",
        target="kerascnn.data.tfds:load_tfds",
        summary="Photographs of animals and vehicles, 32x32 color.",
        tfds_name="cifar10:3.0.2",
        image_shape=(32, 32, 3),
        class_names=(
            "airplane",
            "automobile",
            "bird",
            "cat",
            "deer",
            "dog",
            "frog",
            "horse",
            "ship",
            "truck",
        ),
        num_train=50_000,
        num_test=10_000,
        background=None,
        license="none stated",
        reference="https://www.cs.toronto.edu/~kriz/cifar.html",
    ),
)


def count_held_out(num_images: int, fraction: float) -> int:
    """How many images a fraction of them is, in whole images.

    Raises:
        ConfigError: A fraction outside `[0, 1)`, or one that leaves either part empty.
    """
    Range(0, 1, open_high=True).check("The fraction to hold out", fraction)
    count = round(fraction * num_images)
    if fraction > 0 and not 0 < count < num_images:
        raise ConfigError(
            f"Holding out {fraction} of {num_images:,} images leaves one part empty. "
            "Choose 0 or a fraction nearer to 0.5."
        )
    return count


def load_split(name: str, split: SplitName, reading: Reading | None = None) -> Split:
    """Load one split of a data set; of a packaged one, nothing of the other is read.

    Args:
        name: A name of `DATASETS`, `tfds:NAME`, or the path of a folder.
        split: `"train"` or `"test"`; a validation part of a folder is in neither.
        reading: How pictures of different sizes are read, and what is held out as the
            test split of data that have none; rows of the table do not ask for it.

    Returns:
        The split, whole and in its own order.

    Raises:
        UnknownNameError: A name that is in no row, or no split.
        DatasetError: Data that are missing, altered or cannot be downloaded.
    """
    from kerascnn.data.sources import Reading, known_dataset

    name = known_dataset(name)
    split_name = cast(SplitName, known_name("split", split, get_args(SplitName)))
    if name in DATASETS:
        loaded: Split = DATASETS[name].load()(DATASETS[name], split_name)
        return loaded

    from kerascnn.data.stored import in_memory, open_pictures

    return in_memory(open_pictures(name, reading or Reading()).part(split_name))


def load_dataset(name: str, *, image_size: int = 64) -> tuple[Split, Split]:
    """Load the training and the test split of a data set.

    Args:
        name: A name of `DATASETS`, `tfds:NAME`, or the path of a folder of pictures.
        image_size: Side of the square that pictures of different sizes become.

    Returns:
        The training and the test split, as from `load_split`.

    Raises:
        UnknownNameError: A name that is in no row.
        DatasetError: Data that are missing, altered or cannot be downloaded.

    Example:
        >>> train, test = load_dataset("mnist")
        >>> train.images.shape, len(test)
        ((60000, 28, 28, 1), 10000)
    """
    from kerascnn.data.sources import Reading

    reading = Reading(image_size=image_size)
    return load_split(name, "train", reading), load_split(name, "test", reading)
