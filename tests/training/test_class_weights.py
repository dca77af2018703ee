"""How much the images of each class count."""

import numpy as np
import pytest

from kerascnn.training.class_weights import balanced_weights


def test_weight_is_the_share_of_the_classes_by_that_of_the_images():
    labels = np.repeat([0, 1, 2], [6, 3, 1])
    weights = balanced_weights(labels, 3)
    np.testing.assert_allclose(weights, [10 / 18, 10 / 9, 10 / 3], rtol=1e-6)
    assert weights[labels].mean() == pytest.approx(1)
    assert weights.dtype == np.float32


def test_class_without_images_has_none():
    labels = np.array([3, 0, 3, 3])
    weights = balanced_weights(labels, 5)
    np.testing.assert_allclose(weights, [2, 0, 0, 2 / 3, 0], rtol=1e-6)
    assert weights[labels].mean() == pytest.approx(1)
