"""Figures: what stands on the axes, and that all of it can be read."""

import matplotlib.image
import numpy as np
import pytest

from kerascnn.data import DATASETS, Split, load_dataset
from kerascnn.evaluation.evaluate import Evaluation
from kerascnn.evaluation.figures import (
    plot_confusion_matrix,
    plot_mistakes,
    plot_reliability,
    save_evaluation_figures,
)
from kerascnn.evaluation.metrics import ReliabilityBin, compute_metrics

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
    figure = plot_confusion_matrix(MATRIX, NAMES[:3])
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


def test_confusion_matrix_of_many_classes_has_colors_alone():
    matrix = np.eye(100, dtype=int).tolist()
    axes, _ = plot_confusion_matrix(matrix, [f"class {i}" for i in range(100)]).axes
    assert not axes.texts
    assert axes.images[0].get_array().shape == (100, 100)


# Mistakes


def test_mistakes_are_shown_by_falling_confidence(answers):
    images, labels, probabilities = answers
    figure = plot_mistakes(images, labels, probabilities, NAMES, count=8)
    predicted, confidence = probabilities.argmax(axis=1), probabilities.max(axis=1)
    wrong = [index for index in range(60) if predicted[index] != labels[index]]
    wrong.sort(key=lambda index: -confidence[index])
    shown = [axes for axes in figure.axes if axes.images]
    assert len(shown) == 8
    for axes, index in zip(shown, wrong[:8], strict=True):
        assert axes.get_title() == (
            f"{NAMES[labels[index]]} → {NAMES[predicted[index]]}\n"
            f"{confidence[index]:.1%}"
        )
        (image,) = axes.images
        np.testing.assert_array_equal(image.get_array(), images[index, :, :, 0])
    assert figure.get_suptitle() == (
        f"{len(wrong)} mistakes among 60 images, the most confident 8\n"
        "true → predicted, probability"
    )


def test_one_mistake_and_a_long_name(answers):
    images, _, _ = answers
    names = ["a name beyond measure", "b"]
    probabilities = np.array([[0.25, 0.75], [0.75, 0.25]], np.float32)
    figure = plot_mistakes(images[:2], np.array([0, 0]), probabilities, names)
    assert figure.get_suptitle().startswith("1 mistake among 2 images\n")
    (axes,) = figure.axes
    assert axes.get_title() == "a name beyo… → b\n75.0%"


def test_no_mistake_is_said_plainly(answers):
    images, labels, _ = answers
    right = np.eye(10, dtype=np.float32)[labels]
    figure = plot_mistakes(images, labels, right, NAMES)
    assert figure.get_suptitle() == "No mistake among 60 images"
    assert not figure.axes


def test_mistakes_in_color_keep_their_colors():
    images = np.random.default_rng(0).integers(0, 256, (1, 8, 8, 3), dtype=np.uint8)
    wrong = np.array([[0.1, 0.9]], np.float32)
    (axes,) = plot_mistakes(images, np.array([0]), wrong, "ab").axes
    np.testing.assert_array_equal(axes.images[0].get_array(), images[0])


# Reliability


def test_reliability_shows_accuracy_against_confidence():
    figure = plot_reliability(BINS, 0.0123)
    upper, lower = figure.axes
    assert upper.get_title() == "Expected calibration error: 1.23%"
    assert upper.get_ylabel() == "Accuracy (%)"
    assert lower.get_xlabel() == "Confidence (%)"
    assert lower.get_ylabel() == "Images"
    assert [bar.get_height() for bar in upper.patches] == [0, 0.5, 0, 1]
    assert [bar.get_x() for bar in upper.patches] == [0, 0.25, 0.5, 0.75]
    assert [bar.get_height() for bar in lower.patches] == [0, 2, 1, 97]
    diagonal, points = upper.lines
    assert list(diagonal.get_xdata()) == list(diagonal.get_ydata()) == [0, 1]
    assert list(points.get_xdata()) == [0.4, 0.6, 0.9]
    assert list(points.get_ydata()) == [0.5, 0.0, 1.0]


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


def test_titles_of_mistakes_do_not_touch(answers):
    figure = plot_mistakes(*answers, NAMES)
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
