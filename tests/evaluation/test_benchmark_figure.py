"""The figure of a benchmark: points, limits of the axes, numbers apart."""

from dataclasses import replace

import pytest
from matplotlib.text import Text

from kerascnn.drawing import VERMILION
from kerascnn.evaluation.benchmark_figure import plot_benchmark


def texts(drawn):
    return [text.get_text() for text in drawn]


def test_figure_shows_every_model_twice(measurement):
    other = replace(measurement, file="runs/b.onnx", format="onnx", latency_ms=1.0)
    figure = plot_benchmark([measurement, other], other)
    assert figure.get_suptitle() == (
        "Accuracy on 1,000 test images, against latency and size"
    )
    left, right = figure.axes
    assert left.get_xlabel() == "Latency of one image, median (ms)"
    assert left.get_ylabel() == "Test accuracy (%)"
    assert right.get_xlabel() == "Size (MB)"
    points = [line.get_xydata()[0].tolist() for line in left.lines]
    assert points == [[2.0, 0.99], [1.0, 0.99]]
    points = [line.get_xydata()[0].tolist() for line in right.lines]
    assert points == [[0.0001, 0.99], [0.0001, 0.99]]
    assert texts(left.texts) == ["1", "2"]
    assert [line.get_color() == VERMILION for line in left.lines] == [False, True]
    labels = texts(figure.legends[0].get_texts())
    assert labels == ["1  a", "2  runs/b.onnx, recommended"]
    [line] = plot_benchmark([measurement], None).axes[0].lines
    assert (line.get_label(), line.get_color() == VERMILION) == ("1  a", False)


@pytest.mark.parametrize(
    "accuracies", [[1.0], [1.0, 0.1], [0.0, 0.2], [0.97, 0.999], [0.5]]
)
def test_axis_of_accuracy_has_room_and_ends_at_100_per_cent(measurement, accuracies):
    rows = [replace(measurement, accuracy=accuracy) for accuracy in accuracies]
    left, right = plot_benchmark(rows, rows[0]).axes
    bottom, top = left.get_ylim()
    assert right.get_ylim() == (bottom, top)
    assert 0 <= bottom <= min(accuracies) <= max(accuracies) <= top <= 1
    assert bottom < min(accuracies) or bottom == 0
    assert top > max(accuracies) or top == 1


@pytest.mark.slow
@pytest.mark.parametrize("accuracy", [1.0, 0.9769])
@pytest.mark.parametrize("count", [6, 40])
@pytest.mark.parametrize("spread", [0, 0.001, 1])
def test_numbers_of_near_models_are_apart(
    measurement, accuracy, count, spread, assert_whole
):
    rows = [
        replace(
            measurement,
            latency_ms=1 + spread * index,
            size_bytes=1000 + round(1000 * spread * (index % 7)),
            accuracy=accuracy - spread / 1000 * (index % 3),
        )
        for index in range(count)
    ]
    figure = plot_benchmark(rows, rows[0])
    assert_whole(figure)
    for axes in figure.axes:
        # Without the line from the number to its point.
        boxes = [Text.get_window_extent(text) for text in axes.texts]
        assert len(boxes) == count
        for index, box in enumerate(boxes):
            assert axes.bbox.contains(*box.min)
            assert axes.bbox.contains(*box.max)
            assert box.count_overlaps(boxes[index + 1 :]) == 0


def test_names_of_any_kind_are_shown_as_they_are(
    measurement, awkward_names, assert_whole
):
    rows = [replace(measurement, file=f"runs/{name}") for name in awkward_names]
    figure = plot_benchmark(rows, rows[9])
    assert_whole(figure)
    labels = texts(figure.legends[0].get_texts())
    assert labels[0] == r"1  runs/$\foo$"
    assert labels[9] == r"10  runs/two\nlines\x1b[0m\xff, recommended"
