"""The curves of several runs, over each other."""

from kerascnn.drawing import BLUE, VERMILION
from kerascnn.training.runs_figure import plot_runs


def history(best, epochs=3):
    return [
        {
            "epoch": epoch,
            "loss": 1 / epoch,
            "accuracy": best - 0.2 / epoch,
            "validation_loss": 0.9 / epoch,
            "validation_accuracy": best - 0.1 / epoch,
        }
        for epoch in range(1, epochs + 1)
    ]


def test_each_run_has_a_line_of_training_and_one_of_validation(assert_whole):
    figure = plot_runs({"lenet-sgd-1": history(0.99), "other": history(0.95, 2)})
    loss, accuracy = figure.axes
    for axes, quantity in ((loss, "loss"), (accuracy, "accuracy")):
        first, first_validation, second, second_validation = axes.lines
        assert list(first.get_ydata()) == [row[quantity] for row in history(0.99)]
        assert list(first_validation.get_ydata()) == [
            row[f"validation_{quantity}"] for row in history(0.99)
        ]
        assert list(second.get_xdata()) == [1, 2]
        assert first.get_color() == first_validation.get_color() == BLUE
        assert second.get_color() == second_validation.get_color() == VERMILION
        assert first.get_linewidth() < first_validation.get_linewidth()
    [legend] = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["lenet-sgd-1", "other"]
    assert_whole(figure)


def test_accuracy_axis_begins_at_the_worst_validation():
    _, accuracy = plot_runs({"one": history(0.99), "two": history(0.95)}).axes
    assert 0.83 < accuracy.get_ylim()[0] < 0.85


def test_runs_without_validation_or_epochs_have_no_point_of_it():
    rows = [{"epoch": 1, "loss": 0.5, "accuracy": 0.9}]
    loss, _ = plot_runs({"one": rows, "none": []}).axes
    assert [len(line.get_xdata()) for line in loss.lines] == [1, 0, 0, 0]


def test_many_runs_are_told_apart(assert_whole):
    figure = plot_runs({f"mobilenet-adagrad-{n}": history(0.9) for n in range(14)})
    looks = {(line.get_color(), line.get_linestyle()) for line in figure.axes[0].lines}
    assert len(looks) == 14
    assert_whole(figure)
