"""What only ResNet-18 has."""

import keras
import numpy as np
import pytest
from keras import layers

from kerascnn.models.resnet18 import residual_block


def block_of(channels, filters, strides):
    inputs = keras.Input((8, 6, channels))
    outputs = residual_block(inputs, filters, strides=strides, name="block")
    return keras.Model(inputs, outputs)


def test_shortcuts_project_only_where_the_shape_changes(paper_network):
    names = [layer.name for layer in paper_network("resnet18").layers]
    projections = [name for name in names if name.endswith("_shortcut_conv")]
    assert projections == [f"stage{stage}a_shortcut_conv" for stage in (3, 4, 5)]


@pytest.mark.parametrize(
    ("channels", "filters", "strides", "shape"),
    [(4, 4, 1, (8, 6, 4)), (4, 8, 1, (8, 6, 8)), (4, 4, 2, (4, 3, 4))],
)
def test_block_has_the_shape_of_its_docstring(channels, filters, strides, shape):
    block = block_of(channels, filters, strides)
    assert block.output_shape == (None, *shape)
    has_projection = any("shortcut" in layer.name for layer in block.layers)
    assert has_projection == ((channels, strides) != (filters, 1))


def test_block_adds_its_input():
    block = block_of(4, 4, 1)
    block.get_layer("block_2_conv").kernel.assign(np.zeros((3, 3, 4, 4)))
    images = np.random.default_rng(0).normal(size=(2, 8, 6, 4)).astype("float32")
    np.testing.assert_allclose(block(images), np.maximum(images, 0), atol=1e-6)


def test_small_stem_keeps_the_size_of_the_image(small_network):
    network = small_network("resnet18", "small")
    stem = network.get_layer("stem_conv")
    assert stem.kernel.shape == (3, 3, 1, 64)
    assert stem.strides == (1, 1)
    assert "stem_pool" not in [layer.name for layer in network.layers]
    sides = [network.get_layer(f"stage{k}b_relu").output.shape[1] for k in (2, 3, 4, 5)]
    assert sides == [32, 16, 8, 4]


def test_convolutions_have_no_bias_and_normalization_follows_fast(paper_network):
    for layer in paper_network("resnet18").layers:
        if isinstance(layer, layers.Conv2D):
            assert not layer.use_bias
        if isinstance(layer, layers.BatchNormalization):
            assert layer.momentum == 0.9
