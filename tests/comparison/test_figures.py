"""The figures of a comparison: what stands on the axes."""

import json
import math
from types import SimpleNamespace

import pytest

from kerascnn.comparison.figures import (
    MAX_POINTS,
    plot_accuracy_over_seconds,
    plot_cell,
    plot_pair,
    plot_rates,
    thin_steps,
)


def history_of(accuracy):
    return [
        {
            "epoch": epoch,
            "loss": 1 / epoch,
            "accuracy": accuracy - 0.1 / epoch,
            "validation_loss": 0.9 / epoch,
            "validation_accuracy": accuracy - 0.05 / epoch,
            "seconds": 3.0,
        }
        for epoch in (1, 2)
    ]


def steps_of(count):
    return [
        {
            "step": step,
            "epoch": 1 if step <= 4 else 2,
            "loss": 2 / step,
            "accuracy": 1 - 1 / (step + 1),
        }
        for step in range(1, count + 1)
    ]


def run_of(seed, accuracy, status="finished"):
    history = history_of(accuracy)
    return {
        "seed": seed,
        "status": status,
        "history": history if status == "finished" else [],
        "points": thin_steps(history, steps_of(8)),
    }


RUNS = [run_of(1, 0.9), run_of(2, 0.94)]


def record(value):
    """A record with the attributes of nested dictionaries."""
    return json.loads(json.dumps(value), object_hook=lambda row: SimpleNamespace(**row))


def network_of(model, **rates):
    value = {
        "model": model,
        "title": model.title(),
        "validation_images": 1000,
        "optimizers": [
            {
                "optimizer": optimizer,
                "learning_rate": 0.1,
                "tuning": {
                    "trials": [
                        {
                            "learning_rate": rate,
                            "status": "finished" if accuracy else "diverged",
                            "validation_accuracy": accuracy,
                        }
                        for rate, accuracy in found.items()
                    ]
                },
            }
            for optimizer, found in rates.items()
        ],
    }
    return record(value)


NETWORKS = [
    network_of(
        name,
        sgd={0.03: 0.8, 0.1: 0.9, 0.3: None},
        adagrad={0.03: 0.7, 0.1: 1.0, 0.3: 0.8},
    )
    for name in ("one", "two", "three", "four")
]


def labels(figure):
    (legend,) = figure.legends
    return [text.get_text() for text in legend.get_texts()]


def test_few_steps_are_kept_as_they_are():
    points = thin_steps(history_of(0.9), steps_of(8))
    assert [point["step"] for point in points] == [1, 2, 3, 4, 5, 6, 7, 8]
    assert [point["epoch"] for point in points] == [n / 4 for n in range(1, 9)]
    assert [point["loss"] for point in points] == [2 / n for n in range(1, 9)]
    # Two epochs of 3 s, each of four steps.
    assert [point["seconds"] for point in points] == pytest.approx(
        [0.75 * n for n in range(1, 9)]
    )


def test_many_steps_are_averaged_in_groups():
    steps = [
        {"step": n, "epoch": 1, "loss": float(n), "accuracy": 0.5}
        for n in range(1, 2 * MAX_POINTS + 1)
    ]
    points = thin_steps([{"seconds": 1.0}], steps)
    assert len(points) == MAX_POINTS
    assert points[0] == {
        "step": 2,
        "epoch": 1 / MAX_POINTS,
        "seconds": pytest.approx(1 / MAX_POINTS),
        "loss": 1.5,
        "accuracy": 0.5,
    }


def test_seconds_of_an_epoch_without_a_row_are_no_number():
    points = thin_steps(history_of(0.9)[:1], steps_of(6))
    assert [math.isnan(point["seconds"]) for point in points] == [False] * 4 + [
        True
    ] * 2
    assert thin_steps([], []) == []


def test_names_are_no_formulas(assert_whole):
    name = r"$\foo$ a_b"
    assert_whole(plot_cell(RUNS, title=name))
    assert_whole(plot_pair({name: RUNS}, {name: {1: 0.9}}, title=name))


def test_cell_shows_steps_and_epochs_of_training_and_validation():
    figure = plot_cell(RUNS, title="LeNet-5 with sgd")
    assert figure.get_suptitle() == "LeNet-5 with sgd"
    loss, accuracy = figure.axes
    assert loss.get_ylabel() == "Loss (cross-entropy, nats)"
    assert loss.get_yscale() == "log"
    assert accuracy.get_ylabel() == "Accuracy (%)"
    for axes in (loss, accuracy):
        assert axes.get_xlabel() == "Epoch"
        (upper,) = axes.child_axes
        assert upper.get_xlabel() == "Step"
        assert len(axes.containers) == 2  # training and validation, with bars
        assert len(axes.collections) >= 1  # the band
    assert labels(figure) == [
        "training, steps",
        "training, mean of the epoch",
        "validation",
    ]
    validation = accuracy.containers[1].lines[0]
    # The mean of 0.85 and 0.89, and of 0.875 and 0.915.
    assert list(validation.get_ydata()) == pytest.approx([0.87, 0.895])


def test_diverged_run_is_drawn_as_far_as_it_came():
    figure = plot_cell([*RUNS, run_of(3, 0.5, "diverged")], title="")
    assert "diverged" in labels(figure)
    alone = plot_cell([run_of(3, 0.5, "diverged")], title="")
    assert labels(alone) == ["diverged"]
    assert plot_cell([], title="nothing").legends == []


def test_runs_without_steps_still_have_epochs():
    runs = [run | {"points": []} for run in RUNS]
    assert labels(plot_cell(runs, title="")) == [
        "training, mean of the epoch",
        "validation",
    ]


def test_pair_has_a_line_for_each_seed():
    test = {"sgd": {1: 0.9, 2: 0.92, 3: 0.9}, "adagrad": {1: 0.91, 2: 0.93}}
    figure = plot_pair({"sgd": RUNS, "adagrad": RUNS}, test, title="LeNet-5")
    _, accuracy, pairs = figure.axes
    assert sorted(labels(figure)) == [
        *("adagrad, training", "adagrad, validation"),
        *("sgd, training", "sgd, validation"),
    ]
    drawn = [list(line.get_ydata()) for line in pairs.lines]
    assert drawn[:3] == [[0.9, 0.91], [0.92, 0.93], [0.9]]
    assert [label.get_text() for label in pairs.get_xticklabels()] == ["sgd", "adagrad"]
    sgd, adagrad = (
        next(line for line in accuracy.lines if line.get_label() == label)
        for label in ("sgd, training", "adagrad, training")
    )
    assert sgd.get_linestyle() != adagrad.get_linestyle()
    assert sgd.get_color() != adagrad.get_color()


def test_rates_have_a_panel_for_each_network():
    figure = plot_rates(NETWORKS)
    panels = [axes for axes in figure.axes if axes.axison]
    assert [axes.get_title() for axes in panels] == ["One", "Two", "Three", "Four"]
    for axes in panels:
        assert axes.get_xscale() == axes.get_yscale() == "log"
        sgd, chosen, diverged, adagrad, _ = axes.lines
        assert list(sgd.get_xdata()) == [0.03, 0.1]
        assert list(sgd.get_ydata()) == pytest.approx([0.2, 0.1])
        assert list(chosen.get_xdata()) == [0.1]
        assert list(diverged.get_xdata()) == [0.3]
        # No mistake among 1000 images is drawn as half of one.
        assert list(adagrad.get_ydata()) == pytest.approx([0.3, 0.0005, 0.2])
    assert labels(figure) == ["sgd", "adagrad", "chosen", "diverged"]


def test_accuracy_over_seconds_counts_training_alone():
    curves = {network.model: {"sgd": RUNS, "adagrad": RUNS} for network in NETWORKS[:1]}
    figure = plot_accuracy_over_seconds(NETWORKS[:1], curves)
    (axes,) = figure.axes
    assert axes.get_xlabel() == "Seconds of training"
    training, validation, *_ = axes.lines
    assert list(training.get_xdata()) == pytest.approx([0.75 * n for n in range(1, 9)])
    assert list(validation.get_xdata()) == [3.0, 6.0]


def test_errors_that_are_equal_have_room_around_them():
    networks = [network_of("one", sgd={0.03: 0.9, 0.1: 0.9, 0.3: 0.9})]
    (axes,) = plot_rates(networks).axes
    assert axes.get_ylim() == pytest.approx((0.1 / 1.5, 0.1 * 1.5))
