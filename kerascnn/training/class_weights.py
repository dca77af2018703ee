"""How much the images of each class count in the loss."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def balanced_weights(
    labels: npt.NDArray[np.int64], num_classes: int
) -> npt.NDArray[np.float32]:
    """Weights with which every class has the same share of the loss.

    Class c, with n_c of n images, has n / (k * n_c), where k classes have images.
    So the mean over the images is 1, and a learning rate means what it did.

    Args:
        labels: Class indices of the training images, `(number,)`.
        num_classes: How many classes there are to tell apart.

    Returns:
        `(num_classes,)`; 0 for a class without images.
    """
    counts = np.bincount(labels, minlength=num_classes)
    share = len(labels) / np.count_nonzero(counts)
    return np.where(counts, share / np.maximum(counts, 1), 0).astype(np.float32)
