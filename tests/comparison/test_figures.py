"""The figures of a comparison: what stands on the axes."""

import json
from types import SimpleNamespace

import pytest

from kerascnn.comparison.curves import follow
from kerascnn.comparison.figures import (
    plot_accuracy_over_seconds,
    plot_cell,
    plot_forest,
    plot_pair,
    plot_rates,
)
from kerascnn.comparison.records import Claim, Difference, Summary


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


def run_of(seed, accuracy, status="finished", steps=8):
    history = history_of(accuracy) if status == "finished" else []
    return follow(seed, status, history, steps_of(steps), 4)


RUNS = [run_of(1, 0.9), run_of(2, 0.94)]
# After each epoch; of one pair there is no interval.
DIFFERENCES = [
    Summary(count=8, mean=0.02, standard_deviation=0.01, low=0.015, high=0.025),
    Summary(count=1, mean=-0.01),
]


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
                "quickest_epoch": 3.0,
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


def test_names_are_no_formulas(assert_whole):
    name = r"$\foo$ a_b"
    assert_whole(plot_cell(RUNS, RUNS, title=name))
    assert_whole(
        plot_pair({name: RUNS}, {name: {1: 0.9}}, {name: DIFFERENCES}, title=name)
    )
    assert_whole(forest_of([("better", 0.01, 0.005, 0.015)], title=name))


def test_cell_shows_steps_and_epochs_of_training_and_validation():
    figure = plot_cell(RUNS, RUNS, title="LeNet-5 with sgd")
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
        "training, moving mean",
        "training, steps of seed 1",
        "training, mean of the epoch",
        "validation",
    ]
    training, validation = (row.lines[0] for row in accuracy.containers)
    # The mean of 0.85 and 0.89, and of 0.875 and 0.915, at the end of an epoch.
    assert list(validation.get_ydata()) == pytest.approx([0.87, 0.895])
    assert list(validation.get_xdata()) == [1, 2]
    assert list(training.get_xdata()) == [0.5, 1.5]


def test_raw_steps_are_faint_behind_their_moving_mean():
    _, accuracy = plot_cell(RUNS, RUNS, title="").axes
    mean, raw, *_ = accuracy.lines
    assert raw.get_alpha() < 0.5
    assert raw.get_zorder() < mean.get_zorder()
    assert list(raw.get_ydata()) == [1 - 1 / (step + 1) for step in range(1, 9)]


def test_optimizers_of_a_network_have_the_same_vertical_axes():
    worse = [run_of(1, 0.7), run_of(2, 0.72)]
    both = [*RUNS, *worse]
    figures = [
        *(plot_cell(runs, both, title="") for runs in (RUNS, worse)),
        plot_pair({"sgd": RUNS, "adagrad": worse}, {}, {}, title=""),
    ]
    loss, accuracy = (
        {figure.axes[index].get_ylim() for figure in figures} for index in (0, 1)
    )
    assert len(loss) == len(accuracy) == 1
    # The worst epoch is the first of the worst run, at 0.6.
    assert min(accuracy)[0] == pytest.approx(0.6 - 0.06 * 0.4)


def test_diverged_run_is_drawn_as_far_as_it_came():
    runs = [*RUNS, run_of(3, 0.5, "diverged")]
    assert "diverged" in labels(plot_cell(runs, runs, title=""))
    alone = runs[-1:]
    assert labels(plot_cell(alone, alone, title="")) == ["diverged"]
    assert plot_cell([], [], title="nothing").legends == []


def test_runs_without_steps_still_have_epochs():
    runs = [run_of(seed, 0.9, steps=0) for seed in (1, 2)]
    assert labels(plot_cell(runs, runs, title=""))[-2:] == [
        "training, mean of the epoch",
        "validation",
    ]


def test_pair_has_a_line_for_each_seed():
    test = {"sgd": {1: 0.9, 2: 0.92, 3: 0.9}, "adagrad": {1: 0.91, 2: 0.93}}
    courses = {"sgd": RUNS, "adagrad": RUNS}
    figure = plot_pair(courses, test, {"adagrad": DIFFERENCES}, title="LeNet-5")
    _, accuracy, _, pairs = figure.axes
    assert sorted(labels(figure)) == [
        *("adagrad, difference", "adagrad, training", "adagrad, validation"),
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


def test_pair_has_the_difference_after_each_epoch_with_its_interval():
    courses = {"sgd": RUNS, "adagrad": RUNS}
    figure = plot_pair(
        courses, {"sgd": {}, "adagrad": {}}, {"adagrad": DIFFERENCES}, title=""
    )
    axes = figure.axes[2]
    [bars] = axes.containers
    mean, _, [intervals] = bars.lines
    assert list(mean.get_xdata()) == [1, 2]
    assert list(mean.get_ydata()) == pytest.approx([2, -1])
    ends = [[end[1] for end in segment] for segment in intervals.get_segments()]
    assert ends == [pytest.approx([1.5, 2.5]), pytest.approx([-1, -1])]


def test_pair_says_nothing_of_differences_before_they_are_known():
    figure = plot_pair({"sgd": RUNS, "adagrad": RUNS}, {}, {}, title="")
    assert len(figure.axes) == 2


def forest_of(rows, title="One"):
    """A forest plot of networks with one optimizer: verdict, mean, low and high."""
    found = [
        Difference(
            mean=mean,
            low=low,
            high=high,
            bootstrap_low=None,
            bootstrap_high=None,
            p=1.0,
            p_corrected=1.0,
            method="exact",
            equivalence_p=1.0,
            equivalence_p_corrected=1.0,
            verdict=verdict,
        )
        for verdict, mean, low, high in rows
    ]
    claim = Claim(
        baseline="sgd",
        optimizer="adagrad",
        networks=len(found),
        pairs=8,
        difference=found[0],
        answer="",
        sentence="",
    )
    networks = [
        SimpleNamespace(
            title=title,
            epochs=2,
            comparisons=[SimpleNamespace(optimizer="adagrad", difference=row)],
        )
        for row in found
    ]
    return plot_forest([claim], networks, margin=0.1)


def test_forest_has_the_answer_and_each_network_with_its_interval(assert_whole):
    figure = forest_of(
        [
            ("better", 0.0123, 0.01, 0.015),
            ("not decided", None, None, None),
            ("worse", -0.02, None, None),
        ]
    )
    assert_whole(figure)
    [axes] = figure.axes
    assert [label.get_text() for label in axes.get_yticklabels()] == [
        "All, mean",
        *["One\n2 epochs"] * 3,
    ]
    assert [text.get_text() for text in axes.texts] == [
        *["+1.23 (+1.00 to +1.50)\nbetter"] * 2,
        "no pair of runs",
        "-2.00\nworse",
    ]
    drawn = [(list(line.get_xdata()), list(line.get_ydata())) for line in axes.lines]
    assert ([1.0, 1.5], [0, 0]) in drawn
    assert ([1.0, 1.5], [1, 1]) in drawn
    assert ([-2.0], [3]) in drawn
    assert axes.get_ylim()[0] > axes.get_ylim()[1]  # the answer is above
    assert "minus that of sgd" in axes.get_xlabel()


def test_forest_of_one_network_is_that_network():
    [axes] = forest_of([("better", 0.01, 0.005, 0.015)]).axes
    assert len(axes.get_yticklabels()) == 1


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


def test_accuracy_over_seconds_is_at_the_pace_of_the_quickest_epoch():
    busy = run_of(1, 0.9)
    busy.history[0]["seconds"] = 900.0
    curves = {"one": {"sgd": [busy, RUNS[1]], "adagrad": RUNS}}
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
