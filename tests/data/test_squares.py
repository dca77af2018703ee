"""Squares of pictures, pixel by pixel."""

import numpy as np
import pytest
from PIL import Image

from kerascnn.data.squares import edge_color, to_square


def picture(rows):
    return Image.fromarray(np.array(rows, np.uint8))


WIDE = picture([[10, 20, 30, 40], [50, 60, 70, 80]])


def test_pad_keeps_all_and_puts_the_color_of_the_edge_around():
    # All eight pixels are of the edge, and each corner counts twice.
    np.testing.assert_array_equal(
        to_square(WIDE, 4, "pad"),
        [[45] * 4, [10, 20, 30, 40], [50, 60, 70, 80], [45] * 4],
    )
    np.testing.assert_array_equal(
        to_square(WIDE.transpose(Image.Transpose.ROTATE_90), 4, "pad"),
        [[45, 40, 80, 45], [45, 30, 70, 45], [45, 20, 60, 45], [45, 10, 50, 45]],
    )


def test_crop_keeps_the_middle():
    np.testing.assert_array_equal(to_square(WIDE, 2, "crop"), [[20, 30], [60, 70]])
    high = WIDE.transpose(Image.Transpose.TRANSPOSE)
    np.testing.assert_array_equal(to_square(high, 2, "crop"), [[20, 60], [30, 70]])


def test_stretch_keeps_all_and_no_proportions():
    halves = picture([[0] * 40 + [200] * 40] * 20)
    square = to_square(halves, 20, "stretch")
    assert (square[:, :7] == 0).all()
    assert (square[:, 13:] == 200).all()
    assert (np.diff(square.astype(int), axis=0) == 0).all()


@pytest.mark.parametrize("resize", ["pad", "crop", "stretch"])
def test_squares_of_the_right_size_stay_as_they_are(resize):
    pixels = np.random.default_rng(0).integers(0, 256, (9, 9, 3)).astype(np.uint8)
    np.testing.assert_array_equal(to_square(Image.fromarray(pixels), 9, resize), pixels)


@pytest.mark.parametrize("resize", ["pad", "crop", "stretch"])
@pytest.mark.parametrize("size", [(1, 1), (1, 5000), (5000, 1), (3, 2), (70, 2000)])
def test_extreme_proportions_keep_a_plain_color(resize, size):
    square = to_square(Image.new("RGB", size, (1, 200, 30)), 7, resize)
    assert square.shape == (7, 7, 3)
    assert (square == (1, 200, 30)).all()


def test_gray_is_the_same_in_color(photos):
    """So a gray picture stays gray, whether it is read as color or not."""
    gray = photos[0].convert("L")
    for resize in ("pad", "crop", "stretch"):
        alone = to_square(gray, 32, resize)
        color = to_square(gray.convert("RGB"), 32, resize)
        assert alone.shape == (32, 32)
        np.testing.assert_array_equal(color, np.repeat(alone[..., None], 3, axis=2))


def test_edge_color_is_the_middle_of_each_channel():
    pixels = np.zeros((5, 5, 3), np.uint8)
    pixels[1:4, 1:4] = 255
    pixels[0] = (9, 0, 0)
    pixels[:, 0] = (9, 8, 0)
    pixels[-1] = (9, 0, 7)
    assert edge_color(pixels) == (9, 0, 0)
    assert edge_color(pixels[..., 1]) == 0
