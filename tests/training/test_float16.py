"""Mixed precision in float16, as older GPUs have it, here on a processor."""

import keras
import numpy as np
import pytest

from kerascnn.machine.devices import half_precision
from kerascnn.models.layers import all_layers
from kerascnn.settings.config import TrainConfig
from kerascnn.training import network
from kerascnn.training.setup import prepare_training

TESLA_T4 = {"device_name": "Tesla T4", "compute_capability": (7, 5)}


@pytest.mark.parametrize("fast_layers", [True, False])
def test_update_that_overflows_is_left_out(monkeypatch, fast_layers):
    monkeypatch.setattr(network, "gpu_details", lambda strategy: [TESLA_T4])
    assert half_precision([TESLA_T4]) == "float16"
    config = TrainConfig(
        model="lenet",
        limit=64,
        batch_size=64,
        epochs=4,
        mixed_precision=True,
        fast_layers=fast_layers,
    )
    setup = prepare_training(config.resolve(), message=lambda text: None)
    kinds = {layer.compute_dtype for layer in all_layers(setup.model)}
    assert "float16" in kinds
    scale = setup.model.optimizer.dynamic_scale
    scale.assign(2.0**100)
    losses = [setup.step.run(number, 1)[0][0] for number in range(2)]
    assert losses[0] == losses[1]  # the same images, and the same weights
    assert float(keras.ops.convert_to_numpy(scale)) == 2.0**98
    assert setup.model.optimizer.iterations == 0
    scale.assign(2.0**10)
    losses += [setup.step.run(number, 1)[0][0] for number in (2, 3)]
    assert losses[3] < losses[2]
    assert setup.model.optimizer.iterations == 2
    assert all(np.isfinite(weight).all() for weight in setup.model.get_weights())
