"""Fused optimizers: the report's update rules in 64 bits, and Keras's own."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerascnn.fast.optimizers import FusedAdagrad, FusedSGD, fuse
from kerascnn.settings.optimizers import build_optimizer

RATE = 0.1
GRADIENTS = np.random.default_rng(0).normal(size=(4, 50)).astype(np.float32)
GRADIENTS[:, :10] = 0  # a weight that has never had a gradient stays as it is
GRADIENTS[:2, 10:20] = 0
START = np.linspace(-1, 1, 50, dtype=np.float32)


def updated(optimizer):
    """The weights after the steps."""
    variable = keras.Variable(START)
    optimizer.build([variable])
    for gradient in GRADIENTS:
        optimizer.apply([tf.constant(gradient)])
    return variable.numpy()


def momentum_of_the_report(momentum, *, nesterov=False):
    weights, velocity = START.astype(np.float64), 0.0
    for gradient in GRADIENTS.astype(np.float64):
        velocity = momentum * velocity - RATE * gradient
        weights = weights + (
            momentum * velocity - RATE * gradient if nesterov else velocity
        )
    return weights


def adagrad_of_the_report():
    weights, total = START.astype(np.float64), 0.0
    for gradient in GRADIENTS.astype(np.float64):
        total = total + gradient**2
        weights = weights - RATE * gradient / (1e-7 + np.sqrt(total))
    return weights


@pytest.mark.parametrize(
    ("name", "options", "kind", "expected"),
    [
        ("sgd", {}, FusedSGD, momentum_of_the_report(0.9)),
        ("sgd", {"momentum": 0.5}, FusedSGD, momentum_of_the_report(0.5)),
        (
            *("sgd", {"nesterov": True}, FusedSGD),
            momentum_of_the_report(0.9, nesterov=True),
        ),
        ("adagrad", {}, FusedAdagrad, adagrad_of_the_report()),
    ],
)
def test_updates_are_those_of_the_report(name, options, kind, expected):
    optimizer = fuse(build_optimizer(name, RATE, **options))
    assert type(optimizer) is kind
    weights = updated(optimizer)
    np.testing.assert_allclose(weights, expected, rtol=1e-5, atol=1e-6)
    assert (weights[:10] == START[:10]).all()


@pytest.mark.parametrize(
    "options", [{}, {"epsilon": 1e-7}, {"initial_accumulator_value": 0.1}], ids=str
)
def test_small_gradients_are_treated_as_by_keras(options, monkeypatch):
    """Down to where epsilon matters: sums of 1e-20 to 1."""
    scales = np.geomspace(1e-10, 1, 50).astype(np.float32)
    monkeypatch.setitem(globals(), "GRADIENTS", GRADIENTS * scales)
    plain = build_optimizer("adagrad", RATE, **options)
    ours = fuse(build_optimizer("adagrad", RATE, **options))
    np.testing.assert_allclose(
        updated(ours) - START, updated(plain) - START, rtol=1e-3, atol=1e-7
    )


@pytest.mark.parametrize(
    "options",
    [
        {"weight_decay": 0.1},
        {"clipnorm": 0.5},
        {"global_clipnorm": 0.5},
        {"clipvalue": 0.5},
    ],
    ids=str,
)
@pytest.mark.parametrize("name", ["sgd", "adagrad"])
def test_what_is_around_an_update_is_that_of_keras(name, options):
    plain = build_optimizer(name, RATE, **options)
    ours = fuse(build_optimizer(name, RATE, **options))
    np.testing.assert_allclose(updated(ours), updated(plain), rtol=1e-5, atol=1e-6)


def test_averages_of_weights_are_those_of_keras():
    averages = []
    for change in (fuse, lambda optimizer: optimizer):
        optimizer = change(build_optimizer("sgd", RATE, ema=0.9))
        variable = keras.Variable(START)
        optimizer.build([variable])
        for gradient in GRADIENTS:
            optimizer.apply([tf.constant(gradient)])
        optimizer.finalize_variable_values([variable])
        averages.append(variable.numpy())
    np.testing.assert_allclose(*averages, rtol=1e-5)


@pytest.mark.parametrize(
    "optimizer",
    [
        keras.optimizers.SGD(momentum=0.0),
        keras.optimizers.Adam(),
    ],
    ids=lambda optimizer: type(optimizer).__name__,
)
def test_others_are_left_to_keras(optimizer):
    assert fuse(optimizer) is optimizer
