"""Strokes are found in photographs, and nothing else is taken for them."""

import runpy
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from kerascnn.data.drawings import find_drawing
from kerascnn.data.facts import DatasetFacts
from kerascnn.data.pictures import fit_picture
from kerascnn.model_files.keras_model import predict_probabilities

MNIST = DatasetFacts.from_table("mnist")
PHOTOGRAPHS = runpy.run_path(str(Path(__file__).with_name("photographs.py")))


def paper(height=300, width=400, level=200):
    """A sheet with a sensor's noise."""
    return np.random.default_rng(0).normal(level, 5, (height, width))


def as_pixels(sheet):
    return np.clip(sheet, 0, 255).astype(np.uint8)


def seven(height=100, stroke=10):
    """A mask of a bar on a post."""
    mask = np.zeros((height, height * 6 // 10), bool)
    mask[:stroke] = True
    mask[:, -stroke:] = True
    return mask


def assert_is_seven(drawing):
    """The whole of it and nothing more: its shape is that of `seven()`."""
    strokes = Image.fromarray(drawing.strokes).resize((60, 100))
    found = np.asarray(strokes) > 127
    overlap = (found & seven()).sum() / (found | seven()).sum()
    assert overlap > 0.6
    height, width = drawing.strokes.shape
    assert abs(width / height - 0.6) < 0.06


@pytest.mark.parametrize("dark", [True, False])
def test_strokes_are_cut_out_on_paper_and_on_a_board(dark):
    sheet = paper(level=200 if dark else 50)
    sheet[80:180, 50:110][seven()] += -120 if dark else 120
    for given in (None, dark):
        drawing = find_drawing(as_pixels(sheet), dark=given)
        assert drawing.dark == dark
        assert_is_seven(drawing)
    fitted = fit_picture(Image.fromarray(as_pixels(sheet)), MNIST)
    assert fitted.inverted == dark
    assert fitted.pixels.max() == 255
    told = fit_picture(Image.fromarray(as_pixels(sheet)), MNIST, invert=not dark)
    assert told.inverted == (not dark)


def test_shadow_is_not_drawn():
    sheet = paper()
    sheet[80:180, 150:210][seven()] -= 120
    sheet[:, 180:] *= 0.5  # through the seven
    assert_is_seven(find_drawing(as_pixels(sheet)))


@pytest.mark.parametrize("slope", [0, 0.05])
def test_lines_of_paper_are_not_drawn(slope):
    sheet = paper()
    rows, columns = np.indices(sheet.shape)
    for along, across in ((rows, columns), (columns, rows)):
        sheet[(along + slope * across).astype(int) % 25 < 2] -= 50
    sheet[80:180, 150:210][seven()] = 60
    assert_is_seven(find_drawing(as_pixels(sheet)))


def test_note_on_a_desk_is_the_ground():
    desk = paper(level=60)
    desk[40:260, 90:300] = paper(220, 210)
    desk[80:180, 150:210][seven()] = 60
    drawing = find_drawing(as_pixels(desk))
    assert drawing.dark
    assert_is_seven(drawing)


def test_even_desk_around_a_note_is_not_taken_for_a_clean_ground():
    desk = np.full((300, 400), 20.0)
    desk[40:260, 90:300] = 200
    desk[80:180, 150:210][seven()] = 60
    assert_is_seven(find_drawing(as_pixels(desk)))


def test_what_goes_on_beyond_the_picture_and_specks_are_left_out():
    sheet = paper()
    sheet[80:180, 150:210][seven()] -= 120
    sheet[:, :8] -= 150
    sheet[20:23, 300:303] -= 150
    assert_is_seven(find_drawing(as_pixels(sheet)))


def test_broken_strokes_are_one_drawing_and_far_ones_are_two():
    sheet = paper()
    sheet[80:180, 150:210][seven()] -= 120
    sheet[100:104, 150:210] = 200  # a gap in the post
    assert_is_seven(find_drawing(as_pixels(sheet)))
    sheet[80:130, 310:340][seven(50)] -= 120
    assert_is_seven(find_drawing(as_pixels(sheet)))


def test_thin_strokes_become_as_thick_as_those_of_mnist():
    sheet = paper()
    sheet[80:180, 150:210][seven(stroke=3)] -= 120
    drawing = find_drawing(as_pixels(sheet))
    middle = drawing.strokes[len(drawing.strokes) // 2] > 127
    assert 0.08 < middle.sum() / len(drawing.strokes) < 0.16


@pytest.mark.parametrize("quality", [None, 90])
@pytest.mark.parametrize("invert", [False, True])
def test_clean_picture_is_left_as_it_is(splits, tmp_path, quality, invert):
    for digit in splits[1].images[:20, :, :, 0]:
        sheet = np.full((300, 400), 10, np.uint8)
        sheet[80:220, 150:290] += np.kron(digit, np.ones((5, 5), np.uint8)) // 2
        image = Image.fromarray(255 - sheet if invert else sheet)
        if quality:
            image.save(tmp_path / "a.jpg", quality=quality)
            image = Image.open(tmp_path / "a.jpg")
        assert find_drawing(np.asarray(image)) is None


def test_digit_that_fills_a_small_picture_is_left_as_it_is(splits):
    for digit in splits[1].images[:200, :, :, 0]:
        small = ImageOps.pad(Image.fromarray(digit), (24, 24))
        assert find_drawing(np.asarray(small)) is None


SIZES = [(1, 1), (1, 400), (400, 1), (2, 2), (5, 9), (30, 30), (300, 20), (240, 320)]


@pytest.mark.parametrize("size", SIZES)
def test_what_is_no_drawing_is_an_image_all_the_same(size):
    rng = np.random.default_rng(0)
    height, width = size
    hostile = [
        rng.integers(0, 256, size),
        rng.integers(0, 2, size) * 255,
        rng.normal(180, 4, size).clip(0, 255),
        np.full(size, 130),
        np.linspace(0, 255, height * width).reshape(size),
        np.broadcast_to(np.arange(width) % 2 * 255, size),
        np.broadcast_to((np.arange(width) < width // 2) * 200, size),
    ]
    for pixels in hostile:
        for mode in ("L", "RGB"):
            image = Image.fromarray(pixels.astype(np.uint8)).convert(mode)
            for invert in (None, True, False):
                fitted = fit_picture(image, MNIST, invert=invert)
                assert fitted.pixels.shape == (28, 28, 1)
                assert invert is None or fitted.inverted == invert


def test_huge_photograph_is_reduced_first():
    sheet = as_pixels(paper(3000, 4000))
    sheet[800:1800, 1500:2100][seven(1000, 100)] -= 120
    sheet[:, 1800:] //= 2
    assert_is_seven(find_drawing(sheet))


def accuracies(model, split, count, **options):
    """The share of photographs that are read correctly, by kind."""
    rows = list(PHOTOGRAPHS["photographs"](split, 0, count, **options))
    seen = np.stack([fit_picture(image, MNIST).pixels for _, _, image in rows])
    predicted = predict_probabilities(model, seen).argmax(axis=1)
    right = defaultdict(list)
    for (kind, label, _), answer in zip(rows, predicted, strict=True):
        right[kind].append(label == answer)
    return {kind: np.mean(values) for kind, values in right.items()}


@pytest.mark.slow
def test_photographs_are_read(lenet, splits):
    # The model reads a little more than 90% of MNIST itself, where strokes are thick.
    found = accuracies(lenet, splits[1], 10, sides=(200, 500))
    assert set(found) == set(PHOTOGRAPHS["KINDS"])
    assert min(found.values()) >= 0.5, found
    assert np.mean(list(found.values())) > 0.75, found


@pytest.mark.slow  # 600 photographs
def test_hundreds_of_photographs_are_read(splits, tmp_path):
    from kerascnn.settings.config import TrainConfig
    from kerascnn.training.train import train_model

    run = train_model(TrainConfig(model="lenet"), out=tmp_path)
    found = accuracies(run.load_model(), splits[1], 100)
    assert min(found.values()) >= 0.8, found
    assert np.mean(list(found.values())) >= 0.9, found
