"""VGG-16 against the one that Keras has."""

import keras
import numpy as np
import pytest


def check_equal_outputs(network, theirs):
    theirs.set_weights(network.get_weights())
    shape = (2, *network.input_shape[1:])
    images = np.random.default_rng(0).random(shape, dtype="float32")
    expected = theirs(images).numpy()
    assert expected.std() > 0
    np.testing.assert_allclose(network(images), expected, rtol=1e-4, atol=1e-7)


def test_small_network_gives_what_kerass_gives(small_network):
    theirs = keras.applications.VGG16(weights=None, input_shape=(32, 32, 1), classes=10)
    check_equal_outputs(small_network("vgg16"), theirs)


@pytest.mark.slow
def test_network_of_the_papers_size_gives_what_kerass_gives(paper_network):
    check_equal_outputs(paper_network("vgg16"), keras.applications.VGG16(weights=None))


def test_initialization_keeps_the_size_of_the_signal(small_network, digits):
    images = np.pad(digits[0] / 255, ((0, 0), (2, 2), (2, 2), (0, 0)))
    network = small_network("vgg16")
    part = keras.Model(network.input, network.get_layer("block5_3_conv").output)
    features = np.asarray(part(images))
    # Glorot's initialization would leave less than a hundredth after 13 layers.
    assert 0.1 < features.std() / images.std() < 10
