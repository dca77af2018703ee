"""Figures: what stands on the axes, and that all of it can be read."""

import re

import matplotlib.image
import numpy as np
import pytest
import scipy.stats
from matplotlib.container import ErrorbarContainer

from kerascnn.data import DATASETS, Split, load_dataset
from kerascnn.evaluation.evaluate import Calibrated, Evaluation
from kerascnn.evaluation.figures import (
    plot_confusion_matrix,
    plot_mistakes,
    plot_reliability,
    save_evaluation_figures,
)
from kerascnn.evaluation.metrics import ReliabilityBin, compute_metrics
from kerascnn.evaluation.mistakes import rank_mistakes

NAMES = DATASETS["fashion_mnist"].class_names

MATRIX = [[5, 0, 1], [2, 8, 0], [0, 0, 0]]
BINS = [
    ReliabilityBin(confidence=None, accuracy=None, images=0),
    ReliabilityBin(confidence=0.4, accuracy=0.5, images=2),
    ReliabilityBin(confidence=0.6, accuracy=0.0, images=1),
    ReliabilityBin(confidence=0.9, accuracy=1.0, images=97),
]


@pytest.fixture(scope="module")
def answers():
    """Sixty test digits, answered as someone would who is sure and often wrong."""
    _, test = load_dataset("mnist")
    images, labels = test.images[:60], test.labels[:60]
    random = np.random.default_rng(0)
    probabilities = random.dirichlet(np.full(10, 0.2), size=60).astype(np.float32)
    return images, labels, probabilities


# Confusion matrix


def test_confusion_matrix_shows_counts_and_shares():
    figure = plot_confusion_matrix(MATRIX, NAMES[:3], title="lenet-sgd-1 on mnist")
    assert figure.get_suptitle() == (
        "lenet-sgd-1 on mnist\nConfusion matrix, accuracy 81.25%"
    )
    axes, bar = figure.axes
    assert axes.get_xlabel() == "Predicted class"
    assert axes.get_ylabel() == "True class"
    assert bar.get_ylabel() == "Share of the true class (%)"
    for labels in (axes.get_xticklabels(), axes.get_yticklabels()):
        assert tuple(label.get_text() for label in labels) == NAMES[:3]
    # Rows go down, columns to the right; a zero is left blank.
    texts = {text.get_position(): text.get_text() for text in axes.texts}
    assert texts == {(0, 0): "5", (2, 0): "1", (0, 1): "2", (1, 1): "8"}
    (image,) = axes.images
    np.testing.assert_allclose(
        image.get_array(), [[5 / 6, 0, 1 / 6], [0.2, 0.8, 0], [0, 0, 0]]
    )


@pytest.mark.parametrize("classes", [21, 62, 100])
def test_confusion_matrix_of_many_classes_has_names_without_numbers(
    classes, assert_whole
):
    names = [f"class {index}" for index in range(classes)]
    figure = plot_confusion_matrix(np.eye(classes, dtype=int).tolist(), names)
    axes, _ = figure.axes
    assert not axes.texts
    assert_whole(figure)
    for labels in (axes.get_xticklabels(), axes.get_yticklabels()):
        assert [label.get_text() for label in labels] == names
    boxes = [label.get_window_extent() for label in axes.get_yticklabels()]
    for index, box in enumerate(boxes):
        assert box.count_overlaps(boxes[index + 1 :]) == 0


def test_confusion_matrix_of_hundreds_of_classes_has_their_numbers():
    figure = plot_confusion_matrix(np.eye(300, dtype=int).tolist(), ["a"] * 300)
    axes, _ = figure.axes
    assert axes.get_ylabel() == "Number of the true class"
    assert axes.images[0].get_array().shape == (300, 300)
    assert max(figure.get_size_inches()) <= 17


def test_names_wider_than_their_column_are_slanted():
    for name, slanted in (("abc", False), ("a longer name", True)):
        axes, _ = plot_confusion_matrix(np.eye(10, dtype=int), [name] * 10).axes
        assert {bool(x.get_rotation()) for x in axes.get_xticklabels()} == {slanted}


# Mistakes


def test_mistakes_are_shown_by_falling_confidence(answers):
    images, labels, probabilities = answers
    figure = plot_mistakes(
        images, labels, probabilities, NAMES, title="lenet-sgd-1 on mnist", count=8
    )
    predicted, confidence = probabilities.argmax(axis=1), probabilities.max(axis=1)
    wrong = [index for index in range(60) if predicted[index] != labels[index]]
    wrong.sort(key=lambda index: -confidence[index])
    shown = [axes for axes in figure.axes if axes.images]
    assert len(shown) == 8
    for axes, index in zip(shown, wrong[:8], strict=True):
        assert axes.get_title() == (
            f"true {NAMES[labels[index]]}\npredicted {NAMES[predicted[index]]}\n"
            f"{confidence[index]:.2%}"
        )
        (image,) = axes.images
        np.testing.assert_array_equal(image.get_array(), images[index, :, :, 0])
    assert figure.get_suptitle() == (
        "lenet-sgd-1 on mnist\n"
        f"{len(wrong)} mistakes among 60 images, the 8 most confident"
    )


def test_one_mistake_and_a_long_name(answers):
    images, _, _ = answers
    names = ["a name beyond all measure", "b"]
    probabilities = np.array([[0.25, 0.75], [0.75, 0.25]], np.float32)
    figure = plot_mistakes(images[:2], np.array([0, 0]), probabilities, names)
    assert figure.get_suptitle() == "\n1 mistake among 2 images"
    (axes,) = figure.axes
    true, *rest = axes.get_title().split("\n")
    assert re.fullmatch("true a name .*…measure", true)
    assert rest == ["predicted b", "75.00%"]


def test_no_mistake_is_said_plainly(answers, assert_whole):
    images, labels, _ = answers
    right = np.eye(10, dtype=np.float32)[labels]
    figure = plot_mistakes(images, labels, right, NAMES, title="lenet on mnist")
    assert figure.get_suptitle() == "lenet on mnist\nNo mistake among 60 images"
    assert not figure.axes
    assert_whole(figure)


def test_mistakes_in_color_keep_their_colors():
    images = np.random.default_rng(0).integers(0, 256, (1, 8, 8, 3), dtype=np.uint8)
    wrong = np.array([[0.1, 0.9]], np.float32)
    (axes,) = plot_mistakes(images, np.array([0]), wrong, "ab").axes
    np.testing.assert_array_equal(axes.images[0].get_array(), images[0])


def test_mistakes_of_files_are_headed_by_their_names(answers, assert_whole):
    files = [f"a/{'x' * 60}/{number}$.png" for number in range(60)]
    files[0] = "b/" + "W" * 300
    figure = plot_mistakes(*answers, NAMES, files=files)
    order = rank_mistakes(answers[1], answers[2])
    headings = [axes.get_title().split("\n") for axes in figure.axes if axes.images]
    for index, heading in zip(order, headings, strict=False):
        assert len(heading) == 4
        if index:
            assert heading[0] == f"{index}$.png"
        else:
            assert re.fullmatch("W+…W+", heading[0])
    assert_whole(figure)


# Reliability


def test_reliability_shows_accuracy_against_confidence():
    figure = plot_reliability(BINS, 0.0123, title="lenet-sgd-1 on mnist")
    assert figure.get_suptitle() == (
        "lenet-sgd-1 on mnist\nExpected calibration error 1.23%"
    )
    upper, lower = figure.axes
    assert upper.get_ylabel() == "Accuracy (%)"
    assert lower.get_xlabel() == "Confidence (%)"
    assert lower.get_ylabel() == "Images"
    assert upper.get_ylim() == upper.get_xlim() == (0, 1)
    assert [bar.get_height() for bar in upper.patches] == [0, 0.5, 0, 1]
    assert [bar.get_x() for bar in upper.patches] == [0, 0.25, 0.5, 0.75]
    assert [bar.get_height() for bar in lower.patches] == [0, 2, 1, 97]
    diagonal = upper.lines[0]
    assert list(diagonal.get_xdata()) == list(diagonal.get_ydata()) == [0, 1]
    points = [bar.lines[0].get_xydata()[0].tolist() for bar in error_bars(upper)]
    assert points == [[0.4, 0.5], [0.6, 0.0], [0.9, 1.0]]


def test_reliability_has_intervals_of_wilson():
    """Against SciPy's, bin by bin."""
    upper, _ = plot_reliability(BINS, 0.0123).axes
    for bar, row in zip(error_bars(upper), BINS[1:], strict=True):
        ((_, low), (_, high)) = bar.lines[2][0].get_segments()[0]
        test = scipy.stats.binomtest(round(row.accuracy * row.images), row.images)
        interval = test.proportion_ci(0.95, method="wilson")
        assert (low, high) == pytest.approx(interval, abs=1e-6)


def test_calibrated_reliability_is_shown_beside_the_raw_one(assert_whole):
    bins = (
        ReliabilityBin(confidence=0.5, accuracy=0.52, images=50),
        ReliabilityBin(confidence=None, accuracy=None, images=0),
        ReliabilityBin(confidence=0.85, accuracy=0.9, images=50),
    )
    calibrated = Calibrated(
        temperature=1.314, expected_calibration_error=0.0045, reliability=bins
    )
    figure = plot_reliability(BINS, 0.0123, calibrated=calibrated, title="x" * 99)
    assert figure.get_suptitle().endswith(
        "\nExpected calibration error 1.23%, calibrated 0.45% (T = 1.31)"
    )
    assert_whole(figure)
    points = [bar.lines[0] for bar in error_bars(figure.axes[0])]
    assert [point.get_xydata()[0].tolist() for point in points] == [
        *([0.4, 0.5], [0.6, 0.0], [0.9, 1.0]),
        *([0.5, 0.52], [0.85, 0.9]),
    ]
    assert len({point.get_color() for point in points[:3]}) == 1
    assert points[0].get_color() != points[3].get_color()
    assert points[0].get_marker() != points[3].get_marker()
    (legend,) = figure.legends
    assert legend.get_texts()[-1].get_text() == "calibrated"


def test_bins_of_few_images_are_faded():
    bins = [
        ReliabilityBin(confidence=0.2, accuracy=0.5, images=19),
        ReliabilityBin(confidence=0.8, accuracy=0.5, images=20),
    ]
    figure = plot_reliability(bins, 0)
    for axes in figure.axes:
        few, many = axes.patches
        assert few.get_alpha() < many.get_alpha() / 2
    few, many = error_bars(figure.axes[0])
    assert few.lines[0].get_alpha() < many.lines[0].get_alpha() == 1
    (legend,) = figure.legends
    texts = [text.get_text() for text in legend.get_texts()]
    assert texts == [
        "accuracy of the bin",
        "faded: fewer than 20 images",
        "perfect calibration",
        "accuracy at the mean confidence,\n95% interval (Wilson)",
    ]


def error_bars(axes):
    """Those of the bins; the one without a point is for the legend."""
    bars = [bar for bar in axes.containers if isinstance(bar, ErrorbarContainer)]
    return [bar for bar in bars if len(bar.lines[0].get_xdata())]


# All of them


def draw_all(answers):
    return {
        "confusion matrix": plot_confusion_matrix(np.diag(range(10)).tolist(), NAMES),
        "mistakes": plot_mistakes(*answers, NAMES),
        "one mistake": plot_mistakes(*(x[:1] for x in answers), NAMES),
        "no mistake": plot_mistakes(
            answers[0], answers[1], np.eye(10, dtype=np.float32)[answers[1]], NAMES
        ),
        "reliability": plot_reliability(BINS, 0.0123),
    }


def test_nothing_is_clipped(answers, assert_whole):
    for figure in draw_all(answers).values():
        assert_whole(figure)


@pytest.mark.slow
def test_names_of_any_kind_are_shown_as_they_are(answers, assert_whole, awkward_names):
    for title in awkward_names:
        assert_whole(plot_confusion_matrix(MATRIX, NAMES[:3], title=title))
        assert_whole(plot_mistakes(*(x[:1] for x in answers), NAMES, title=title))
        assert_whole(plot_reliability(BINS, 0.0123, title=title))
    matrix = np.diag(range(10)).tolist()
    figure = plot_confusion_matrix(matrix, awkward_names)
    assert_whole(figure)
    axes, _ = figure.axes
    labels = [label.get_text() for label in axes.get_yticklabels()]
    assert labels[:3] == awkward_names[:3]
    assert labels[-1] == r"two\nlines\x1b[0m\xff" or "…" in labels[-1]


@pytest.mark.parametrize("awkward", [False, True])
def test_titles_of_mistakes_do_not_touch(answers, awkward_names, awkward):
    figure = plot_mistakes(*answers, awkward_names if awkward else NAMES)
    figure.draw_without_rendering()
    boxes = [a.title.get_window_extent() for a in figure.axes if a.images]
    for index, box in enumerate(boxes):
        assert box.count_overlaps(boxes[index + 1 :]) == 0


def test_evaluation_has_three_figures(answers, tmp_path):
    images, labels, probabilities = answers
    evaluation = Evaluation(
        source=tmp_path,
        dataset="fashion_mnist",
        test=Split(images=images, labels=labels, class_names=NAMES),
        probabilities=probabilities,
        metrics=compute_metrics(probabilities, labels, NAMES),
    )
    paths = save_evaluation_figures(tmp_path / "figures", evaluation)
    names = ["confusion_matrix.png", "mistakes.png", "reliability.png"]
    assert paths == [tmp_path / "figures" / name for name in names]
    for path in paths:
        assert matplotlib.image.imread(path).std() > 0.01  # something is on it
