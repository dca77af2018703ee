"""MobileNet against the table of its paper, and what only it has."""

import math

import keras
import numpy as np
import pytest

from kerascnn.errors import ConfigError
from kerascnn.models.mobilenet import build_mobilenet

# Table 1: type, stride, filter shape, input size. The stride of the last depthwise
# convolution is 2 in the paper, but the row after it has the same 7x7 maps: 1.
TABLE_1 = [
    ("conv", 2, (3, 3, 3, 32), (224, 224, 3)),
    ("conv dw", 1, (3, 3, 32), (112, 112, 32)),
    ("conv", 1, (1, 1, 32, 64), (112, 112, 32)),
    ("conv dw", 2, (3, 3, 64), (112, 112, 64)),
    ("conv", 1, (1, 1, 64, 128), (56, 56, 64)),
    ("conv dw", 1, (3, 3, 128), (56, 56, 128)),
    ("conv", 1, (1, 1, 128, 128), (56, 56, 128)),
    ("conv dw", 2, (3, 3, 128), (56, 56, 128)),
    ("conv", 1, (1, 1, 128, 256), (28, 28, 128)),
    ("conv dw", 1, (3, 3, 256), (28, 28, 256)),
    ("conv", 1, (1, 1, 256, 256), (28, 28, 256)),
    ("conv dw", 2, (3, 3, 256), (28, 28, 256)),
    ("conv", 1, (1, 1, 256, 512), (14, 14, 256)),
    *5
    * [
        ("conv dw", 1, (3, 3, 512), (14, 14, 512)),
        ("conv", 1, (1, 1, 512, 512), (14, 14, 512)),
    ],
    ("conv dw", 2, (3, 3, 512), (14, 14, 512)),
    ("conv", 1, (1, 1, 512, 1024), (7, 7, 512)),
    ("conv dw", 1, (3, 3, 1024), (7, 7, 1024)),
    ("conv", 1, (1, 1, 1024, 1024), (7, 7, 1024)),
    ("avg pool", 1, (7, 7), (7, 7, 1024)),
    ("fc", 1, (1024, 1000), (1, 1, 1024)),
    ("softmax", 1, "classifier", (1, 1, 1000)),
]


def rows_of(network):
    """The rows of the table that each layer of a built network stands for."""
    for layer in network.layers[1:]:
        size = layer.input.shape[1:]
        match layer:
            case keras.layers.SeparableConv2D():
                depthwise, pointwise = layer.depthwise_kernel, layer.pointwise_kernel
                assert depthwise.shape[3] == 1
                _, height, width, _ = layer.output.shape
                yield "conv dw", layer.strides[0], depthwise.shape[:3], size
                yield "conv", 1, pointwise.shape, (height, width, size[2])
            case keras.layers.Conv2D():
                yield "conv", layer.strides[0], layer.kernel.shape, size
            case keras.layers.GlobalAveragePooling2D():
                yield "avg pool", 1, size[:2], size
            case keras.layers.Dense():
                yield "fc", 1, layer.kernel.shape, (1, 1, *size)
                name = layer.activation.__name__
                yield name, 1, "classifier", (1, 1, *layer.output.shape[1:])


def test_layers_follow_table_1_row_by_row(paper_network):
    assert list(rows_of(paper_network("mobilenet"))) == TABLE_1


def test_every_convolution_is_normalized_and_then_a_relu(paper_network):
    layers = paper_network("mobilenet").layers
    for conv, norm, relu in zip(layers, layers[1:], layers[2:], strict=False):
        if isinstance(conv, keras.layers.Conv2D | keras.layers.SeparableConv2D):
            assert not conv.use_bias
            assert isinstance(norm, keras.layers.BatchNormalization)
            assert norm.momentum == 0.9
            assert isinstance(relu, keras.layers.ReLU)


def test_separable_convolution_starts_with_the_size_of_its_input(paper_network):
    layer = paper_network("mobilenet").get_layer("block13_sepconv")
    # A depthwise output is a sum of 9 values, a pointwise one of 1024, before a ReLU.
    assert np.var(layer.depthwise_kernel) == pytest.approx(1 / 9, rel=0.1)
    assert np.var(layer.pointwise_kernel) == pytest.approx(2 / 1024, rel=0.02)


def test_small_stem_keeps_the_size_of_the_image(small_network):
    network = small_network("mobilenet", "small")
    assert network.get_layer("stem_conv").strides == (1, 1)
    assert network.get_layer("block13_relu").output.shape[1:] == (2, 2, 1024)
    assert network.count_params() == small_network("mobilenet").count_params()


@pytest.mark.parametrize(("alpha", "filters"), [(0.25, (8, 256)), (1.5, (48, 1536))])
def test_alpha_scales_every_layer(alpha, filters):
    network = build_mobilenet((32, 32, 1), 10, alpha=alpha)
    names = ("stem_conv", "block13_sepconv")
    assert tuple(network.get_layer(name).filters for name in names) == filters


def test_smallest_alpha_leaves_one_filter_in_the_stem():
    assert (
        build_mobilenet((32, 32, 1), 2, alpha=1 / 32).get_layer("stem_conv").filters
        == 1
    )


@pytest.mark.parametrize("alpha", [0, -1, 0.03, math.inf, math.nan, "wide", True])
def test_impossible_alpha_is_an_error(alpha):
    with pytest.raises(ConfigError, match=rf"in \[0.03125, 8\], but got {alpha!r}"):
        build_mobilenet((32, 32, 1), 10, alpha=alpha)
