"""Training on a real GPU: `pytest -m gpu`, minutes where there is one, else skipped."""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
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


def train_apart(steps=5, exact=False, **changed):
    """Losses and final weights of a training in a process of its own.

    What was trained before in a process shows: how to convolve is chosen there once,
    and then kept, also where TF32 or determinism are switched later.

    Args:
        steps: How many to train.
        exact: Multiply in float32, as processors do, and not in TF32.
        changed: Settings in which it differs from `CONFIG`.
    """
    fresh = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=fresh) as process:
        return process.submit(_train, steps, exact, changed).result()


def _train(steps, exact, changed):
    if exact:
        tf.config.experimental.enable_tensor_float_32_execution(False)
    setup = prepare(**changed)
    return train(setup, steps), setup.model.get_weights()


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
    settings = {"model": model, "learning_rate": 0.003, "exact": True}
    fast, _ = train_apart(**settings)
    slow, _ = train_apart(**settings, device="cpu")
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
    settings = {"model": model, "learning_rate": 0.003, "exact": True}
    plain, _ = train_apart(**settings)
    compiled, _ = train_apart(**settings, xla=True)
    np.testing.assert_allclose(compiled, plain, rtol=1e-2)


@pytest.mark.parametrize("model", ["lenet", "alexnet", "mobilenet"])
def test_deterministic_training_repeats(model):
    settings = {"model": model, "learning_rate": 0.003, "deterministic": True}
    losses, weights = train_apart(10, **settings)
    again, others = train_apart(10, **settings)
    np.testing.assert_array_equal(losses, again)
    for weight, other in zip(weights, others, strict=True):
        np.testing.assert_array_equal(weight, other)


@pytest.mark.skipif(len(GPUS) < 2, reason="there is one GPU")
def test_two_gpus_train_as_one():
    settings = {"model": "resnet18", "learning_rate": 0.003, "exact": True}
    one, _ = train_apart(**settings)
    two, _ = train_apart(**settings, gpus=2)
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
