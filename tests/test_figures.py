"""Figures: what stands on the axes, and that all of it can be read."""

import math
import subprocess
import sys

import matplotlib.image
import numpy as np
import pytest
from matplotlib.figure import Figure

from kerascnn.data import DATASETS, load_dataset
from kerascnn.errors import RunError
from kerascnn.figures import (
    plot_confusion_matrix,
    plot_curves,
    plot_mistakes,
    plot_reliability,
    save_evaluation_figures,
    save_figure,
)
from kerascnn.metrics import compute_metrics

NAMES = DATASETS["fashion_mnist"].class_names

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
MATRIX = [[5, 0, 1], [2, 8, 0], [0, 0, 0]]
BINS = [
    {"confidence": None, "accuracy": None, "images": 0},
    {"confidence": 0.4, "accuracy": 0.5, "images": 2},
    {"confidence": 0.6, "accuracy": 0.0, "images": 1},
    {"confidence": 0.9, "accuracy": 1.0, "images": 97},
]


@pytest.fixture(scope="module")
def answers():
    """Sixty test digits, answered as someone would who is sure and often wrong."""
    _, test = load_dataset("mnist")
    images, labels = test.images[:60], test.labels[:60]
    random = np.random.default_rng(0)
    probabilities = random.dirichlet(np.full(10, 0.2), size=60).astype(np.float32)
    return images, labels, probabilities


# Curves


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


def test_confusion_matrix_of_many_classes_has_colours_alone():
    matrix = np.eye(100, dtype=int).tolist()
    axes, _ = plot_confusion_matrix(matrix, [f"class {i}" for i in range(100)]).axes
    assert not axes.texts
    assert axes.images[0].get_array().shape == (100, 100)


# Mistakes


def test_mistakes_are_shown_surest_first(answers):
    images, labels, probabilities = answers
    figure = plot_mistakes(images, labels, probabilities, NAMES, count=8)
    guesses, sureness = probabilities.argmax(axis=1), probabilities.max(axis=1)
    wrong = [index for index in range(60) if guesses[index] != labels[index]]
    wrong.sort(key=lambda index: -sureness[index])
    shown = [axes for axes in figure.axes if axes.images]
    assert len(shown) == 8
    for axes, index in zip(shown, wrong, strict=False):
        assert axes.get_title() == (
            f"{NAMES[labels[index]]} → {NAMES[guesses[index]]}\n{sureness[index]:.1%}"
        )
        (image,) = axes.images
        np.testing.assert_array_equal(image.get_array(), images[index, :, :, 0])
    assert figure.get_suptitle() == (
        f"{len(wrong)} mistakes among 60 images, the surest 8\n"
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


def test_mistakes_in_colour_keep_their_colours():
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
        "curves": plot_curves(HISTORY, STEPS, title="mobilenet-adagrad-12"),
        "curves of one epoch": plot_curves(HISTORY[:1], STEPS[:4], title="lenet-sgd-1"),
        "confusion matrix": plot_confusion_matrix(np.diag(range(10)).tolist(), NAMES),
        "mistakes": plot_mistakes(*answers, NAMES),
        "one mistake": plot_mistakes(*(x[:1] for x in answers), NAMES),
        "no mistake": plot_mistakes(
            answers[0], answers[1], np.eye(10, dtype=np.float32)[answers[1]], NAMES
        ),
        "reliability": plot_reliability(BINS, 0.0123),
    }


def test_nothing_is_clipped(answers):
    for name, figure in draw_all(answers).items():
        figure.draw_without_rendering()
        box = figure.get_tightbbox()
        width, height = figure.get_size_inches()
        assert box.x0 >= 0, name
        assert box.y0 >= 0, name
        assert box.x1 <= width, name
        assert box.y1 <= height, name


def test_titles_of_mistakes_do_not_touch(answers):
    figure = plot_mistakes(*answers, NAMES)
    figure.draw_without_rendering()
    boxes = [a.title.get_window_extent() for a in figure.axes if a.images]
    for index, box in enumerate(boxes):
        assert box.count_overlaps(boxes[index + 1 :]) == 0


def test_figure_is_a_png_of_150_dots_an_inch(tmp_path):
    figure = Figure(figsize=(3, 2))
    path = save_figure(figure, tmp_path / "new" / "figure.png")
    assert path == tmp_path / "new" / "figure.png"
    assert matplotlib.image.imread(path).shape[:2] == (300, 450)
    assert [file.name for file in path.parent.iterdir()] == ["figure.png"]


def test_figure_that_cannot_be_written_leaves_nothing(tmp_path):
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(RunError, match=r"Cannot write .*taken/figure\.png"):
        save_figure(Figure(), tmp_path / "taken" / "figure.png")
    (tmp_path / "figure.png").mkdir()
    with pytest.raises(RunError, match=r"Cannot write .*figure\.png"):
        save_figure(Figure(), tmp_path / "figure.png")
    assert {file.name for file in tmp_path.iterdir()} == {"taken", "figure.png"}


def test_evaluation_has_three_figures(answers, tmp_path):
    images, labels, probabilities = answers
    metrics = compute_metrics(probabilities, labels, NAMES)
    paths = save_evaluation_figures(
        tmp_path / "figures", metrics, images, labels, probabilities, NAMES
    )
    names = ["confusion_matrix.png", "mistakes.png", "reliability.png"]
    assert paths == [tmp_path / "figures" / name for name in names]
    for path in paths:
        assert matplotlib.image.imread(path).std() > 0.01  # something is on it


def test_neither_pyplot_nor_tensorflow_is_imported():
    code = (
        "import sys, kerascnn.figures; "
        "print([m for m in ('matplotlib.pyplot', 'tensorflow', 'keras', 'sklearn') "
        "if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"
