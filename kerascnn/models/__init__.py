"""The networks: five classic convolutional classifiers by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from kerascnn.errors import ConfigError, shown
from kerascnn.machine.ranges import Range
from kerascnn.registry import Entry, Registry

Shape = tuple[int, int, int]


@dataclass(frozen=True)
class Cost:
    """What a network of a given size costs.

    Attributes:
        input_shape: `(height, width, channels)` of the images that the network sees.
        num_classes: Number of classes that it tells apart.
        parameters: All weights, among them the moving statistics of normalization.
        trainable: Weights that training changes.
        multiply_adds: Multiplications, each with its addition, for one image.
    """

    input_shape: Shape
    num_classes: int
    parameters: int
    trainable: int
    multiply_adds: int


@dataclass(frozen=True, kw_only=True)
class ModelOption:
    """A number that a network's builder takes.

    Attributes:
        default: What it is where nothing is said.
        range: What it may be.
    """

    default: float
    range: Range


def _dropout(default: float) -> ModelOption:
    return ModelOption(default=default, range=Range(0, 1, open_high=True))


@dataclass(frozen=True, kw_only=True)
class ModelEntry(Entry):
    """A network; its target is a builder `(input_shape, num_classes, *, options)`.

    Attributes:
        title: The name as papers write it.
        min_size: Smallest height and width that the network can take, in pixels.
        reference: Authors, title, year and address of the paper.
        options: The builder's own options, but for the stem.
        stems: The first layers that there are to choose from, the default one first.
        paper_cost: Parameters and work at the paper's size.
        small_cost: The same for gray images of 32x32 pixels and 10 classes.
        splits_batches: Whether training gains by computing parts of a batch side by
            side. No layer may look at the whole batch, as normalization does, and the
            gradients of the parts must be few numbers to add up.
    """

    title: str
    min_size: int
    reference: str
    options: Mapping[str, ModelOption] = field(default_factory=dict)
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

    def check_options(self, options: Mapping[str, Any]) -> None:
        """Refuse an option that this network does not have, or a value out of range.

        Raises:
            ConfigError: With what the network takes.
        """
        for name, value in options.items():
            if name not in self.options:
                known = f"only {', '.join(self.options)}" if self.options else "none"
                raise ConfigError(
                    f"{self.name} has no option {shown(name)}, {known}. Leave it out."
                )
            self.options[name].range.check(f"{name} of {self.name}", value)


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
        options={"dropout": _dropout(0.5)},
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
        options={"dropout": _dropout(0.5)},
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
        options={
            # From one filter in the stem to 64 times the paper's weights.
            "alpha": ModelOption(default=1.0, range=Range(1 / 32, 8)),
            "dropout": _dropout(0.001),
        },
        stems=("paper", "small"),
        paper_cost=Cost((224, 224, 3), 1_000, 4_234_024, 4_222_056, 568_740_352),
        small_cost=Cost((32, 32, 1), 10, 3_218_698, 3_206_730, 11_448_832),
    ),
)
