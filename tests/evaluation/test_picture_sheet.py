"""The sheet of predictions: what stands on it, for any number of pictures."""

import re
from dataclasses import replace

import matplotlib.image
import numpy as np
import pytest
from PIL import Image

from kerascnn.evaluation.explain import Explanation
from kerascnn.evaluation.picture_sheet import plot_predictions, save_predictions
from kerascnn.evaluation.predict import classify_pictures
from kerascnn.model_files.find import open_artifact


@pytest.fixture(scope="module")
def predictions(exported, splits, tmp_path_factory):
    """Of two test digits, the second one black on white."""
    names = []
    for index in range(2):
        names.append(str(tmp_path_factory.getbasetemp() / f"digit-{index}.png"))
        picture = splits[1].images[index, :, :, 0]
        Image.fromarray(255 - picture if index else picture).save(names[-1])
    return list(classify_pictures(names, open_artifact(exported / "model.tflite")))


def texts(drawn):
    return [text.get_text() for text in drawn.texts]


def test_sheet_shows_what_was_seen(predictions, splits):
    figure = plot_predictions(predictions)
    assert texts(figure) == ["2 pictures", "digit-0.png", "digit-1.png"]
    axes = figure.axes
    assert [a.get_title() for a in axes] == ["", "seen", "", "", "seen, inverted", ""]
    seen = axes[4].images[0].get_array()
    np.testing.assert_array_equal(seen, splits[1].images[1, :, :, 0])


def test_sheet_shows_the_three_likeliest_classes(predictions):
    bars = plot_predictions(predictions).axes[2]
    top = predictions[0].top(3)
    shown = [text for name, share in top for text in (name, f"{share:.2%}")]
    assert texts(bars) == shown
    widths = [patch.get_width() for patch in bars.patches]
    assert widths == [width for _, share in top for width in (1, share)]


@pytest.mark.parametrize(
    ("count", "columns", "rows", "title"),
    [
        (1, 1, 1, "1 picture"),
        (2, 1, 2, "2 pictures"),
        (7, 2, 4, "7 pictures"),
        (60, 5, 12, "60 pictures"),
        (200, 5, 12, "200 pictures, the first 60"),
    ],
)
def test_sheet_is_about_as_wide_as_high(predictions, count, columns, rows, title):
    figure = plot_predictions(predictions[:1] * count)
    assert texts(figure)[0] == title
    lefts = {round(axes.get_position().x0, 4) for axes in figure.axes}
    bottoms = {round(axes.get_position().y0, 4) for axes in figure.axes}
    assert (len(lefts), len(bottoms)) == (3 * columns, rows)
    width, height = figure.get_size_inches()
    assert max(width, height) < 18
    assert count <= 2 or 0.8 < width / height < 1.3


def test_sheet_of_the_first_of_more_says_how_many(predictions):
    assert texts(plot_predictions(predictions, total=5000))[0] == (
        "5,000 pictures, the first 2"
    )


def test_sheet_shows_where_explanations_are(predictions, assert_whole):
    """The map begins before the picture, and ends within it."""
    heat = np.array([[0, 1], [0.5, 0]], np.float32)
    box = (-1 / 14, -1 / 14, 0.5, 0.75)
    explanation = Explanation(layer="conv", heat=heat, box=box)
    explained = [replace(one, explanation=explanation) for one in predictions]
    figure = plot_predictions(explained)
    assert_whole(figure)
    titles = [axes.get_title() for axes in figure.axes]
    assert titles == ["", "seen", "", "Grad-CAM", "", "seen, inverted", "", "Grad-CAM"]
    for number in (0, 1):
        _, seen, bars, axes = figure.axes[4 * number : 4 * number + 4]
        below, over = axes.images
        np.testing.assert_array_equal(below.get_array(), seen.images[0].get_array())
        np.testing.assert_array_equal(over.get_array(), heat)
        assert over.get_extent() == pytest.approx([-2.5, 13.5, 20.5, -2.5])
        assert axes.get_xlim() == seen.get_xlim()
        assert axes.get_ylim() == seen.get_ylim()
        assert axes.get_position().x1 < bars.get_position().x0


@pytest.mark.parametrize("size", [(100_000, 1), (1, 100_000), (3000, 2), (1, 1)])
def test_sheet_shows_pictures_of_any_proportions(
    exported, tmp_path, size, assert_whole
):
    path = tmp_path / "a.png"
    Image.new("L", size, 255).save(path)
    artifact = open_artifact(exported / "model.tflite")
    results = list(classify_pictures([str(path)], artifact))
    assert max(results[0].picture.shape) <= 256
    assert_whole(plot_predictions(results))


def test_names_of_any_kind_are_shown_as_they_are(
    predictions, awkward_names, assert_whole
):
    shown = [
        replace(predictions[0], file=f"folder/{name}", class_names=tuple(awkward_names))
        for name in awkward_names
    ]
    figure = plot_predictions(shown)
    assert_whole(figure)
    _, *files = texts(figure)
    assert files[:7] == awkward_names[:7]
    assert re.fullmatch("x+…x+", files[7])
    assert files[9] == r"two\nlines\x1b[0m\xff"
    figure.draw_without_rendering()
    for axes in figure.axes[2::3]:
        boxes = [text.get_window_extent() for text in axes.texts]
        for index, box in enumerate(boxes):
            assert box.count_overlaps(boxes[index + 1 :]) == 0


def test_sheet_is_saved(predictions, tmp_path):
    save_predictions(predictions, tmp_path / "sheet.png")
    assert matplotlib.image.imread(tmp_path / "sheet.png").std() > 0.01
