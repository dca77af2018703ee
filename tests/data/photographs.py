"""Photographs of digits on paper and on boards, drawn from the digits of MNIST.

Each is a function of its seed, kind and number. To see them, and how many of them the
model of a run reads:

    python tests/data/photographs.py saved_models/lenet-sgd-1 --figure sheet.png
"""

from __future__ import annotations

import argparse
import io
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter
from scipy import ndimage

KINDS = ("shadow", "squared", "desk", "askew", "pencil", "chalk")
INKS = ((25, 25, 30), (30, 45, 125), (20, 30, 80), (60, 60, 65), (150, 35, 40))
PAPERS = ((250, 250, 248), (245, 240, 228), (236, 238, 242), (225, 222, 215))
DESKS = ((120, 85, 55), (70, 55, 45), (45, 48, 55), (140, 120, 100), (95, 100, 105))
BOARDS = ((38, 62, 50), (35, 38, 42), (25, 45, 40), (52, 56, 60))


def photographs(split, seed, count, sides=(200, 1600)):
    """Kind, label and picture of so many photographs of each kind.

    A digit is in no two of them. The longer side of each is between two numbers of
    pixels.
    """
    chosen = np.random.default_rng(seed).permutation(len(split.images))
    for row, kind in enumerate(KINDS):
        for number in range(count):
            index = chosen[number * len(KINDS) + row]
            rng = np.random.default_rng((seed, row, number))
            digit = split.images[index, :, :, 0]
            yield kind, int(split.labels[index]), photograph(kind, digit, rng, sides)


def photograph(kind, digit, rng, sides):
    """A photograph of a digit, `(28, 28)`, light on dark: in color, as from JPEG."""
    side = int(np.exp(rng.uniform(*np.log(sides))))
    width, height = side, int(side * rng.choice((0.75, 1.0, 1.33)))
    width, height = (int(x * side / max(width, height)) for x in (width, height))
    scene = {
        "shadow": _plain,
        "squared": _squared,
        "desk": _on_a_desk,
        "askew": _askew,
        "pencil": _pencil,
        "chalk": _chalk,
    }[kind](digit, (height, width), rng)
    scene = scene * _light((height, width), rng, _strength(kind))[..., None]
    if kind == "shadow":
        scene = scene * _hard_shadow((height, width), rng)[..., None]
    if kind == "askew":
        scene = scene * _vignette((height, width), rng)[..., None]
    return _camera(scene, rng, poor=kind == "pencil")


def _strength(kind):
    """How much light is lost towards one side at most."""
    return {"shadow": 0.55, "askew": 0.35, "desk": 0.35}.get(kind, 0.25)


def _plain(digit, size, rng):
    sheet = _paper(size, rng)
    return _ink(sheet, _placed(digit, size, rng), rng, rng.uniform(0.5, 0.97))


def _squared(digit, size, rng):
    mask = _placed(digit, size, rng)
    sheet = _paper(size, rng)
    pitch = _height(mask) / rng.uniform(1, 6)
    for axis in (0, 1):
        sheet = _ruled(sheet, rng, max(pitch, 7), axis, rng.uniform(0.08, 0.4))
    return _ink(sheet, mask, rng, rng.uniform(0.6, 0.97))


def _on_a_desk(digit, size, rng):
    share = rng.uniform(0.45, 0.85, 2)
    inner = tuple(int(x * y) for x, y in zip(size, share, strict=True))
    sheet = _paper(inner, rng)
    mask = _placed(digit, inner, rng, smallest=0.1 / share[0])
    sheet = _ink(sheet, mask, rng, rng.uniform(0.6, 0.97))
    angle = np.radians(rng.uniform(-12, 12))
    corners = _corners(inner) - np.array(inner) / 2
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    corners = corners @ turn
    free = np.maximum(np.array(size) / 2 - np.abs(corners).max(axis=0), 0)
    corners += np.array(size) / 2 + rng.uniform(-1, 1, 2) * free * 0.9
    return _laid(sheet, corners, _desk(size, rng))


def _askew(digit, size, rng):
    mask = _placed(digit, size, rng)
    sheet = _ink(_paper(size, rng), mask, rng, rng.uniform(0.55, 0.97))
    rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    ends = [(row, column) for row in rows[[0, -1]] for column in columns[[0, -1]]]
    middle = np.array(size) / 2
    while True:
        angle = np.radians(rng.uniform(-14, 14))
        turn = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
        corners = (_corners(size) - middle) @ np.array(turn) * rng.uniform(0.95, 1.3)
        corners = corners * (1 + rng.uniform(-0.14, 0.14, (4, 1))) + middle
        # The whole digit is in the picture.
        seen = _mapped(ends, _perspective(_corners(size), corners)) / size
        if seen.min() > 0.02 and seen.max() < 0.98:
            break
    # What the sheet does not reach is the table, as often as not.
    ground = _desk(size, rng) if rng.random() < 0.5 else _paper(size, rng)
    return _laid(sheet, corners, ground)


def _pencil(digit, size, rng):
    mask = _placed(digit, size, rng)
    sheet = _paper(size, rng)
    pitch = max(_height(mask) / rng.uniform(0.8, 4), 9)
    sheet = _ruled(sheet, rng, pitch, 0, rng.uniform(0.05, 0.25))
    if rng.random() < 0.3:
        column = int(size[1] * rng.uniform(0.05, 0.2))
        sheet[:, column : column + max(1, size[1] // 400)] *= (0.95, 0.7, 0.7)
    mask = mask * _grain(size, rng, 0.5)
    return _ink(sheet, mask, rng, rng.uniform(0.25, 0.5), color=(70, 70, 75))


def _chalk(digit, size, rng):
    board = np.ones((*size, 3)) * np.array(BOARDS[rng.integers(len(BOARDS))]) / 255
    board *= 1 + 0.06 * _cloud(size, rng, 0.2)[..., None]
    smears = np.zeros(size)
    for _ in range(rng.integers(1, 6)):
        smear = Image.new("L", size[::-1])
        strip = Image.new("L", [max(2, int(x * rng.uniform(0.05, 0.4))) for x in size])
        strip.paste(255, (0, 0, *strip.size))
        strip = strip.rotate(rng.uniform(-60, 60), expand=True)
        smear.paste(strip, (int(rng.integers(size[1])), int(rng.integers(size[0]))))
        soft = ndimage.gaussian_filter(
            np.asarray(smear, np.float64), max(size) * rng.uniform(0.01, 0.05)
        )
        smears += soft / 255 * rng.uniform(0.02, 0.14)
    board += (smears * _grain(size, rng, 0.3))[..., None]
    mask = _placed(digit, size, rng, thinnest=0.05) * _grain(size, rng, 0.6)
    color = np.array(((245, 245, 240), (235, 225, 150))[int(rng.random() < 0.2)]) / 255
    mask = (mask * rng.uniform(0.6, 0.95))[..., None]
    return board * (1 - mask) + color * mask


def _placed(digit, size, rng, thinnest=0.03, smallest=0.1):
    """How much of each pixel is covered by strokes, from 0 to 1."""
    height = int(size[0] * rng.uniform(smallest, 0.7))
    mask = _written(digit, max(height, 20), rng, thinnest)
    largest = int(size[1] * 0.9)
    if mask.shape[1] > largest:
        mask = ndimage.zoom(mask, largest / mask.shape[1], order=1)
    covered = np.zeros(size)
    top, left = (
        int(rng.uniform(0.04, 0.96) * max(0, whole - part))
        for whole, part in zip(size, mask.shape, strict=True)
    )
    part = mask[: size[0] - top, : size[1] - left]
    covered[top : top + part.shape[0], left : left + part.shape[1]] = part
    return np.clip(covered, 0, 1)


def _written(digit, height, rng, thinnest):
    """A digit's strokes, by a felt pen as in MNIST or by a thinner one."""
    rows, columns = (np.flatnonzero((digit > 64).any(axis=axis)) for axis in (1, 0))
    digit = np.pad(
        digit[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].astype(float), 2
    )
    work = 6
    smooth = ndimage.gaussian_filter(ndimage.zoom(digit, work, order=3), work / 3)
    strokes = smooth > 110
    thickness = rng.uniform(thinnest, 0.12)
    if thickness < 0.1:
        bones = _thinned(strokes)
        radius = max(thickness * len(strokes) / 2, 1)
        away = ndimage.distance_transform_edt(~bones)
        soft = np.clip(radius + 0.5 - away, 0, 1)
    else:
        soft = ndimage.gaussian_filter(strokes.astype(float), 1)
    rows, columns = (np.flatnonzero((soft > 0.5).any(axis=axis)) for axis in (1, 0))
    soft = soft[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    scale = height / len(soft)
    image = Image.fromarray((soft * 255).astype(np.uint8))
    size = tuple(max(1, round(side * scale)) for side in soft.shape[::-1])
    image = image.resize(size, Image.Resampling.BICUBIC)
    angle = rng.uniform(-7, 7)
    image = image.rotate(angle, Image.Resampling.BICUBIC, expand=True)
    mask = np.asarray(image) / 255
    if scale > 1.5:
        mask = np.clip((mask - 0.5) * scale + 0.5, 0, 1)
    # Pens write unevenly.
    return mask * (1 - 0.25 * np.clip(_cloud(mask.shape, rng, 0.1), 0, 1))


def _thinned(strokes):
    """The middle lines of strokes (Zhang and Suen, 1984)."""
    strokes = np.pad(strokes, 1)
    while True:
        before = strokes.sum()
        for first in (True, False):
            around = [
                np.roll(strokes, shift, (0, 1))
                for shift in (
                    *((1, 0), (1, -1), (0, -1), (-1, -1)),
                    *((-1, 0), (-1, 1), (0, 1), (1, 1)),
                )
            ]
            north, _, east, _, south, _, west, _ = around
            count = sum(x.astype(int) for x in around)
            changes = sum(
                (~x & y).astype(int)
                for x, y in zip(around, around[1:] + around[:1], strict=True)
            )
            if first:
                ends = ~(north & east & south) & ~(east & south & west)
            else:
                ends = ~(north & east & west) & ~(north & south & west)
            inner = (count >= 2) & (count <= 6) & (changes == 1)
            strokes = strokes & ~(inner & ends)
        if strokes.sum() == before:
            return strokes[1:-1, 1:-1]


def _height(mask):
    return np.ptp(np.flatnonzero((mask > 0.3).any(axis=1))) + 1


def _ink(sheet, mask, rng, darkness, color=None):
    if color is None:
        color = INKS[rng.integers(len(INKS))]
    cover = (mask * darkness)[..., None]
    return sheet * (1 - cover) + np.array(color) / 255 * cover


def _paper(size, rng):
    color = np.array(PAPERS[rng.integers(len(PAPERS))]) / 255
    texture = 1 + rng.uniform(0.002, 0.015) * _cloud(size, rng, 0.01)
    return texture[..., None] * color


def _ruled(sheet, rng, pitch, axis, contrast):
    """Lines across or down, a little turned, in light blue, gray or violet."""
    rows, columns = np.indices(sheet.shape[:2])
    along, across = (columns, rows) if axis == 0 else (rows, columns)
    slope = np.tan(np.radians(rng.uniform(-3, 3)))
    place = (across + slope * along + rng.uniform(0, pitch)) % pitch
    thickness = max(1.0, pitch * rng.uniform(0.02, 0.07))
    cover = np.clip(thickness / 2 + 0.5 - np.abs(place - pitch / 2), 0, 1)
    tint = np.array(((1.0, 0.7, 0.35), (1, 1, 1), (0.8, 1, 0.6))[rng.integers(3)])
    return sheet * (1 - contrast * cover[..., None] * tint)


def _desk(size, rng):
    color = np.array(DESKS[rng.integers(len(DESKS))]) / 255
    # Boards, or stone.
    cells = (size[0] // 3, 9) if rng.random() < 0.6 else (size[0] // 4, size[1] // 4)
    grain = _noise(size, rng, cells)
    texture = 1 + rng.uniform(0.02, 0.2) * grain + 0.1 * _cloud(size, rng, 0.2)
    return np.clip(texture, 0.2, 2)[..., None] * color


def _corners(size):
    """Of the upper left corner, and on clockwise, row and column."""
    height, width = size
    return np.array([(0, 0), (0, width), (height, width), (height, 0)], float)


def _perspective(places, others):
    """The eight numbers, of columns and rows, that take four places to others."""
    equations, values = [], []
    for (row, column), (top, left) in zip(places, others, strict=True):
        equations.append([column, row, 1, 0, 0, 0, -left * column, -left * row])
        equations.append([0, 0, 0, column, row, 1, -top * column, -top * row])
        values += [left, top]
    return np.linalg.solve(np.array(equations), np.array(values))


def _mapped(places, numbers):
    matrix = np.append(numbers, 1).reshape(3, 3)
    homogeneous = np.array([(column, row, 1) for row, column in places]) @ matrix.T
    return homogeneous[:, 1::-1] / homogeneous[:, 2:]


def _laid(sheet, corners, ground):
    """A sheet in perspective on some ground, with a thin shadow around it."""
    numbers = tuple(_perspective(corners, _corners(sheet.shape[:2])))
    size = ground.shape[1::-1]

    def bent(pixels):
        image = Image.fromarray((np.clip(pixels, 0, 1) * 255).astype(np.uint8))
        image = image.transform(
            size, Image.Transform.PERSPECTIVE, numbers, Image.Resampling.BICUBIC
        )
        return np.asarray(image) / 255

    cover = bent(np.ones(sheet.shape[:2]))
    shadow = ndimage.gaussian_filter(cover, max(size) * 0.01)
    ground = ground * (1 - 0.4 * shadow[..., None])
    return ground * (1 - cover[..., None]) + bent(sheet) * cover[..., None]


def _light(size, rng, strength):
    rows, columns = (np.linspace(-0.5, 0.5, side) for side in size)
    angle = rng.uniform(0, 2 * np.pi)
    slope = np.sin(angle) * rows[:, None] + np.cos(angle) * columns
    light = 1 - rng.uniform(0, strength) * (slope + 0.5)
    return light * (1 + 0.04 * _cloud(size, rng, 0.3)) * rng.uniform(0.6, 1.0)


def _hard_shadow(size, rng):
    """Of a hand, a head or a telephone: an edge or a blob, more or less sharp."""
    rows, columns = np.indices(size) / max(size)
    row, column = rng.uniform(0.15, 0.85, 2) * np.array(size) / max(size)
    angle = rng.uniform(0, 2 * np.pi)
    x = np.cos(angle) * (columns - column) + np.sin(angle) * (rows - row)
    y = np.cos(angle) * (rows - row) - np.sin(angle) * (columns - column)
    if rng.random() < 0.5:
        inside = x + 0.05 * np.sin(y * rng.uniform(3, 12)) > 0
    else:
        inside = (x / rng.uniform(0.15, 0.5)) ** 2 + (
            y / rng.uniform(0.15, 0.5)
        ) ** 2 < 1
    edge = max(size) * rng.uniform(0.002, 0.02)
    return 1 - rng.uniform(0.2, 0.6) * ndimage.gaussian_filter(
        inside.astype(float), edge
    )


def _vignette(size, rng):
    rows, columns = (np.linspace(-1, 1, side) for side in size)
    return 1 - rng.uniform(0.1, 0.5) * (rows[:, None] ** 2 + columns**2) / 2


def _grain(size, rng, amount):
    """Gaps of a few pixels, as of pencil on paper and chalk on a board: up to 1."""
    sigma = max(size) / 800
    noise = ndimage.gaussian_filter(rng.normal(size=size), max(sigma, 0.5))
    return 1 - amount * np.clip(noise / noise.std() * 0.5, 0, 1)


def _cloud(size, rng, scale):
    """Smooth noise of mean 0 and deviation 1; `scale` as a share of the size."""
    cells = [max(2, round(side / max(max(size) * scale, 1))) for side in size]
    return _noise(size, rng, cells)


def _noise(size, rng, cells):
    coarse = Image.fromarray(rng.normal(size=cells).astype(np.float32))
    noise = np.asarray(coarse.resize(size[::-1], Image.Resampling.BICUBIC))
    return (noise - noise.mean()) / max(noise.std(), 1e-9)


def _camera(scene, rng, *, poor):
    sharpness = rng.uniform(0.4, 1.0) * max(1.0, max(scene.shape) / 700)
    scene = scene * rng.uniform(0.88, 1.0, 3)
    image = Image.fromarray((np.clip(scene, 0, 1) * 255).astype(np.uint8))
    pixels = np.asarray(image.filter(ImageFilter.GaussianBlur(sharpness)), np.float32)
    noise = rng.uniform(3, 8) if poor else rng.uniform(1, 5)
    # Of the sensor's noise, a part is the same in neighboring pixels and colors.
    common = rng.standard_normal(scene.shape[:2], np.float32)[..., None]
    own = rng.standard_normal(scene.shape, np.float32)
    pixels = pixels + noise * (common + own / 2)
    image = Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
    file = io.BytesIO()
    quality = rng.integers(25, 60) if poor else rng.integers(45, 93)
    image.save(file, "JPEG", quality=int(quality))
    return Image.open(file).convert("RGB")


def main():
    """Say how many of each kind a model reads, and draw them with what it saw."""
    from kerascnn.data import load_split
    from kerascnn.data.pictures import fit_picture
    from kerascnn.evaluation.evaluate import predict_images
    from kerascnn.model_files.find import artifact_of_run
    from kerascnn.runs.folder import Run

    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=100, help="of each kind")
    parser.add_argument("--figure", help="a picture to write")
    options = parser.parse_args()
    artifact = artifact_of_run(Run(options.run))
    rows = list(photographs(load_split("mnist", "test"), options.seed, options.count))
    seen = [fit_picture(row[2], artifact.dataset).pixels for row in rows]
    predicted = predict_images(artifact, np.stack(seen)).argmax(axis=1)
    right = np.array([row[1] for row in rows]) == predicted
    kinds = np.array([row[0] for row in rows])
    for kind in KINDS:
        print(f"{kind:8} {right[kinds == kind].mean():7.2%}")
    print(f"{'all':8} {right.mean():7.2%}")
    if options.figure:
        _contact_sheet(rows, seen, right).save(options.figure)


def _contact_sheet(rows, seen, right, side=120, columns=10):
    height = -(-len(rows) // columns) * side
    sheet = Image.new("RGB", (columns * side * 3 // 2, height), "red")
    for index, ((_, _, image), pixels, good) in enumerate(
        zip(rows, seen, right, strict=True)
    ):
        left, top = index % columns * side * 3 // 2, index // columns * side
        small = image.copy()
        small.thumbnail((side - 4, side - 4))
        sheet.paste(
            "white" if good else "red", (left, top, left + side * 2, top + side)
        )
        sheet.paste(small, (left + 2, top + 2))
        shown = Image.fromarray(pixels[:, :, 0]).resize((56, 56), Image.Resampling.BOX)
        sheet.paste(shown, (left + side + 2, top + 2))
    return sheet


if __name__ == "__main__":
    main()
