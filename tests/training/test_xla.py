"""XLA compiles the training step: on a processor, where it is slower, but right."""

from dataclasses import replace

import numpy as np
import pytest

from kerascnn.machine.devices import one_device
from kerascnn.settings.config import TrainConfig
from kerascnn.training.setup import prepare_training

CONFIG = TrainConfig(model="lenet", batch_size=32, limit=320, epochs=1)


def losses(lines, strategy=None, **changed):
    settings = replace(CONFIG, **changed).resolve()
    setup = prepare_training(settings, strategy=strategy, message=lines.append)
    graph = setup.step._compiled.graph.as_graph_def()
    compiled = [
        function.signature.name
        for function in graph.library.function
        if function.attr["_XlaMustCompile"].b
    ]
    assert any("update_weights" in name for name in compiled) == settings.xla
    return setup.step.run(0, 5)[0]


@pytest.mark.parametrize("optimizer", ["sgd", "adagrad"])
def test_losses_are_those_without_it(optimizer):
    lines = []
    plain = losses(lines, optimizer=optimizer)
    assert not any("XLA" in line for line in lines)
    compiled = losses(lines, one_device("CPU:0"), optimizer=optimizer, xla=True)
    assert lines[-1] == (
        "XLA makes training slower on a processor. Leave --xla out, or train on a GPU."
    )
    assert len(set(plain)) == 5
    np.testing.assert_allclose(compiled, plain, rtol=1e-4)
