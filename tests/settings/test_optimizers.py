"""The optimizers: the report's update rules against NumPy, and Keras's by name."""

import inspect
from dataclasses import replace

import keras
import numpy as np
import pytest

from kerascnn.errors import ConfigError, UnknownNameError
from kerascnn.machine.ranges import Range
from kerascnn.settings.optimizers import (
    COMMON_OPTIONS,
    OPTIMIZERS,
    build_optimizer,
)

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
        ("sgd", {"nesterov": 1}, "nesterov of sgd has to be true or false, but got 1"),
        (
            "adam",
            {"beta_1": "x"},
            "beta_1 of adam has .* but got 'x'",
        ),
        (
            "adam",
            {"beta_1": True},
            "beta_1 of adam has .* but got True",
        ),
    ],
)
def test_option_that_does_not_apply_is_refused(name, options, message):
    with pytest.raises(ConfigError, match=message):
        build_optimizer(name, **options)


@pytest.mark.parametrize("first", ["clipvalue", "global_clipnorm"])
def test_gradients_are_clipped_in_one_way(first):
    with pytest.raises(ConfigError, match=r"two ways to clip gradients\. Choose one"):
        build_optimizer("adam", **{first: 1.0, "clipnorm": 1.0})


def edges(entry):
    """Each option with the smallest and the largest value that it may have."""
    for name, default in (dict(entry.options) | dict(COMMON_OPTIONS)).items():
        if isinstance(default, bool):
            yield from ((name, False), (name, True))
            continue
        allowed = entry.range_of(name)
        low, high = allowed.low, allowed.high
        yield name, np.nextafter(low, high).item() if allowed.open_low else low
        yield name, np.nextafter(high, low).item() if allowed.open_high else high


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_keras_takes_every_value_that_the_table_does(name):
    for option, value in edges(OPTIMIZERS[name]):
        weights = [
            keras.Variable(np.ones(shape, np.float32)) for shape in ((2, 3), (3,))
        ]
        optimizer = build_optimizer(name, **{option: value})
        optimizer.build(weights)
        optimizer.apply([keras.ops.full(w.shape, 0.1) for w in weights], weights)
        assert optimizer.iterations == 1, (option, value)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_values_beyond_the_table_are_refused_before_keras(name):
    entry = OPTIMIZERS[name]
    for option, default in (dict(entry.options) | dict(COMMON_OPTIONS)).items():
        if isinstance(default, bool):
            continue
        allowed = entry.range_of(option)
        for value in (allowed.low - 1, allowed.high + 1, 1e300, -1e300, 10**400):
            with pytest.raises(ConfigError, match=f"{option} of {name} has to be"):
                entry.check_options({option: value})


def test_what_keras_refuses_is_one_line(monkeypatch):
    """Of an optimizer whose row allows more than Keras does."""
    row = replace(OPTIMIZERS["ftrl"], ranges={"learning_rate_power": Range(0, 9)})
    monkeypatch.setitem(OPTIMIZERS, "ftrl", row)
    with pytest.raises(
        ConfigError, match=r"Keras refuses the options of ftrl: .*power"
    ):
        build_optimizer("ftrl", learning_rate_power=3)
