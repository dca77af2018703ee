"""The training step against plain Keras."""

import gc
from dataclasses import replace

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerascnn.settings.config import TrainConfig
from kerascnn.training.batches import ResidentBatches
from kerascnn.training.class_weights import balanced_weights
from kerascnn.training.images import load_splits
from kerascnn.training.network import compile_model
from kerascnn.training.step import TrainingStep


def settings(model, optimizer):
    return TrainConfig(
        model=model,
        optimizer=optimizer,
        # AdaGrad's first step is the sign of the gradient: a sign that rounding turns
        # moves a weight by twice the rate.
        learning_rate=1e-4 if model == "mobilenet" else 0.01,
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
    batches = ResidentBatches(training, 16, seed=0)
    keras.utils.set_random_seed(0)
    plain = compile_model(config, training)
    ours = compile_model(config, training)
    ours.set_weights(plain.get_weights())
    expected = []
    for batch in batches.indices(0, 10).reshape(10, 16):
        x, y = training.images[batch], training.labels[batch]
        expected.append(plain.train_on_batch(x, y, return_dict=True)["loss"])
        plain.reset_metrics()
    step = TrainingStep(
        ours,
        batches,
        config,
        np.full(10, config.learning_rate, np.float32),
        tf.distribute.get_strategy(),
        parts,
    )
    losses, correct = step.run(0, 4)
    more, more_correct = step.run(4, 6)
    # MobileNet normalizes over few values here, which magnifies rounding.
    rtol = 1e-2 if model == "mobilenet" else 2e-3
    np.testing.assert_allclose([*losses, *more], expected, rtol=rtol, atol=1e-4)
    assert correct.shape == (4,)
    assert more_correct.max() <= 16
    for mine, theirs in zip(ours.weights, plain.weights, strict=True):
        np.testing.assert_allclose(
            keras.ops.convert_to_numpy(mine),
            keras.ops.convert_to_numpy(theirs),
            rtol=0.01,
            atol=2e-3,
        )


@pytest.mark.parametrize("label_smoothing", [0.0, 0.1])
@pytest.mark.parametrize("parts", [1, 4])
def test_weighted_losses_are_those_of_keras_fit(parts, label_smoothing):
    config = replace(settings("lenet", "sgd"), label_smoothing=label_smoothing)
    training, _, _ = load_splits(config)
    kept = (training.labels > 2) | (np.arange(len(training.labels)) % 5 == 0)
    training = replace(
        training, images=training.images[kept], labels=training.labels[kept]
    )
    batches = ResidentBatches(training, 16, seed=0)
    weights = balanced_weights(training.labels, 10)
    assert weights.max() > 2 * weights.min()
    keras.utils.set_random_seed(0)
    plain, ours = (compile_model(config, training) for _ in range(2))
    ours.set_weights(plain.get_weights())
    plain.compile(
        plain.optimizer,
        keras.losses.CategoricalCrossentropy(label_smoothing=label_smoothing),
    )
    expected = []
    for batch in batches.indices(0, 6).reshape(6, 16):
        history = plain.fit(
            training.images[batch],
            keras.utils.to_categorical(training.labels[batch], 10),
            batch_size=16,
            class_weight=dict(enumerate(weights.tolist())),
            verbose=0,
        )
        expected += history.history["loss"]
    rates = np.full(6, config.learning_rate, np.float32)
    strategy = tf.distribute.get_strategy()
    step = TrainingStep(ours, batches, config, rates, strategy, parts, weights)
    losses, _ = step.run(0, 6)
    np.testing.assert_allclose(losses, expected, rtol=1e-4)
    for mine, theirs in zip(ours.weights, plain.weights, strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1e-5)


def test_each_step_has_its_rate():
    config = settings("lenet", "sgd")
    training, _, _ = load_splits(config)
    model = compile_model(config, training)
    before = [keras.ops.convert_to_numpy(weight) for weight in model.weights]
    rates = np.array([0, 0, 0.1], np.float32)
    batches = ResidentBatches(training, 16, seed=0)
    step = TrainingStep(model, batches, config, rates, tf.distribute.get_strategy())
    step.run(0, 2)
    for weight, old in zip(model.weights, before, strict=True):
        np.testing.assert_array_equal(keras.ops.convert_to_numpy(weight), old)
    step.run(2, 1)
    assert all(
        np.abs(keras.ops.convert_to_numpy(weight) - old).max() > 0
        for weight, old in zip(model.weights, before, strict=True)
    )


@pytest.mark.slow
def test_many_trainings_in_one_process_are_no_warning(caplog):
    """TensorFlow warns where one function is traced again and again."""
    config = settings("lenet", "sgd")
    training, _, _ = load_splits(config)
    batches = ResidentBatches(training, 16, seed=0)
    strategy, rates = (
        tf.distribute.get_strategy(),
        np.full(10, config.learning_rate, np.float32),
    )
    for _ in range(8):
        model = compile_model(config, training)
        step = TrainingStep(model, batches, config, rates, strategy)
        assert np.isfinite(step.run(0, 1)[0]).all()
        del step, model
        gc.collect()
    assert not [record for record in caplog.records if "retracing" in record.message]
