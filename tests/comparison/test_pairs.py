"""Runs of one seed are pairs: the same initial weights, the same batches."""

import keras
import numpy as np
import pytest

from kerascnn.settings.config import TrainConfig
from kerascnn.training.step import TrainingStep
from kerascnn.training.train import train_model


@pytest.fixture
def trained(tmp_path, monkeypatch):
    """Train a network; the weights it began with, and every batch that it saw."""

    def train(optimizer, seed):
        seen = {"batches": []}
        run = TrainingStep.run

        def watch(step, first, count):
            if not seen["batches"]:
                seen["weights"] = [
                    keras.ops.convert_to_numpy(w) for w in step.model.weights
                ]
            shown = step.batches.indices(first, count).reshape(count, -1)
            seen["batches"] += shown.tolist()
            return run(step, first, count)

        with monkeypatch.context() as patch:
            patch.setattr(TrainingStep, "run", watch)
            config = TrainConfig(
                model="lenet",
                optimizer=optimizer,
                seed=seed,
                limit=640,
                epochs=2,
                validation_fraction=0.01,
                test=False,
            )
            done = train_model(config, tmp_path, name=f"{optimizer}-{seed}")
        return seen["weights"], seen["batches"], done.steps

    return train


def test_optimizers_with_one_seed_begin_alike_and_see_the_same_batches(trained):
    sgd, adagrad, other = trained("sgd", 1), trained("adagrad", 1), trained("sgd", 2)
    for mine, theirs in zip(sgd[0], adagrad[0], strict=True):
        np.testing.assert_array_equal(mine, theirs)
    assert sgd[1] == adagrad[1]
    assert len(sgd[1]) == 20
    epoch = [index for batch in sgd[1][:10] for index in batch]
    assert sorted(epoch) == list(range(640))
    # So they lose the same in the first step, and not in the second.
    assert sgd[2][0]["loss"] == pytest.approx(adagrad[2][0]["loss"], rel=1e-4)
    assert sgd[2][1]["loss"] != adagrad[2][1]["loss"]
    # Another seed is another training.
    assert not np.array_equal(sgd[0][0], other[0][0])
    assert sgd[1] != other[1]
