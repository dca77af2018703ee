"""The figure of a training: what stands on its axes."""

import math

import pytest

from kerascnn.training.figure import plot_curves

HISTORY = [
    {
        "epoch": epoch,
        "loss": 1 / epoch,
        "accuracy": 1 - 0.2 / epoch,
        "validation_loss": 0.9 / epoch,
        "validation_accuracy": 1 - 0.3 / epoch,
        "learning_rate": 0.1,
        "seconds": 2.0,
        "images_per_second": 50.0,
    }
    for epoch in (1, 2, 3)
]
STEPS = [
    {
        "step": step,
        "epoch": math.ceil(step / 4),
        "loss": 2 / step,
        "accuracy": 1 - 0.5 / step,
        "learning_rate": 0.1,
    }
    for step in range(1, 13)
]


def test_curves_have_a_line_for_each_quantity():
    figure = plot_curves(HISTORY, STEPS, title="lenet-sgd-1")
    assert figure.get_suptitle() == "lenet-sgd-1"
    loss, accuracy = figure.axes
    labels = ["training, each step", "training, mean of the epoch", "validation"]
    for axes, quantity in ((loss, "loss"), (accuracy, "accuracy")):
        assert axes.get_xlabel() == "Epoch"
        assert [line.get_label() for line in axes.lines] == labels
        steps, training, validation = axes.lines
        assert list(steps.get_ydata()) == [row[quantity] for row in STEPS]
        assert list(steps.get_xdata()) == [step / 4 for step in range(1, 13)]
        assert list(training.get_xdata()) == [1, 2, 3]
        assert list(training.get_ydata()) == [row[quantity] for row in HISTORY]
        assert list(validation.get_ydata()) == [
            row[f"validation_{quantity}"] for row in HISTORY
        ]
        assert training.get_linestyle() != validation.get_linestyle()
        assert training.get_color() != validation.get_color()
    assert loss.get_ylabel() == "Loss (cross-entropy, nats)"
    assert loss.get_yscale() == "log"
    assert accuracy.get_ylabel() == "Accuracy (%)"
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == labels


def test_accuracy_axis_begins_at_the_worst_epoch():
    _, accuracy = plot_curves(HISTORY, STEPS).axes
    bottom, top = accuracy.get_ylim()
    assert 0.65 < bottom < 0.7  # the worst is a validation of 0.7
    assert 1 < top < 1.05


def test_curves_of_one_epoch_show_its_steps():
    _, accuracy = plot_curves(HISTORY[:1], STEPS[:4]).axes
    bottom, top = accuracy.get_ylim()
    assert bottom < 0.5
    assert top > 0.875


def test_curves_without_validation_and_steps_have_one_line():
    history = [
        {key: row[key] for key in ("epoch", "loss", "accuracy")} for row in HISTORY
    ]
    for axes in plot_curves(history).axes:
        (line,) = axes.lines
        assert line.get_label() == "training, mean of the epoch"


def test_validation_that_was_not_taken_is_a_gap():
    history = [HISTORY[0], {"epoch": 2, "loss": 0.5, "accuracy": 0.9}]
    loss, _ = plot_curves(history).axes
    values = loss.lines[-1].get_ydata()
    assert values[0] == 0.9
    assert math.isnan(values[1])


@pytest.mark.parametrize("accuracy", [1.0, 0.9997, 0.98, 0.1])
@pytest.mark.parametrize("epochs", [1, 3])
def test_no_tick_is_above_100_per_cent(accuracy, epochs):
    rows = [{**row, "accuracy": accuracy} for row in STEPS]
    history = [
        {"epoch": epoch, "loss": 0.1, "accuracy": accuracy}
        for epoch in range(1, epochs + 1)
    ]
    figure = plot_curves(history, rows)
    _, axes = figure.axes
    figure.draw_without_rendering()
    top = axes.get_ylim()[1]
    assert max(tick for tick in axes.get_yticks() if tick <= top) == pytest.approx(1)


def test_many_epochs_have_no_markers():
    history = [{**HISTORY[0], "epoch": epoch} for epoch in range(1, 42)]
    for count, markers in ((40, ["o", "s"]), (41, ["", ""])):
        loss, _ = plot_curves(history[:count]).axes
        assert [line.get_marker() for line in loss.lines] == markers


def test_names_of_runs_are_shown_as_they_are(assert_whole, awkward_names):
    for name in awkward_names:
        assert_whole(plot_curves(HISTORY, STEPS, title=name))
    assert plot_curves(HISTORY, title="$a_b$").get_suptitle() == "$a_b$"


def test_nothing_is_clipped(assert_whole):
    assert_whole(plot_curves(HISTORY, STEPS, title="mobilenet-adagrad-12"))
    assert_whole(plot_curves(HISTORY[:1], STEPS[:4], title="lenet-sgd-1"))
