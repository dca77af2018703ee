"""The page's scripts fit pictures as `predict` does, to the same pixels."""

import base64
import json
import subprocess
from dataclasses import replace
from importlib.resources import files

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageOps

from kerascnn.data import drawings
from kerascnn.data.facts import DatasetFacts
from kerascnn.data.pictures import fit_picture, read_picture

FIT = """
import fs from "node:fs";
import { pathToFileURL } from "node:url";
const [script, file] = process.argv.slice(2);
const { fitPicture } = await import(pathToFileURL(script));
const cases = JSON.parse(fs.readFileSync(file, "utf8"));
const answers = cases.map(({ picture, data }) => {
  const pixels = new Uint8ClampedArray(Buffer.from(picture.data, "base64"));
  const { image, inverted, paper } = fitPicture({ ...picture, data: pixels }, data);
  return { pixels: Buffer.from(image.data).toString("base64"), inverted, paper };
});
console.log(JSON.stringify(answers));
"""
MNIST = DatasetFacts.from_table("mnist")
PHOTOGRAPHS = replace(
    MNIST,
    name="/pictures",
    image_shape=(64, 64, 3),
    background=None,
    box=None,
    resize="crop",
)


@pytest.fixture
def fit_in_node(node, tmp_path):
    """Fit pictures by the page's module, each for the data that are given with it."""
    script = tmp_path / "fit.mjs"
    script.write_text(FIT)
    module = files("kerascnn.exporting.html") / "templates" / "fit.js"

    def fit(cases):
        rows = [
            {
                "picture": {
                    "width": image.width,
                    "height": image.height,
                    "data": base64.b64encode(image.convert("RGBA").tobytes()).decode(),
                },
                "data": {
                    "height": facts.image_shape[0],
                    "width": facts.image_shape[1],
                    "channels": facts.image_shape[2],
                    "background": facts.background,
                    "box": facts.box,
                    "resize": facts.resize,
                },
            }
            for image, facts in cases
        ]
        (tmp_path / "cases.json").write_text(json.dumps(rows))
        done = subprocess.run(
            [node, script, str(module), tmp_path / "cases.json"],
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return fit


def assert_alike(fit, cases):
    """Pixels are the same, and whether light and dark were exchanged."""
    for (image, facts), answer in zip(cases, fit(cases), strict=True):
        expected = fit_picture(read_picture(image), facts)
        found = np.frombuffer(base64.b64decode(answer["pixels"]), np.uint8)
        told = f"{image.mode} {image.size} for {facts.name}, {facts.image_shape}"
        found = found.reshape(expected.pixels.shape)
        np.testing.assert_array_equal(found, expected.pixels, err_msg=told)
        assert answer["inverted"] == expected.inverted, told
        assert not answer["paper"], told


def strokes(rng, size, *, ground=0, ink=255, pen=0.08, mode="L"):
    """Some lines, away from the edge."""
    image = Image.new(mode, size, ground)
    pen = max(1, round(pen * min(size)))
    margin = min(pen, min(size) // 4)
    points = [
        tuple(
            int(rng.integers(margin, max(side - margin, margin + 1))) for side in size
        )
        for _ in range(4)
    ]
    ImageDraw.Draw(image).line(points, fill=ink, width=pen, joint="curve")
    return image


SIZES = [(336, 336), (280, 280), (100, 60), (41, 90), (28, 28), (20, 20), (30, 28)]


def test_drawings_are_cut_out_centered_and_resized_alike(fit_in_node):
    rng = np.random.default_rng(0)
    cases = []
    for size in SIZES:
        for ground, ink in ((0, 255), (255, 0), (250, 40), (10, 120)):
            for _ in range(5):
                drawn = strokes(rng, size, ground=ground, ink=ink)
                cases.append((drawn, MNIST))
    assert_alike(fit_in_node, cases)


def test_digits_of_the_test_split_are_alike_at_any_size(fit_in_node, splits):
    cases = []
    for index, pixels in enumerate(splits[1].images[:40, ..., 0]):
        whole = np.pad(pixels, (index % 7, 3))
        side = 8 + 11 * index
        cases.append((Image.fromarray(whole).resize((side, side + index)), MNIST))
    assert_alike(fit_in_node, cases)


def harsh(rng, size, channels):
    """Cells of black and white, whose edges Lanczos's filter overshoots."""
    cell = int(rng.integers(1, 9))
    cells = rng.integers(0, 2, (size[1] // cell + 1, size[0] // cell + 1, channels))
    pixels = np.kron(cells * 255, np.ones((cell, cell, 1)))[: size[1], : size[0]]
    image = Image.fromarray(pixels.astype(np.uint8).squeeze())
    return ImageOps.expand(image, 4)


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist", "cifar10", "crop"])
def test_harsh_pictures_of_any_proportions_are_alike(fit_in_node, name):
    """Tall ones among them, whose columns Pillow 13 filters before their rows."""
    facts = PHOTOGRAPHS if name == "crop" else DatasetFacts.from_table(name)
    rng = np.random.default_rng(8)
    cases = [
        (harsh(rng, rng.integers(20, 200, 2), facts.image_shape[2]), facts)
        for _ in range(60)
    ]
    assert_alike(fit_in_node, cases)


def test_odd_pictures_are_alike(fit_in_node):
    colored = strokes(
        np.random.default_rng(1),
        (90, 120),
        ground=(250, 240, 230),
        ink="navy",
        mode="RGB",
    )
    clear = strokes(
        *(np.random.default_rng(2), (80, 80)),
        **{"ground": (0, 0, 0, 0), "ink": (10, 20, 30, 255), "mode": "RGBA"},
    )
    light = strokes(
        *(np.random.default_rng(3), (80, 80)),
        **{"ground": (0, 0, 0, 0), "ink": (250, 255, 240, 130), "mode": "RGBA"},
    )
    blank = Image.new("L", (50, 40), 128)
    cases = [(image, MNIST) for image in (colored, clear, light, blank)]
    cases += [(Image.new("L", size, 255), MNIST) for size in ((1, 1), (3, 60), (60, 3))]
    assert_alike(fit_in_node, cases)


def photograph(rng, size):
    """Noise over a gradient, in color."""
    across = np.linspace(0, 200, size[0])[None, :, None]
    noise = rng.integers(0, 56, (size[1], size[0], 3))
    return Image.fromarray((across + noise).astype(np.uint8))


@pytest.mark.parametrize("resize", ["pad", "crop", "stretch"])
@pytest.mark.parametrize("channels", [1, 3])
def test_photographs_become_squares_alike(fit_in_node, resize, channels):
    facts = replace(PHOTOGRAPHS, image_shape=(64, 64, channels), resize=resize)
    rng = np.random.default_rng(4)
    sizes = [
        (300, 200),
        (64, 64),
        (65, 64),
        (40, 30),
        (1000, 700),
        (701, 1003),
        (9, 200),
    ]
    assert_alike(fit_in_node, [(photograph(rng, size), facts) for size in sizes])


@pytest.mark.parametrize("name", ["cifar10", "fashion_mnist"])
def test_pictures_are_padded_alike(fit_in_node, name):
    facts = DatasetFacts.from_table(name)
    rng = np.random.default_rng(5)
    sizes = [(300, 200), (200, 301), (32, 32), (28, 28), (31, 17), (3, 224)]
    assert_alike(fit_in_node, [(photograph(rng, size), facts) for size in sizes])


@pytest.mark.slow
def test_larger_pictures_than_are_needed_are_reduced_alike(fit_in_node):
    image = photograph(np.random.default_rng(6), (4500, 4001))
    assert_alike(fit_in_node, [(image, DatasetFacts.from_table("cifar10"))])


def test_what_predict_would_search_for_a_drawing_is_told(fit_in_node):
    """What is around is no clean ground, or what is drawn is too thick for strokes."""
    rng = np.random.default_rng(7)
    pictures = [photograph(rng, size) for size in ((200, 200), (700, 600), (63, 50))]
    for size in ((200, 200), (90, 130), (60, 60), (1100, 900)):
        pictures += [strokes(rng, size, pen=pen) for pen in (0.05, 0.1, 0.2, 0.3)]
        for share in (0.2, 0.3, 0.4, 0.9):
            bar = Image.new("L", size)
            length = min(size) // 2
            box = (20, 20, 20 + length, 20 + round(share * length))
            ImageDraw.Draw(bar).rectangle(box, fill=255)
            pictures.append(bar)
    answers = fit_in_node([(picture, MNIST) for picture in pictures])
    found = [answer["paper"] for answer in answers]
    assert found == [is_searched(picture.convert("L")) for picture in pictures]
    assert 5 < sum(found) < len(found) - 5


def is_searched(image):
    if max(image.size) < drawings.SMALLEST_SIDE:
        return False
    image.thumbnail((drawings.SIDE, drawings.SIDE), Image.Resampling.BOX)
    return not drawings._is_clean(np.asarray(image))
