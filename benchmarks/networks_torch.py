"""The five networks in PyTorch, layer by layer those of kerascnn, for gray images.

They take `(batch, 1, size, size)` and end in logits, as PyTorch's cross-entropy wants
them. "Same" padding in Keras is (0, 1) where the strides are 2; PyTorch pads alike on
both sides, (1, 1): the same work.
"""

from __future__ import annotations

import torch
from torch import nn

VGG16_BLOCKS = ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))
RESNET18_STAGES = ((64, 1), (128, 2), (256, 2), (512, 2))
MOBILENET_BLOCKS = (
    (64, 1),
    (128, 2), (128, 1),
    (256, 2), (256, 1),
    (512, 2), (512, 1), (512, 1), (512, 1), (512, 1), (512, 1),
    (1024, 2), (1024, 1),
)  # fmt: skip
NUM_CLASSES = 10


def build_lenet(size: int = 32, stem: str = "paper") -> nn.Module:
    """LeNet-5: 82,826 parameters for 32x32 pixels."""
    side = (size // 2 - 4) // 2
    return nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(6, 16, 5),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(16 * side * side, 120),
        nn.ReLU(),
        nn.Linear(120, 84),
        nn.ReLU(),
        nn.Linear(84, NUM_CLASSES),
    )


def build_alexnet(size: int = 32, stem: str = "paper") -> nn.Module:
    """AlexNet in one tower: 21,598,922 parameters for 32x32 pixels.

    Keras pads the pooling of maps smaller than a window alone.
    """
    side = (size - 11) // 4 + 1
    poolings = []
    for _ in range(3):
        poolings.append(nn.MaxPool2d(3, 2, padding=int(side < 3)))
        side = (side - 1) // 2 if side >= 3 else 1
    return nn.Sequential(
        nn.Conv2d(1, 96, 11, stride=4),
        nn.ReLU(),
        poolings[0],
        nn.Conv2d(96, 256, 5, padding=2),
        nn.ReLU(),
        poolings[1],
        nn.Conv2d(256, 384, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(384, 384, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(384, 256, 3, padding=1),
        nn.ReLU(),
        poolings[2],
        nn.Flatten(),
        *wide_classifier(256 * side * side),
    )


def build_vgg16(size: int = 32, stem: str = "paper") -> nn.Module:
    """VGG-16: 33,637,066 parameters for 32x32 pixels."""
    layers: list[nn.Module] = []
    channels = 1
    for filters, num_convs in VGG16_BLOCKS:
        for _ in range(num_convs):
            layers += [nn.Conv2d(channels, filters, 3, padding=1), nn.ReLU()]
            channels = filters
        layers.append(nn.MaxPool2d(2))
    return nn.Sequential(
        *layers, nn.Flatten(), *wide_classifier(512 * (size // 32) ** 2)
    )


def wide_classifier(features: int) -> list[nn.Module]:
    """The three dense layers of AlexNet and VGG-16, with dropout."""
    return [
        nn.Linear(features, 4096),
        nn.ReLU(),
        nn.Dropout(0.5),
        nn.Linear(4096, 4096),
        nn.ReLU(),
        nn.Dropout(0.5),
        nn.Linear(4096, NUM_CLASSES),
    ]


class ResidualBlock(nn.Module):
    """Two convolutions added to a shortcut, a projection where the shape changes."""

    def __init__(self, channels: int, filters: int, stride: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(channels, filters, 3, stride, padding=1, bias=False),
            nn.BatchNorm2d(filters),
            nn.ReLU(),
            nn.Conv2d(filters, filters, 3, padding=1, bias=False),
            nn.BatchNorm2d(filters),
        )
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or channels != filters:
            self.shortcut = nn.Sequential(
                nn.Conv2d(channels, filters, 1, stride, bias=False),
                nn.BatchNorm2d(filters),
            )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Compute the block's output."""
        return nn.functional.relu(self.body(x) + self.shortcut(x))


def build_resnet18(size: int = 32, stem: str = "paper") -> nn.Module:
    """ResNet-18; 11,175,370 trainable parameters with the paper's stem."""
    kernel, stride = (7, 2) if stem == "paper" else (3, 1)
    layers: list[nn.Module] = [
        nn.Conv2d(1, 64, kernel, stride, padding=kernel // 2, bias=False),
        nn.BatchNorm2d(64),
        nn.ReLU(),
    ]
    if stem == "paper":
        layers.append(nn.MaxPool2d(3, 2, padding=1))
    channels = 64
    for filters, stride in RESNET18_STAGES:
        layers.append(ResidualBlock(channels, filters, stride))
        layers.append(ResidualBlock(filters, filters, 1))
        channels = filters
    return nn.Sequential(
        *layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, NUM_CLASSES)
    )


def build_mobilenet(size: int = 32, stem: str = "paper") -> nn.Module:
    """MobileNet v1 of separable convolutions: 3,206,730 trainable parameters."""
    stride = 2 if stem == "paper" else 1
    layers: list[nn.Module] = [
        nn.Conv2d(1, 32, 3, stride, padding=1, bias=False),
        nn.BatchNorm2d(32),
        nn.ReLU(),
    ]
    channels = 32
    for filters, stride in MOBILENET_BLOCKS:
        layers += [
            nn.Conv2d(
                channels, channels, 3, stride, padding=1, groups=channels, bias=False
            ),
            nn.Conv2d(channels, filters, 1, bias=False),
            nn.BatchNorm2d(filters),
            nn.ReLU(),
        ]
        channels = filters
    return nn.Sequential(
        *layers,
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Dropout(0.001),
        nn.Linear(1024, NUM_CLASSES),
    )


BUILDERS = {
    "lenet": build_lenet,
    "alexnet": build_alexnet,
    "vgg16": build_vgg16,
    "resnet18": build_resnet18,
    "mobilenet": build_mobilenet,
}
