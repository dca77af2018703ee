"""LeNet-5 (LeCun et al., 1998), https://doi.org/10.1109/5.726791."""

from __future__ import annotations

import keras
from keras import layers

from kerascnn.models.blocks import classifier, network_input


def build_lenet(
    input_shape: tuple[int, int, int] = (28, 28, 1), num_classes: int = 10
) -> keras.Model:
    """Build LeNet-5 with randomly initialized weights.

    Departures from the paper, which has 60,000 trainable parameters where this has
    61,706: ReLU instead of a scaled tanh; max pooling without weights instead of
    averages with 44 of them; every filter of the second convolution sees all six maps
    (2,416 parameters instead of 1,516); softmax with 850 parameters instead of fixed
    radial basis functions. The paper pads digits from 28x28 to 32x32; here the first
    convolution does it (`"same"`).

    Args:
        input_shape: `(height, width, channels)`, sides of at least 12 pixels.
        num_classes: Number of classes to tell apart.

    Returns:
        An uncompiled model from images `(batch, height, width, channels)`, scaled to
        `[0, 1]`, to class probabilities `(batch, num_classes)`.

    Raises:
        InputShapeError: An image that the network cannot take.
        ConfigError: Fewer than two classes.

    Example:
        >>> build_lenet((28, 28, 1), num_classes=10).count_params()
        61706
    """
    inputs = network_input("lenet", input_shape, num_classes)
    x = layers.Conv2D(6, 5, padding="same", activation="relu", name="block1_conv")(
        inputs
    )
    x = layers.MaxPooling2D(2, name="block1_pool")(x)
    x = layers.Conv2D(16, 5, activation="relu", name="block2_conv")(x)
    x = layers.MaxPooling2D(2, name="block2_pool")(x)
    x = layers.Flatten(name="flatten")(x)
    x = layers.Dense(120, activation="relu", name="fc1_dense")(x)
    x = layers.Dense(84, activation="relu", name="fc2_dense")(x)
    return keras.Model(inputs, classifier(x, num_classes), name="lenet")
