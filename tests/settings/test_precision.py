"""Where mixed precision makes a CPU slower, it is said."""

import re

import pytest

from kerascnn.models import MODELS
from kerascnn.settings import precision
from kerascnn.settings.precision import CPU_SPEED, mixed_precision_warning


def test_factors_are_of_networks_that_there_are():
    assert set(CPU_SPEED) <= set(MODELS)


@pytest.mark.parametrize(
    ("has_bfloat16", "model", "words"),
    [
        (False, "alexnet", "no 16-bit arithmetic"),
        (False, "lenet", "no 16-bit arithmetic"),
        (True, "mobilenet", "makes mobilenet slower .*: 0.3 of the speed"),
        (True, "resnet18", "makes resnet18 slower .*: 0.75 of the speed"),
        (True, "alexnet", None),
        (True, "lenet", None),
        (None, "mobilenet", None),
    ],
)
def test_slower_training_is_told(monkeypatch, has_bfloat16, model, words):
    monkeypatch.setattr(precision, "computes_bfloat16", lambda: has_bfloat16)
    line = mixed_precision_warning(model)
    assert (line is None) == (words is None)
    if words:
        assert re.search(words, line)
        assert "Leave --mixed-precision out" in line
