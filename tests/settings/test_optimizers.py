"""The optimizers: the report's update rules against NumPy, and Keras's by name."""

import inspect

import keras
import numpy as np
import pytest

from kerascnn.errors import ConfigError, UnknownNameError
from kerascnn.settings.optimizers import OPTIMIZERS, build_optimizer

STEPS = 60
SHAPE = (4, 3)


def gradients():
    """Random gradients of very different sizes, a quarter of them zero."""
    rng = np.random.default_rng(7)
    values = rng.normal(size=(STEPS, *SHAPE)) * 10.0 ** rng.integers(
        -3, 2, size=(STEPS, *SHAPE)
    )
    values[rng.random(values.shape) < 0.25] = 0
    values[:, 0, 0] = 0  # a weight that never gets a gradient
    return values.astype(np.float32)


def trajectory(optimizer):
    """The weights after each step."""
    weights = keras.Variable(np.linspace(-1, 1, 12).reshape(SHAPE).astype(np.float32))
    optimizer.build([weights])
    path = []
    for gradient in gradients():
        optimizer.apply([keras.ops.convert_to_tensor(gradient)])
        path.append(keras.ops.convert_to_numpy(weights))
    return np.array(path)


def test_sgd_follows_the_reports_rule_at_every_step():
    rate, momentum = 0.05, 0.8
    w, v = np.linspace(-1, 1, 12).reshape(SHAPE), np.zeros(SHAPE)
    expected = []
    for g in gradients().astype(np.float64):
        v = momentum * v - rate * g
        w = w + v
        expected.append(w)
    found = trajectory(build_optimizer("sgd", rate, momentum=momentum))
    np.testing.assert_allclose(found, expected, rtol=2e-5, atol=2e-6)


def test_adagrad_follows_the_reports_rule_at_every_step():
    rate, delta = 0.05, 1e-7
    w, r = np.linspace(-1, 1, 12).reshape(SHAPE), np.zeros(SHAPE)
    expected = []
    for g in gradients().astype(np.float64):
        r = r + g * g
        w = w - rate / (delta + np.sqrt(r)) * g
        expected.append(w)
    found = trajectory(build_optimizer("adagrad", rate))
    np.testing.assert_allclose(found, expected, rtol=2e-5, atol=2e-6)
    assert (found[:, 0, 0] == -1).all(), "a weight without gradient has to stay"


def test_keras_own_adagrad_defaults_are_another_rule():
    ours = trajectory(build_optimizer("adagrad", 0.05))
    theirs = trajectory(keras.optimizers.Adagrad(0.05))
    assert np.abs(ours - theirs).max() > 0.01


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_table_has_exactly_the_options_of_keras(name):
    entry = OPTIMIZERS[name]
    shared = {
        *("self", "learning_rate", "name", "kwargs", "weight_decay"),
        *("clipnorm", "clipvalue", "global_clipnorm"),
        *("use_ema", "ema_momentum", "ema_overwrite_frequency"),
        *("loss_scale_factor", "gradient_accumulation_steps"),
        *("exclude_layers", "exclude_embeddings"),  # Muon's lists of layers
    }
    theirs = set(inspect.signature(entry.load().__init__).parameters) - shared
    assert set(entry.options) - {"weight_decay"} == theirs


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer_lowers_a_quadratic(name):
    target = np.array([[0.3, -0.2], [0.5, 0.1]], np.float32)
    weights = keras.Variable(np.ones((2, 2), np.float32))
    optimizer = build_optimizer(name)
    optimizer.build([weights])

    def distance():
        return float(np.square(keras.ops.convert_to_numpy(weights) - target).sum())

    before = distance()
    for _ in range(20):
        optimizer.apply([2 * (weights - target)])
    assert distance() < before


def test_options_reach_the_optimizer():
    optimizer = build_optimizer("adamw", weight_decay=0.01, beta_1=0.8, ema=0.9)
    config = optimizer.get_config()
    assert config["weight_decay"] == 0.01
    assert config["beta_1"] == 0.8
    assert config["use_ema"] is True
    assert config["ema_momentum"] == 0.9


def test_wrong_name_suggests_the_nearest():
    with pytest.raises(UnknownNameError, match="Did you mean 'adagrad'"):
        build_optimizer("adagard")


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("adagrad", {"momentum": 0.9}, "no option of adagrad 'momentum'"),
        ("sgd", {"nesterov": 1}, "nesterov of sgd is true or false, but got 1"),
        ("adam", {"beta_1": "x"}, "beta_1 of adam is a number, but got 'x'"),
        ("adam", {"beta_1": True}, "beta_1 of adam is a number, but got True"),
    ],
)
def test_option_that_does_not_apply_is_refused(name, options, message):
    with pytest.raises(ConfigError, match=message):
        build_optimizer(name, **options)
