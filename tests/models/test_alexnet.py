"""What only AlexNet has."""

import keras
import numpy as np
import pytest

from kerascnn.models.alexnet import build_alexnet


def test_pools_are_padded_only_where_the_map_is_too_small(paper_network, small_network):
    def padding(network):
        pools = [x for x in network.layers if isinstance(x, keras.layers.MaxPooling2D)]
        return [pool.padding for pool in pools]

    assert padding(paper_network("alexnet")) == ["valid"] * 3
    assert padding(small_network("alexnet")) == ["valid", "same", "same"]


@pytest.mark.parametrize("size", range(32, 100, 7))
def test_every_size_has_maps_to_the_end(size):
    network = build_alexnet((size, size, 1), 2)
    assert min(network.get_layer("block5_pool").output.shape[1:3]) >= 1


def test_initialization_keeps_the_size_of_the_signal(paper_network):
    keras.utils.set_random_seed(0)
    network = paper_network("alexnet")
    for name in ("block3_conv", "fc2_dense"):
        kernel = np.asarray(network.get_layer(name).kernel)
        fan_in = kernel[..., 0].size
        assert kernel.var() == pytest.approx(2 / fan_in, rel=0.02)  # He et al., 2015
