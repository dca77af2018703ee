"""Training on a real GPU: `pytest -m gpu`, minutes where there is one, else skipped."""

import contextlib
from dataclasses import replace

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerascnn import doctor
from kerascnn.exporting.export import export_run
from kerascnn.machine.devices import half_precision
from kerascnn.machine.state import fresh_state
from kerascnn.models import MODELS
from kerascnn.models.layers import all_layers
from kerascnn.settings.config import TrainConfig
from kerascnn.training.setup import prepare_training
from kerascnn.training.train import train_model

GPUS = tf.config.list_physical_devices("GPU")

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not GPUS, reason="there is no GPU"),
]

# A batch that is seen again and again: its loss falls soon.
CONFIG = TrainConfig(
    model="lenet",
    limit=64,
    batch_size=64,
    epochs=20,
    schedule="constant",
    warmup_epochs=0,
    device="gpu",
)


def prepare(strategy=None, **changed):
    settings = replace(CONFIG, **changed).resolve()
    return prepare_training(settings, strategy=strategy, message=lambda text: None)


def train(setup, steps=20):
    """The losses of the first steps, each of an epoch of its own."""
    return np.array([setup.step.run(number, 1)[0][0] for number in range(steps)])


@contextlib.contextmanager
def exact_products():
    """Multiply in float32, as processors do."""
    before = tf.config.experimental.tensor_float_32_execution_enabled()
    tf.config.experimental.enable_tensor_float_32_execution(False)
    yield
    tf.config.experimental.enable_tensor_float_32_execution(before)


def assert_falling(losses):
    assert np.isfinite(losses).all()
    assert losses[-5:].mean() < losses[:5].mean()


@pytest.mark.parametrize("optimizer", ["sgd", "adagrad"])
@pytest.mark.parametrize("model", list(MODELS))
def test_loss_falls(model, optimizer):
    rate = {"sgd": 0.003, "adagrad": 0.001}[optimizer]
    with fresh_state():
        setup = prepare(model=model, optimizer=optimizer, learning_rate=rate)
        assert setup.environment()["devices"] == ["GPU:0"]
        assert_falling(train(setup))


@pytest.mark.parametrize("model", ["lenet", "resnet18"])
def test_losses_are_near_those_of_the_processor(model):
    with fresh_state(), exact_products():
        fast = train(prepare(model=model, learning_rate=0.003), 5)
        slow = train(prepare(model=model, learning_rate=0.003, device="cpu"), 5)
    np.testing.assert_allclose(fast, slow, rtol=1e-2)


def test_images_lie_on_the_gpu_and_are_gathered_there():
    with fresh_state():
        setup = prepare()
        [(images, labels)] = setup.batches.copies
        for variable in (images, labels):
            assert variable.device.endswith("GPU:0")
        drawn, _ = setup.batches.take(
            setup.batches.feed(0, 1), tf.constant(0), tf.constant(0), 64
        )
        assert drawn.device.endswith("GPU:0")


def test_mixed_precision_trains_in_what_the_gpu_has():
    kind = half_precision([tf.config.experimental.get_device_details(GPUS[0])])
    with fresh_state():
        setup = prepare(model="alexnet", learning_rate=0.003, mixed_precision=True)
        assert kind in {layer.compute_dtype for layer in all_layers(setup.model)}
        scales = isinstance(setup.model.optimizer, keras.optimizers.LossScaleOptimizer)
        assert scales == (kind == "float16")
        assert_falling(train(setup))


@pytest.mark.parametrize("model", ["lenet", "resnet18"])
def test_xla_comes_to_the_same_losses(model):
    with fresh_state(), exact_products():
        plain = train(prepare(model=model, learning_rate=0.003), 5)
        compiled = train(prepare(model=model, learning_rate=0.003, xla=True), 5)
    np.testing.assert_allclose(compiled, plain, rtol=1e-2)


@pytest.mark.parametrize("model", ["lenet", "alexnet", "mobilenet"])
def test_deterministic_training_repeats(model):
    results = []
    for _ in range(2):
        with fresh_state():
            setup = prepare(model=model, learning_rate=0.003, deterministic=True)
            results.append((train(setup, 10).tolist(), setup.model.get_weights()))
    (first, weights), (again, others) = results
    assert first == again
    for weight, other in zip(weights, others, strict=True):
        np.testing.assert_array_equal(weight, other)


@pytest.mark.skipif(len(GPUS) < 2, reason="there is one GPU")
def test_two_gpus_train_as_one():
    with fresh_state(), exact_products():
        one = train(prepare(model="resnet18", learning_rate=0.003), 5)
        two = train(prepare(model="resnet18", learning_rate=0.003, gpus=2), 5)
    np.testing.assert_allclose(two, one, rtol=1e-2)


def test_run_names_the_gpu_and_its_exports_pass(tmp_path):
    config = replace(CONFIG, limit=6400, epochs=1, learning_rate=0.05)
    run = train_model(config, tmp_path)
    gpus = run.environment["gpus"]
    assert all(gpus["names"])
    assert all(gpus["compute_capabilities"])
    assert gpus["cuda"]
    assert gpus["cudnn"]
    assert [export.problem for export in export_run(run, limit=1000)] == ["", ""]


def test_doctor_sees_the_gpu_and_memory_grows_as_it_is_needed():
    checks = {check.name: check for check in doctor.diagnose()}
    assert checks["devices"].status == "ok"
    assert "GPU:0" in checks["devices"].found
    assert checks["TF_FORCE_GPU_ALLOW_GROWTH"].found.startswith("true")
