"""Where mixed precision makes a CPU no faster, it is said."""

import re

import pytest

from kerascnn.models import MODELS
from kerascnn.settings import precision
from kerascnn.settings.config import TrainConfig
from kerascnn.settings.precision import POLICY_SPEED, mixed_precision_warning


def test_factors_are_of_networks_that_there_are():
    assert set(POLICY_SPEED) <= set(MODELS)


def settings(model, **options):
    return TrainConfig(model=model, mixed_precision=True, **options).resolve()


@pytest.mark.parametrize(
    ("has_bfloat16", "model", "words"),
    [
        (False, "alexnet", "no 16-bit arithmetic.* Leave --mixed-precision out"),
        (False, "lenet", "no 16-bit arithmetic"),
        (True, "mobilenet", "mobilenet is slower .*: 0.3 of .* Leave --no-fast-layers"),
        (True, "resnet18", "resnet18 is slower .*: 0.75 of the speed"),
        (True, "alexnet", None),
        (True, "lenet", None),
        (None, "mobilenet", None),
    ],
)
def test_slower_training_by_keras_policy_is_told(
    monkeypatch, has_bfloat16, model, words
):
    monkeypatch.setattr(precision, "computes_bfloat16", lambda: has_bfloat16)
    line = mixed_precision_warning(settings(model, fast_layers=False), {})
    assert (line is None) == (words is None)
    if words:
        assert re.search(words, line)


def test_plan_without_16_bits_is_told():
    plan = {"block1_conv": "pooled"}
    line = mixed_precision_warning(settings("lenet"), plan)
    assert "No layer of lenet is known to gain" in line
    plan = {"fc1_dense": "bfloat16_dense", "block2_conv": "winograd"}
    assert mixed_precision_warning(settings("alexnet"), plan) is None
