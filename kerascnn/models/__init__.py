"""The networks: five classic convolutional classifiers by name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Integral
from typing import TYPE_CHECKING, Any

from kerascnn.errors import ConfigError, InputShapeError
from kerascnn.registry import Entry, Registry

if TYPE_CHECKING:
    import keras

Shape = tuple[int, int, int]


@dataclass(frozen=True)
class Cost:
    """What a network of a given size costs.

    Attributes:
        input_shape: `(height, width, channels)` of the images that the network sees.
        num_classes: Number of classes that it tells apart.
        parameters: All weights, among them the moving statistics of normalisation.
        trainable: Weights that training changes.
        multiply_adds: Multiplications, each with its addition, for one image.
    """

    input_shape: Shape
    num_classes: int
    parameters: int
    trainable: int
    multiply_adds: int


@dataclass(frozen=True, kw_only=True)
class ModelEntry(Entry):
    """A network; its target is a builder `(input_shape, num_classes, *, options)`.

    Attributes:
        title: The name as papers write it.
        min_size: Smallest height and width that the network can take, in pixels.
        reference: Authors, title, year and address of the paper.
        options: The builder's own options.
        stems: The first layers that there are to choose from, the default one first.
        paper_cost: Parameters and work at the paper's size.
        small_cost: The same for grey images of 32x32 pixels and 10 classes.
        splits_batches: Whether training gains by computing parts of a batch side by
            side. No layer may look at the whole batch, as normalisation does, and the
            gradients of the parts must be few numbers to add up.
    """

    title: str
    min_size: int
    reference: str
    options: tuple[str, ...] = ()
    stems: tuple[str, ...] = ("paper",)
    paper_cost: Cost
    small_cost: Cost
    splits_batches: bool = False

    @property
    def input_shape(self) -> Shape:
        """`(height, width, channels)` of the paper's images."""
        return self.paper_cost.input_shape

    @property
    def num_classes(self) -> int:
        """Number of classes in the paper."""
        return self.paper_cost.num_classes


def build_model(
    name: str,
    image_shape: Sequence[int],
    num_classes: int,
    *,
    image_size: int | None = None,
    stem: str | None = None,
    **options: Any,
) -> keras.Model:
    """Build a classifier of raw pixels: preprocessing, then a network.

    The preprocessing is part of the model, so that a saved or exported file takes the
    same pixels as the one that was trained. It scales to `[0, 1]` and brings images to
    the network's size: with zeros around them where that is at most a quarter larger
    (28 to 32), by bilinear interpolation otherwise (28 to 64).

    Args:
        name: A name of `MODELS`; `model.get_layer(name)` is the network.
        image_shape: `(height, width, channels)` of the images, as the data have them.
        num_classes: Number of classes to tell apart, at least 2.
        image_size: Side of the square that the network sees, in pixels. Where `None`,
            the images' own size, but no less than the network's `min_size`.
        stem: The network's first layers, one of its `stems`; the first where `None`.
        **options: Options of the network's builder.

    Returns:
        An uncompiled model from images `(batch, height, width, channels)` in `[0, 255]`
        to class probabilities `(batch, num_classes)`, both float32 under any policy.

    Raises:
        UnknownNameError: A name that is in no row.
        InputShapeError: Images, or an image size, that the network cannot take.
        ConfigError: A stem, an option or a number of classes that cannot be.

    Example:
        >>> build_model("lenet", (28, 28, 1), num_classes=10).output_shape
        (None, 10)
    """
    entry = MODELS[name]
    check_image_shape(name, image_shape)
    check_num_classes(name, num_classes)
    size = _network_size(entry, image_shape, image_size)
    options = _builder_options(entry, stem, options)

    import keras

    from kerascnn.models.blocks import preprocess

    network = entry.load()((*size, image_shape[2]), num_classes, **options)
    inputs = keras.Input(tuple(image_shape), dtype="float32", name="image")
    outputs = network(preprocess(inputs, size))
    return keras.Model(inputs, outputs, name=f"{name}_classifier")


def check_image_shape(name: str, image_shape: Sequence[int], min_size: int = 1) -> None:
    """Refuse what is no image shape, or has sides of less than `min_size` pixels.

    Raises:
        InputShapeError: With what the network takes.
    """
    sizes = (min_size, min_size, 1)
    if (
        isinstance(image_shape, Sequence)
        and len(image_shape) == 3
        and all(isinstance(size, Integral) for size in image_shape)
        and all(size >= least for size, least in zip(image_shape, sizes, strict=True))
    ):
        return
    is_small = name == "lenet" or min_size == 1
    hint = "" if is_small else ", or choose a smaller network such as lenet"
    raise InputShapeError(
        f"{name} takes images of shape (height, width, channels), in pixels, with "
        f"sides of at least {min_size}, but got {image_shape!r}. Give images of that "
        f"shape{hint}."
    )


def check_num_classes(name: str, num_classes: int) -> None:
    """Refuse a number of classes that cannot be told apart.

    Raises:
        ConfigError: With what was given.
    """
    if not isinstance(num_classes, Integral) or num_classes < 2:
        raise ConfigError(
            f"{name} tells at least 2 classes apart, but got num_classes="
            f"{num_classes!r}. Give data with two classes or more."
        )


def check_stem(name: str, stem: str) -> None:
    """Refuse a stem that the network does not have.

    Raises:
        ConfigError: With those that it has.
    """
    stems = MODELS[name].stems
    if stem not in stems:
        raise ConfigError(
            f"{name} has no stem {stem!r}. Choose from: {', '.join(stems)}."
        )


def _network_size(
    entry: ModelEntry, image_shape: Sequence[int], image_size: int | None
) -> tuple[int, int]:
    """Height and width that the network sees."""
    height, width = image_shape[:2]
    if image_size is None:
        return max(height, entry.min_size), max(width, entry.min_size)
    if not isinstance(image_size, Integral) or image_size < entry.min_size:
        raise InputShapeError(
            f"{entry.name} sees images of at least {entry.min_size} pixels a side, but "
            f"got image_size={image_size!r}. Choose {entry.min_size} or more."
        )
    return image_size, image_size


def _builder_options(
    entry: ModelEntry, stem: str | None, options: dict[str, Any]
) -> dict[str, Any]:
    """The options to build with, the stem among them where there is a choice."""
    for name in options:
        if name not in entry.options:
            known = f"only {', '.join(entry.options)}" if entry.options else "none"
            raise ConfigError(
                f"{entry.name} has no option {name!r}, {known}. Leave it out."
            )
    if stem is None:
        return options
    check_stem(entry.name, stem)
    return options | ({"stem": stem} if "stem" in entry.options else {})


MODELS = Registry(
    "model",
    ModelEntry(
        name="lenet",
        target="kerascnn.models.lenet:build_lenet",
        title="LeNet-5",
        summary="Two convolutions and three dense layers, for digits (1998).",
        min_size=12,
        reference=(
            "LeCun, Bottou, Bengio, Haffner: Gradient-Based Learning Applied to "
            "Document Recognition, 1998, https://doi.org/10.1109/5.726791"
        ),
        paper_cost=Cost((28, 28, 1), 10, 61_706, 61_706, 416_520),
        small_cost=Cost((32, 32, 1), 10, 82_826, 82_826, 579_240),
        splits_batches=True,
    ),
    ModelEntry(
        name="alexnet",
        target="kerascnn.models.alexnet:build_alexnet",
        title="AlexNet",
        summary="Five convolutions and three wide dense layers, with dropout (2012).",
        min_size=32,
        reference=(
            "Krizhevsky, Sutskever, Hinton: ImageNet Classification with Deep "
            "Convolutional Neural Networks, 2012, https://papers.nips.cc/paper/"
            "4824-imagenet-classification-with-deep-convolutional-neural-networks"
        ),
        options=("dropout",),
        paper_cost=Cost((227, 227, 3), 1_000, 62_378_344, 62_378_344, 1_135_256_096),
        small_cost=Cost((32, 32, 1), 10, 21_598_922, 21_598_922, 23_839_104),
    ),
    ModelEntry(
        name="vgg16",
        target="kerascnn.models.vgg16:build_vgg16",
        title="VGG-16",
        summary="Thirteen 3x3 convolutions and three wide dense layers (2014).",
        min_size=32,
        reference=(
            "Simonyan, Zisserman: Very Deep Convolutional Networks for Large-Scale "
            "Image Recognition, 2014, https://arxiv.org/abs/1409.1556"
        ),
        options=("dropout",),
        paper_cost=Cost((224, 224, 3), 1_000, 138_357_544, 138_357_544, 15_470_264_320),
        small_cost=Cost((32, 32, 1), 10, 33_637_066, 33_637_066, 330_932_224),
    ),
    ModelEntry(
        name="resnet18",
        target="kerascnn.models.resnet18:build_resnet18",
        title="ResNet-18",
        summary="Eight residual blocks of two convolutions (2015).",
        min_size=32,
        reference=(
            "He, Zhang, Ren, Sun: Deep Residual Learning for Image Recognition, 2015, "
            "https://arxiv.org/abs/1512.03385"
        ),
        options=("stem",),
        stems=("paper", "small"),
        paper_cost=Cost((224, 224, 3), 1_000, 11_699_112, 11_689_512, 1_814_073_344),
        small_cost=Cost((32, 32, 1), 10, 11_184_970, 11_175_370, 35_410_944),
    ),
    ModelEntry(
        name="mobilenet",
        target="kerascnn.models.mobilenet:build_mobilenet",
        title="MobileNet v1",
        summary="Thirteen depthwise-separable convolutions (2017).",
        min_size=32,
        reference=(
            "Howard et al.: MobileNets: Efficient Convolutional Neural Networks for "
            "Mobile Vision Applications, 2017, https://arxiv.org/abs/1704.04861"
        ),
        options=("alpha", "dropout", "stem"),
        stems=("paper", "small"),
        paper_cost=Cost((224, 224, 3), 1_000, 4_234_024, 4_222_056, 568_740_352),
        small_cost=Cost((32, 32, 1), 10, 3_218_698, 3_206_730, 11_448_832),
    ),
)
