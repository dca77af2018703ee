"""Find what is drawn in a photograph: strokes on paper, or on a board."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import numpy.typing as npt
from PIL import Image
from scipy import ndimage

Pixels = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]
Box = tuple[slice, slice]

# Photographs are reduced to so many pixels a side: enough for thin strokes.
SIDE = 512
# Smaller ones are no photographs.
SMALLEST_SIDE = 64
# How much the edge of a clean picture may vary; sensors and paper vary more.
CLEAN_LEVELS = 4
CLEAN_SHARE = 0.95
# Strokes of MNIST are about so thick, as a share of a digit's longer side; shapes that
# are thicker than the second are no strokes.
STROKE = 0.12
SOLID = 0.35
# Strokes are thinner than this share of a picture's side; what is broader is ground.
BROADEST_STROKE = 1 / 6
# Differences of brightness as logarithms, so that a shadow takes nothing from them.
FAINTEST = 0.06
SHEET = 0.35
# Keeps the noise of black from being a large difference.
DARKEST = 12
# Lines of paper are not turned by more, in degrees.
LARGEST_TURN = 5.0
TURN_STEP = 0.25


@dataclass(frozen=True, kw_only=True)
class Drawing:
    """What is drawn in a picture.

    Attributes:
        strokes: `(height, width)`, cut out: 255 on 0, about as thick as in MNIST.
        dark: Whether it is darker than what is around it.
    """

    strokes: Pixels
    dark: bool


def find_drawing(pixels: Pixels, *, dark: bool | None = None) -> Drawing | None:
    """Find the most conspicuous strokes in a gray photograph.

    Shadows, ruled lines, specks and what goes on beyond the edge of the picture or of
    the sheet are left out.

    Args:
        pixels: `(height, width)`.
        dark: Whether to look for dark strokes on light or for the opposite; where
            `None`, for both.

    Returns:
        `None` where there are no strokes, or where none have to be looked for: on a
        clean ground, and in pictures that are too small to be photographs.
    """
    if max(pixels.shape) < SMALLEST_SIDE:
        return None
    image = Image.fromarray(pixels)
    image.thumbnail((SIDE, SIDE), Image.Resampling.BOX, reducing_gap=None)
    small = np.asarray(image)
    if _is_clean(small):
        return None
    light = ndimage.gaussian_filter(np.log(small.astype(np.float32) + DARKEST), 0.7)
    found = [
        (*scored, view)
        for view in _views(light, dark)
        if (scored := _most_conspicuous(view)) is not None
    ]
    if not found:
        return None
    _, strokes, view = max(found, key=lambda item: item[0])
    return Drawing(strokes=_like_mnist(strokes, view.contrast), dark=view.dark)


@dataclass(frozen=True)
class _View:
    """A way to see a picture.

    Attributes:
        contrast: How much each pixel differs from what is around it.
        border: Where the picture or the sheet ends: what reaches it is no drawing.
        edge: Along the edge of a sheet, or of a shadow: a drawing may cross it, but is
            not there alone.
        dark: Whether contrasts are those of dark on light.
        weight: How much more is to be expected here.
    """

    contrast: Floats
    border: Mask
    edge: Mask
    dark: bool
    weight: float = 1.0


def _is_clean(pixels: Pixels) -> bool:
    """Whether all around it is one color, and what is in it is thin."""
    rim = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    level = float(np.median(rim))
    if np.mean(np.abs(rim - level) <= CLEAN_LEVELS) < CLEAN_SHARE:
        return False
    drawn = np.abs(pixels - level) > 32
    if not drawn.any():
        return True
    drawn = drawn[_extent(drawn)]
    return _thickness(drawn) <= SOLID * float(max(drawn.shape))


def _views(light: Floats, dark: bool | None) -> Iterator[_View]:
    """The picture as dark on light, as light on dark, and its sheet alone."""
    border = np.ones(light.shape, bool)
    border[1:-1, 1:-1] = False
    edge = np.zeros(light.shape, bool)
    sheet = _sheet(light)
    if sheet is not None and dark is not False:
        inner = _shrunk(sheet, 5)
        edge = ndimage.binary_dilation(sheet, iterations=4) & ~_shrunk(sheet, 6)
        if inner.any():
            # The sheet goes on in all directions, so that its edge is none.
            nearest = ndimage.distance_transform_edt(
                ~inner, return_distances=False, return_indices=True
            )
            contrast = _contrast(-light[tuple(nearest)]) * inner
            beyond = border | ~_shrunk(inner, 2)
            yield _View(contrast, beyond, np.zeros_like(edge), True, weight=2.0)
    if dark is not False:
        yield _View(_contrast(-light), border, edge, True)
    if dark is not True:
        yield _View(_contrast(light), border, edge, False)


def _sheet(light: Floats) -> Mask | None:
    """The largest light region, if it is broad and much lighter than the rest."""
    side = max(light.shape)
    step = max(1, side // 128)
    coarse = light[::step, ::step]
    coarse = ndimage.grey_closing(coarse, [max(3, max(coarse.shape) // 8)] * 2)
    limit = _otsu(coarse)
    is_light = coarse > limit
    if is_light.all() or not is_light.any():
        return None
    if coarse[is_light].mean() - coarse[~is_light].mean() < SHEET:
        return None
    labels, count = ndimage.label(light > limit)
    if not count:
        return None
    blank = labels == np.bincount(labels.ravel())[1:].argmax() + 1
    sheet = cast(Mask, ndimage.binary_fill_holes(blank))
    if sheet.mean() < 0.08 or blank.sum() < 0.7 * sheet.sum():
        return None
    # Chalk on a board is a light region, too, but nowhere broad.
    has_room = ndimage.minimum_filter(blank.view(np.uint8), side // 9 + 1).any()
    return sheet if has_room else None


def _contrast(light: Floats) -> Floats:
    """How much lighter each pixel is than what is around, ruled lines left out."""
    window = max(9, int(max(light.shape) * BROADEST_STROKE))
    ground = ndimage.grey_opening(light, (window, window))
    smooth = ndimage.uniform_filter(ground, max(3, window // 4))
    contrast = np.clip(light - np.maximum(ground, smooth), 0, None)
    return _without_lines(_without_lines(contrast).T).T


def _without_lines(contrast: Floats) -> Floats:
    """Take off the lines that go across the picture, at most a little turned.

    Along a line, most pixels have its contrast at least. Logarithms add up: where
    a stroke crosses it, that of the stroke is left.
    """
    height, width = contrast.shape
    rows, columns = np.arange(height)[:, None], np.arange(width)
    # Several columns at once are enough to find the direction.
    starts = columns[::8]
    blocks = np.add.reduceat(np.minimum(contrast, 0.3), starts, axis=1)
    turns = np.arange(-LARGEST_TURN, LARGEST_TURN + TURN_STEP / 2, TURN_STEP)
    slopes = np.tan(np.radians(turns))

    def sharpness(slope: float) -> float:
        places = (rows + np.round((starts + 3.5) * slope).astype(int)) % height
        along = blocks[places, np.arange(len(starts))].sum(axis=1)
        return float(np.square(along).sum())

    shifts = np.round(columns * max(slopes, key=sharpness)).astype(int)
    along = np.quantile(contrast[(rows + shifts) % height, columns], 0.3, axis=1)
    lines = ndimage.maximum_filter1d(along, 3)[(rows - shifts) % height]
    return np.asarray(np.clip(contrast - lines, 0, None), np.float32)


def _most_conspicuous(view: _View) -> tuple[float, Mask] | None:
    """The strokes that stand out most, by length and contrast, and their score."""
    contrast = view.contrast
    noise = float(np.median(contrast))
    standing_out = contrast[contrast > max(4 * noise, FAINTEST)]
    if standing_out.size < 8:
        return None
    limit = 0.6 * _otsu(standing_out)
    mask = ndimage.gaussian_filter(contrast, 0.5) > limit
    labels, _ = ndimage.label(mask, np.ones((3, 3)))
    boxes: list[Box] = ndimage.find_objects(labels)
    scores = [
        _score(labels[box] == label, box, view) for label, box in enumerate(boxes, 1)
    ]
    if not scores or max(scores) <= 0:
        return None
    return view.weight * max(scores), _joined(labels, boxes, np.argmax(scores), view)


def _score(part: Mask, box: Box, view: _View) -> float:
    """How much a connected part of a picture is like the strokes of a drawing."""
    height, width = part.shape
    if max(height, width) < 0.04 * max(view.contrast.shape):
        return 0.0
    thickness = _thickness(part)
    length = part.sum() / max(thickness, 2)
    score = length * view.contrast[box][part].mean()
    score *= max(0, 1 - 2.5 * view.edge[box][part].mean())
    score *= np.clip(1 - (thickness / max(height, width) - 0.15) / 0.25, 0.1, 1)
    if width > 1.8 * height:
        score *= 0.3
    if view.border[box][part].any():
        score *= 0.05
    return float(score)


def _joined(
    labels: npt.NDArray[Any], boxes: list[Box], first: Any, view: _View
) -> Mask:
    """A part with those near to it that are of the same drawing."""
    main = labels == first + 1
    reach = 0.3 * max(labels[boxes[first]].shape)
    contrast = float(view.contrast[main].mean())
    away = ndimage.distance_transform_edt(~main)
    joined: Mask = main.copy()
    for label, box in enumerate(boxes, 1):
        part = labels[box] == label
        if (
            part.sum() >= 0.02 * main.sum()
            and away[box][part].min() <= reach
            and view.contrast[box][part].mean() >= 0.6 * contrast
            and view.edge[box][part].mean() <= 0.2
            and not view.border[box][part].any()
        ):
            joined[box] |= part
    return joined


def _like_mnist(strokes: Mask, contrast: Floats) -> Pixels:
    """Cut strokes out, with thin ones made thicker, and all as bright as can be."""
    ink = -np.expm1(-contrast)
    ink = np.clip(ink / np.quantile(ink[strokes], 0.75), 0, 1)
    box = _extent(strokes)
    strokes, ink = (np.pad(part[box], 1) for part in (strokes, ink))
    longer = max(strokes.shape)
    scale = max(1, round(80 / longer))
    growth = (STROKE * longer - _thickness(strokes)) / 2 * scale
    if growth <= 0:
        return (ink * strokes * 255).astype(np.uint8)
    if scale > 1:
        strokes = ndimage.zoom(strokes.astype(np.float32), scale, order=1) > 0.5
    strokes = np.pad(strokes, int(growth) + 1)
    strokes = ndimage.distance_transform_edt(~strokes) <= growth
    return strokes[_extent(strokes)].astype(np.uint8) * 255


def _thickness(mask: Mask) -> float:
    """Of strokes, in pixels: four times the mean distance from their edges."""
    distances = ndimage.distance_transform_edt(np.pad(mask, 1))
    return float(4 * distances.sum() / mask.sum())


def _extent(mask: Mask) -> Box:
    """The rows and columns from the first to the last that has anything."""
    rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    return slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)


def _shrunk(mask: Mask, pixels: int) -> Mask:
    """A mask without its edge, save along that of the picture."""
    return cast(
        Mask, ndimage.binary_erosion(mask, iterations=pixels, border_value=True)
    )


def _otsu(values: Floats) -> float:
    """The limit between two classes that are as far apart as can be (Otsu, 1979)."""
    counts, ends = np.histogram(values, 128)
    middles = (ends[1:] + ends[:-1]) / 2
    below = np.cumsum(counts)
    above = below[-1] - below
    sums = np.cumsum(counts * middles)
    low = sums / np.maximum(below, 1)
    high = (sums[-1] - sums) / np.maximum(above, 1)
    return float(middles[np.argmax(below * above * np.square(high - low))])
