"""How far a training has come: its best epoch, and when it has stalled."""

import pytest

from kerascnn.training.state import TrainingState


def state(*losses):
    """A training whose epochs had these validation losses."""
    state = TrainingState.at_start(10)
    state.history = [
        {"epoch": i, "validation_loss": loss} for i, loss in enumerate(losses, 1)
    ]
    return state


def test_best_epoch_is_the_first_of_the_lowest_loss():
    assert state(3, 1, 2, 1).best_epoch == 2
    assert state().best_epoch is None


def test_without_validation_there_is_no_best_epoch():
    training = TrainingState.at_start(10)
    training.history = [{"epoch": 1, "loss": 1.0}]
    assert training.epoch == 1
    assert training.best_epoch is None
    assert not training.has_stalled(1)


@pytest.mark.parametrize(
    ("losses", "patience", "stalled"),
    [
        ((), 1, False),
        ((1,), 1, False),
        ((1, 2), 1, True),
        ((1, 2), 2, False),
        ((1, 2, 1), 2, True),
        ((2, 1, 3), None, False),
    ],
)
def test_training_has_stalled_where_the_best_is_long_ago(losses, patience, stalled):
    assert state(*losses).has_stalled(patience) is stalled
