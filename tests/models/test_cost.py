"""Multiply-adds against sums by hand."""

import keras
import pytest
from keras import layers

from kerascnn.models.build import build_model
from kerascnn.models.cost import count_multiply_adds


def test_lenet_takes_what_the_sum_by_hand_says(paper_network):
    convolutions = 28 * 28 * 6 * (5 * 5 * 1) + 10 * 10 * 16 * (5 * 5 * 6)
    dense = 400 * 120 + 120 * 84 + 84 * 10
    assert convolutions + dense == 416_520
    assert count_multiply_adds(paper_network("lenet")) == 416_520


def test_preprocessing_costs_nothing_and_the_network_inside_counts():
    assert count_multiply_adds(build_model("lenet", (28, 28, 1), 10)) == 416_520


@pytest.mark.parametrize(
    ("layer", "expected"),
    [
        (layers.Conv2D(6, 3), 8 * 6 * 6 * (3 * 3 * 4)),
        (layers.Conv2D(6, 3, strides=2, padding="same"), 5 * 4 * 6 * (3 * 3 * 4)),
        (layers.Conv2D(6, (1, 5), groups=2), 10 * 4 * 6 * (1 * 5 * 2)),
        (layers.DepthwiseConv2D(3), 8 * 6 * 4 * (3 * 3)),
        (layers.DepthwiseConv2D(3, depth_multiplier=2), 8 * 6 * 8 * (3 * 3)),
        (layers.SeparableConv2D(6, 3), 8 * 6 * (4 * 3 * 3 + 4 * 6)),
        (layers.Dense(6), 10 * 8 * 4 * 6),
        (layers.BatchNormalization(), 0),
        (layers.MaxPooling2D(), 0),
        (layers.ReLU(), 0),
    ],
)
def test_layer_counts_kernels_at_every_position(layer, expected):
    model = keras.Sequential([keras.Input((10, 8, 4)), layer])
    assert count_multiply_adds(model) == expected
