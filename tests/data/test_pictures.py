"""Pictures of every kind, and what is left of them for the network."""

import io

import numpy as np
import pytest
from PIL import Image

from kerascnn.data.facts import DatasetFacts
from kerascnn.data.pictures import find_pictures, fit_picture, read_picture
from kerascnn.errors import PictureError

MNIST, CIFAR = map(DatasetFacts.from_table, ("mnist", "cifar10"))


@pytest.fixture
def digit(splits):
    """A seven, `(28, 28)`, light on dark."""
    return splits[1].images[0, :, :, 0]


def save(image, path, **options):
    image.save(path, **options)
    return str(path)


@pytest.mark.parametrize("suffix", ["png", "bmp", "gif", "webp", "jpg"])
def test_picture_of_the_right_size_stays_as_it_is(digit, tmp_path, suffix):
    options = {"lossless": True} if suffix == "webp" else {"quality": 95}
    options = {} if suffix in ("png", "bmp", "gif") else options
    name = save(Image.fromarray(digit), tmp_path / f"a.{suffix}", **options)
    fitted = fit_picture(read_picture(name), MNIST)
    assert not fitted.inverted
    assert fitted.pixels.shape == (28, 28, 1)
    error = np.abs(fitted.pixels[:, :, 0].astype(int) - digit)
    assert error.max() <= (30 if suffix == "jpg" else 1)


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "LA", "CMYK", "I;16"])
def test_every_kind_of_pixels_is_read(digit, tmp_path, mode):
    if mode == "I;16":
        image = Image.fromarray(digit.astype(np.uint16) * 257)
    else:
        image = Image.fromarray(digit).convert(mode)
    name = save(image, tmp_path / ("a.tiff" if mode == "CMYK" else "a.png"))
    pixels = fit_picture(read_picture(name), MNIST).pixels[:, :, 0].astype(int)
    if mode == "1":
        assert set(np.unique(pixels)) == {0, 255}
    else:
        np.testing.assert_allclose(pixels, digit, atol=1)


@pytest.mark.parametrize("ink", [0, 255])
def test_transparent_becomes_the_opposite_of_what_is_drawn(digit, tmp_path, ink):
    pixels = np.full((28, 28, 4), ink, np.uint8)
    pixels[:, :, 3] = digit
    fitted = fit_picture(
        read_picture(save(Image.fromarray(pixels), tmp_path / "a.png")), MNIST
    )
    assert fitted.inverted == (ink == 0)
    np.testing.assert_allclose(fitted.pixels[:, :, 0].astype(int), digit, atol=1)


def test_black_on_white_is_inverted_unless_told_otherwise(digit):
    image = Image.fromarray(255 - digit)
    fitted = fit_picture(image, MNIST)
    assert fitted.inverted
    np.testing.assert_array_equal(fitted.pixels[:, :, 0], digit)
    kept = fit_picture(image, MNIST, invert=False)
    assert not kept.inverted
    np.testing.assert_array_equal(kept.pixels[:, :, 0], 255 - digit)
    assert fit_picture(Image.fromarray(digit), MNIST, invert=True).inverted


def test_photographs_are_not_inverted():
    image = Image.new("RGB", (32, 32), "white")
    fitted = fit_picture(image, CIFAR)
    assert not fitted.inverted
    assert (fitted.pixels == 255).all()


def test_wide_picture_keeps_its_proportions():
    pixels = np.zeros((32, 64, 3), np.uint8)
    pixels[:, :, 0] = 200
    pixels[:, 32:, 1] = 100
    fitted = fit_picture(Image.fromarray(pixels), CIFAR).pixels
    assert fitted.shape == (32, 32, 3)
    # The picture fills the middle half; its edge's color is above and below.
    assert fitted[0, 0].tolist() == [200, *fitted[0, 0, 1:].tolist()]
    assert fitted[16, 2].tolist() == [200, 0, 0]
    assert fitted[16, 29].tolist() == [200, 100, 0]


def test_drawing_of_any_size_is_centered_like_mnist(digit):
    # Five times the size, black on gray paper, in a corner of a wide sheet.
    large = np.kron(digit, np.ones((5, 5), np.uint8))
    sheet = np.full((300, 500), 200, np.uint8)
    sheet[20:160, 10:150] = 200 - (large * (180 / 255)).astype(np.uint8)
    fitted = fit_picture(Image.fromarray(sheet), MNIST)
    assert fitted.inverted
    pixels = fitted.pixels[:, :, 0]
    rows, columns = np.nonzero(pixels > 64)
    assert max(np.ptp(rows), np.ptp(columns)) + 1 in (19, 20)
    assert pixels.max() > 240
    total = pixels.sum()
    # In MNIST the mass is in the middle of the whole image, which is a pixel's corner.
    assert abs((pixels.sum(axis=1) * np.arange(28)).sum() / total - 14) <= 0.5
    assert abs((pixels.sum(axis=0) * np.arange(28)).sum() / total - 14) <= 0.5
    # MNIST itself was made so: the same digit comes out.
    assert np.corrcoef(pixels.ravel(), digit.ravel())[0, 1] > 0.99


@pytest.mark.parametrize("size", [(1, 1), (1, 400), (400, 1), (3000, 2000), (28, 28)])
@pytest.mark.parametrize("color", ["black", "white", "red"])
def test_empty_sheet_of_any_size_is_an_image(size, color):
    for dataset in (MNIST, CIFAR):
        fitted = fit_picture(Image.new("RGB", size, color), dataset)
        assert fitted.pixels.shape == dataset.image_shape
        assert fitted.pixels.dtype == np.uint8


def test_picture_is_turned_as_its_camera_says(tmp_path):
    image = Image.new("RGB", (40, 20), "white")
    exif = Image.Exif()
    exif[0x0112] = 6  # a quarter turn
    name = save(image, tmp_path / "a.jpg", exif=exif)
    assert read_picture(name).size == (20, 40)


def test_standard_input_is_read(digit):
    content = io.BytesIO()
    Image.fromarray(digit).save(content, "PNG")
    pixels = np.asarray(read_picture("-", content.getvalue()))
    np.testing.assert_array_equal(pixels, digit)


def test_what_is_no_picture_is_one_line(digit, tmp_path, monkeypatch):
    good = io.BytesIO()
    Image.fromarray(digit).save(good, "PNG")
    content = good.getvalue()
    cases = {
        "text.png": (b"hello", "it is no picture of a known kind"),
        "empty.png": (b"", "it is no picture of a known kind"),
        "cut.png": (content[:-40], ""),
        "flipped.png": (content[:60] + b"\x00" * 30 + content[90:], ""),
    }
    for name, (written, reason) in cases.items():
        (tmp_path / name).write_bytes(written)
        with pytest.raises(PictureError) as caught:
            read_picture(str(tmp_path / name))
        said = str(caught.value)
        assert said.startswith(f"Cannot read {tmp_path / name}: {reason}")
        assert "\n" not in said
    with pytest.raises(PictureError, match=r"no\.png: there is no such file\.$"):
        read_picture(str(tmp_path / "no.png"))
    with pytest.raises(PictureError, match=r"is a directory\.$"):
        read_picture(str(tmp_path))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    with pytest.raises(PictureError, match="too many pixels"):
        read_picture("-", content)


def test_folders_stand_for_their_pictures(tmp_path):
    for name in ("b.png", "a.JPG", "notes.txt", "deep/c.webp"):
        path = tmp_path / "folder" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"")
    folder = str(tmp_path / "folder")
    names = [str(tmp_path / "folder" / n) for n in ("a.JPG", "b.png", "deep/c.webp")]
    assert list(find_pictures(["x.png", folder, "-"])) == ["x.png", *names, "-"]
    (tmp_path / "none").mkdir()
    with pytest.raises(PictureError, match="no picture in"):
        list(find_pictures([str(tmp_path / "none")]))
