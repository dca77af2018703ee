"""The training step against plain Keras, and the batches that are refused."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerascnn.data.splits import epoch_order
from kerascnn.errors import ConfigError
from kerascnn.settings.config import TrainConfig
from kerascnn.training.setup import compile_model, load_splits
from kerascnn.training.step import TrainingStep, check_batch_size


def settings(model, optimizer):
    return TrainConfig(
        model=model,
        optimizer=optimizer,
        learning_rate=0.01,
        schedule="constant",
        batch_size=16,
        limit=160,
        # Their rounding differs with the batch's shape being known: a ReLU that flips
        # changes ResNet-18's gradient by half a percent. They have tests of their own.
        fast_layers=False,
    ).resolve()


@pytest.mark.parametrize(
    ("model", "optimizer", "parts"),
    [
        ("lenet", "sgd", 1),
        ("lenet", "sgd", 4),
        ("lenet", "adagrad", 1),
        ("lenet", "adam", 1),
        pytest.param("resnet18", "sgd", 1, marks=pytest.mark.slow),
        pytest.param("mobilenet", "adagrad", 1, marks=pytest.mark.slow),
    ],
)
def test_losses_are_those_of_plain_keras(model, optimizer, parts):
    config = settings(model, optimizer)
    training, _, _ = load_splits(config)
    order = epoch_order(len(training), seed=0, epoch=0)
    keras.utils.set_random_seed(0)
    plain = compile_model(config, training)
    ours = compile_model(config, training)
    ours.set_weights(plain.get_weights())
    expected = []
    for batch in order.reshape(10, 16):
        x, y = training.images[batch], training.labels[batch]
        expected.append(plain.train_on_batch(x, y, return_dict=True)["loss"])
        plain.reset_metrics()
    step = TrainingStep(
        ours,
        training,
        config,
        np.full(10, 0.01, np.float32),
        tf.distribute.get_strategy(),
        parts,
    )
    losses, correct = step.run(order, begin=0, first=0, count=4)
    more, more_correct = step.run(order, begin=0, first=4, count=6)
    np.testing.assert_allclose([*losses, *more], expected, rtol=2e-3, atol=1e-4)
    assert correct.shape == (4,)
    assert more_correct.max() <= 16
    for mine, theirs in zip(ours.weights, plain.weights, strict=True):
        np.testing.assert_allclose(
            keras.ops.convert_to_numpy(mine),
            keras.ops.convert_to_numpy(theirs),
            rtol=0.01,
            atol=2e-3,
        )


def test_each_step_has_its_rate():
    config = settings("lenet", "sgd")
    training, _, _ = load_splits(config)
    model = compile_model(config, training)
    before = [keras.ops.convert_to_numpy(weight) for weight in model.weights]
    rates = np.array([0, 0, 0.1], np.float32)
    step = TrainingStep(model, training, config, rates, tf.distribute.get_strategy())
    order = epoch_order(len(training), seed=0, epoch=0)
    step.run(order, begin=0, first=0, count=2)
    for weight, old in zip(model.weights, before, strict=True):
        np.testing.assert_array_equal(keras.ops.convert_to_numpy(weight), old)
    step.run(order, begin=0, first=2, count=1)
    assert all(
        np.abs(keras.ops.convert_to_numpy(weight) - old).max() > 0
        for weight, old in zip(model.weights, before, strict=True)
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((65, 64, 1), "only 64 training images. Set it to 64 or less"),
        ((66, 100, 4), "4 devices cannot share equally. Set it to 64"),
        ((3, 100, 4), "4 devices cannot share equally. Set it to 4"),
    ],
)
def test_batch_that_does_not_fit_is_refused(arguments, message):
    with pytest.raises(ConfigError, match=message):
        check_batch_size(*arguments)
    check_batch_size(64, 64, 4)
