"""What is one picture, and what only looks like it."""

import base64
import io

import numpy as np
import pytest
from PIL import Image, ImageEnhance

from kerascnn.data import duplicates
from kerascnn.data.duplicates import find_duplicates
from kerascnn.data.fingerprints import SIDE, fingerprint


def find(tmp_path, images):
    """Save pictures and look for copies, by their numbers."""
    seen = []
    for number, image in enumerate(images):
        path = tmp_path / f"{number}.png"
        image.save(path)
        seen.append(fingerprint(str(path)))
    smalls = b"".join(base64.b64decode(row["small"]) for row in seen)
    return find_duplicates(
        [bytes.fromhex(row["digest"]) for row in seen],
        np.array([int(row["hash"], 16) for row in seen], np.uint64),
        np.frombuffer(smalls, np.uint8).reshape(-1, SIDE * SIDE),
        lambda share: None,
    )


def as_jpeg(image, quality):
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality)
    return Image.open(file)


def trim(image, pixels):
    return image.crop((pixels, pixels, image.width - pixels, image.height - pixels))


CHANGES = {
    "saved again": lambda image: as_jpeg(image, 50),
    "half the size": lambda image: image.resize((90, 120)),
    "another shape": lambda image: image.resize((128, 128)),
    "brighter": lambda image: ImageEnhance.Brightness(image).enhance(1.15),
    "darker": lambda image: ImageEnhance.Brightness(image).enhance(0.7),
    "gray": lambda image: image.convert("L"),
    "trimmed by 1%": lambda image: trim(image, 2),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_changed_photograph_is_nearly_the_same(change, photos, tmp_path):
    images = [*photos[:10], *map(change, photos[:10])]
    found = find(tmp_path, images)
    pairs = {(number, number + 10) for number in range(10)}
    assert len(pairs & set(found.near)) >= 8
    assert set(found.near) <= pairs
    assert found.exact == ()
    assert found.is_complete


def test_parts_of_one_photograph_are_different_pictures(photos, tmp_path):
    found = find(tmp_path, photos)
    assert (found.exact, found.near, found.blank) == ((), (), ())


def test_digits_are_different_pictures_however_similar(splits, tmp_path):
    """Thousands of pairs of them have similar hashes."""
    images = splits[0].images[:2000, :, :, 0]
    found = find(tmp_path, map(Image.fromarray, images))
    assert (found.exact, found.near, found.blank) == ((), (), ())


def test_drawing_that_was_enlarged_is_nearly_the_same(splits, tmp_path):
    digits = [*map(Image.fromarray, splits[0].images[:20, :, :, 0])]
    found = find(tmp_path, digits + [digit.resize((56, 56)) for digit in digits])
    assert found.near == tuple((number, number + 20) for number in range(20))


def test_copies_are_exact_and_belong_to_what_is_near(photos, tmp_path):
    one, other = photos[:2]
    gray = Image.new("L", (50, 50), 130)
    images = [one, other, as_jpeg(one, 60), one, gray, gray]
    found = find(tmp_path, images)
    assert found.exact == ((0, 3), (4, 5))
    assert found.near == ((0, 2, 3),)
    assert found.blank == (4, 5)


def test_same_bytes_of_another_size_are_another_picture(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, 600, dtype=np.uint8)
    shapes = [(20, 30), (30, 20)]
    found = find(tmp_path, [Image.fromarray(pixels.reshape(s)) for s in shapes])
    assert found.exact == ()


def test_blank_pictures_are_no_copies_of_each_other(tmp_path):
    images = [Image.new("L", (28, 28), value) for value in range(0, 200, 4)]
    found = find(tmp_path, images)
    assert found.near == ()
    assert found.blank == tuple(range(50))


def brute_force(hashes):
    return {
        (a, b)
        for a in range(len(hashes))
        for b in range(a + 1, len(hashes))
        if (int(hashes[a]) ^ int(hashes[b])).bit_count() <= duplicates.MAX_DISTANCE
    }


def test_all_close_hashes_are_found():
    rng = np.random.default_rng(0)
    hashes = rng.integers(0, 2**63, 300, dtype=np.uint64)
    for index in range(100, 300):  # up to eight bits from one of the first
        hashes[index] = hashes[index % 100]
        for bit in rng.integers(0, 64, rng.integers(0, 9), dtype=np.uint64):
            hashes[index] ^= np.uint64(1) << bit
    lots = duplicates._close_pairs(hashes, lambda share: None)
    found = {tuple(sorted(pair)) for lot in lots for pair in np.transpose(lot).tolist()}
    expected = brute_force(hashes)
    assert len(expected) > 50
    assert found == expected


def film(rng, number, jitter):
    """Frames of a still camera: one picture, but for noise."""
    hashes = np.full(number, 12345, np.uint64)
    if jitter:
        hashes ^= np.uint64(1) << rng.integers(0, 64, number, dtype=np.uint64)
    scene = rng.integers(0, 256, SIDE * SIDE)
    noise = rng.integers(-9, 10, (number, SIDE * SIDE))
    return hashes, np.clip(scene + noise, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("jitter", [False, True])
def test_frames_of_a_film_are_one_group(jitter):
    hashes, smalls = film(np.random.default_rng(0), 5000, jitter)
    digests = [index.to_bytes(4) for index in range(5000)]
    found = find_duplicates(digests, hashes, smalls, lambda share: None)
    assert found.near == (tuple(range(5000)),)


def test_search_ends_where_too_much_is_alike(monkeypatch):
    monkeypatch.setattr(duplicates, "MAX_PAIRS", 1000)
    rng = np.random.default_rng(0)
    smalls = rng.integers(0, 256, (500, SIDE * SIDE), dtype=np.uint8)
    hashes = np.full(500, 7, np.uint64)
    digests = [index.to_bytes(4) for index in range(500)]
    found = find_duplicates(digests, hashes, smalls, lambda share: None)
    assert not found.is_complete
    assert found.near == ()


def test_nothing_has_no_copies():
    empty = np.zeros((0, SIDE * SIDE), np.uint8)
    found = find_duplicates([], np.zeros(0, np.uint64), empty, lambda share: None)
    assert (found.exact, found.near, found.blank) == ((), (), ())
