"""Pictures of every kind, and what is left of them for the network."""

import io
import os
import socket
import struct
import warnings
import zlib
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from kerascnn.data import pictures
from kerascnn.data.facts import DatasetFacts
from kerascnn.data.pictures import find_pictures, fit_picture, read_picture
from kerascnn.data.sources import Reading
from kerascnn.data.stored import open_pictures
from kerascnn.errors import InputShapeError, PictureError

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


def refused(name, standard_input=b""):
    """Why a picture is not read: one line that begins with its name."""
    with pytest.raises(PictureError) as caught:
        read_picture(str(name), standard_input)
    said = str(caught.value)
    start = f"Cannot read {name}: "
    assert said.startswith(start)
    assert said.endswith(".")
    assert "\n" not in said.removeprefix(start)
    assert len(said) < len(start) + 200
    return said.removeprefix(start)


def encoded(image, format="PNG", **options):
    file = io.BytesIO()
    image.save(file, format, **options)
    return file.getvalue()


NOT_A_PICTURE = (
    "it is not a picture in the format PNG, JPEG, WebP, GIF, BMP, TIFF or PPM. Save it "
    "in one of these."
)


def test_what_is_no_picture_is_one_line(digit, tmp_path):
    content = encoded(Image.fromarray(digit))
    cases = {
        "text.png": (b"hello", NOT_A_PICTURE),
        "empty.png": (b"", NOT_A_PICTURE),
        "cut.png": (content[:-40], "it is damaged ("),
        "flipped.png": (content[:60] + b"\x00" * 30 + content[90:], "it is damaged ("),
    }
    for name, (written, reason) in cases.items():
        (tmp_path / name).write_bytes(written)
        assert refused(tmp_path / name).startswith(reason)
    assert refused(tmp_path / "no.png") == "there is no such file."
    assert refused(tmp_path / ("a" * 300)) == "file name too long."
    assert refused(tmp_path).startswith("it is a folder, not a file.")


EPS = b"""%!PS-Adobe-3.0 EPSF-3.0
%%BoundingBox: 0 0 28 28
(mark) (w) file closefile
%%EOF
"""


@pytest.mark.parametrize("suffix", ["png", "eps", "jpg"])
def test_postscript_is_no_picture_and_is_not_run(tmp_path, monkeypatch, suffix):
    """Whatever Ghostscript is called, the first `gs` of the path would be started."""
    mark = tmp_path / "mark"
    program = tmp_path / "gs"
    program.write_text(f"#!/bin/sh\necho >{mark}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.chdir(tmp_path)
    path = tmp_path / f"a.{suffix}"
    path.write_bytes(EPS)
    assert refused(path) == NOT_A_PICTURE
    assert not mark.exists()


@pytest.mark.parametrize("format", ["DDS", "ICO", "TGA", "PCX", "SGI", "JPEG2000"])
def test_formats_that_are_not_named_are_no_pictures(digit, format):
    content = encoded(Image.fromarray(digit).convert("RGB"), format)
    assert refused("-", content) == NOT_A_PICTURE


def test_what_is_no_regular_file_is_not_opened(tmp_path, monkeypatch):
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "link.png").symlink_to("/dev/zero")
    (tmp_path / "loop.png").symlink_to(tmp_path / "loop.png")
    with socket.socket(socket.AF_UNIX) as listener:
        monkeypatch.chdir(tmp_path)  # the names of sockets are short
        listener.bind("socket.png")
        assert refused("socket.png").startswith("it is a socket, not a file. Give an")
    assert refused("pipe.png").startswith("it is a pipe, not a file.")
    assert refused("link.png").startswith("it is a device, not a file.")
    assert refused("/dev/null").startswith("it is a device, not a file.")
    assert refused("loop.png").startswith("too many levels of symbolic links")


def test_pipe_that_takes_the_place_of_a_file_is_not_waited_for(tmp_path, monkeypatch):
    os.mkfifo(tmp_path / "pipe.png")
    file = tmp_path / "file.png"
    file.write_bytes(b"")
    status = os.stat(file)
    monkeypatch.setattr(os, "stat", lambda name: status)
    assert refused(tmp_path / "pipe.png").startswith("it is a pipe, not a file.")


def test_file_that_may_not_be_read_is_one_line(tmp_path, monkeypatch):
    def forbidden(*arguments):
        raise PermissionError(13, "Permission denied")

    (tmp_path / "a.png").write_bytes(b"")
    monkeypatch.setattr(os, "open", forbidden)
    assert refused(tmp_path / "a.png") == "permission denied."
    monkeypatch.setattr(os, "scandir", forbidden)
    with pytest.raises(
        PictureError, match=r"look into the folder .*: permission denie"
    ):
        list(find_pictures([str(tmp_path)]))


def test_pictures_have_limits(digit, tmp_path, monkeypatch):
    content = encoded(Image.fromarray(digit))
    monkeypatch.setattr(pictures, "MAX_PIXELS", 100)
    assert refused("-", content).startswith("it has 28 x 28 pixels, more than 0 milli")
    monkeypatch.setattr(pictures, "MAX_BYTES", len(content) - 1)
    (tmp_path / "a.png").write_bytes(content)
    for name in ("-", tmp_path / "a.png"):
        assert refused(name, content).startswith(
            "it has more than 0 MB. Give another file"
        )


def test_decompression_bomb_is_told_before_it_is_unpacked():
    """Of each file, the first bytes say how large it is."""
    for side in (10_001, 14_000, 60_000):
        content = encoded(Image.new("1", (8, 8)))
        header = content[:16] + side.to_bytes(4, "big") * 2 + content[24:]
        checked = header[:29] + zlib.crc32(header[12:29]).to_bytes(4, "big")
        said = refused("-", checked + content[33:])
        assert "pixels" in said
        assert said.endswith("Make it smaller.")


def test_damaged_exif_leaves_the_picture_as_it_is(digit):
    exif = b"Exif\0\0II*\0\x08\0\0\0\xff\xff" + b"\x12\x01\x0f\0" * 500
    content = encoded(Image.fromarray(digit), "JPEG", exif=exif, quality=95)
    pixels = np.asarray(read_picture("-", content))
    np.testing.assert_allclose(pixels.astype(int), digit, atol=30)


def test_odd_numbers_in_a_picture_are_black():
    values = np.array([[np.nan, np.inf], [-np.inf, 0.5]], "<f4")
    content = b"Pf\n2 2\n-1.0\n" + values.tobytes()
    pixels = np.asarray(read_picture("-", content))
    assert sorted(pixels.ravel()) == [0, 0, 0, 127]


@pytest.mark.parametrize("size", [(100_000, 1), (1, 100_000), (5000, 4000)])
def test_large_pictures_are_fitted_from_fewer_pixels(size):
    image = Image.new("L", size, 255)
    image.paste(0, (0, 0, size[0] // 2, size[1]))
    for dataset in (MNIST, CIFAR):
        assert fit_picture(image, dataset).pixels.shape == dataset.image_shape


def test_box_larger_than_the_image_is_the_image(digit):
    facts = replace(MNIST, box=1000)
    large = np.kron(digit, np.ones((5, 5), np.uint8))
    assert fit_picture(Image.fromarray(large), facts).pixels.shape == (28, 28, 1)


@pytest.mark.parametrize("shape", [(28, 28, 2), (28, 28, 4), (10**6, 10**6, 1)])
def test_images_that_no_picture_can_be_are_one_line(shape):
    with pytest.raises(InputShapeError, match="Choose another model"):
        fit_picture(Image.new("L", (8, 8)), replace(MNIST, image_shape=shape))


def test_words_of_pillow_are_not_shown(digit, capfd):
    """It warns of palettes with transparent entries, and logs what TIFFs want.

    And libtiff writes to standard error itself.
    """
    image = Image.fromarray(digit).convert("P")
    palette = encoded(image, transparency=bytes(range(256)))
    zipped = encoded(Image.fromarray(digit), "TIFF", compression="tiff_adobe_deflate")
    start = zipped.index(b"\x78")  # of the stream of zlib
    zipped = zipped[: start + 20] + bytes(20) + zipped[start + 40 :]
    entries = {256: 1, 257: 1, 262: 2, 273: 8, 277: 99}  # 99 samples a pixel
    tiff = b"II*\0\x08\0\0\0" + struct.pack("<H", len(entries))
    for tag, value in entries.items():
        tiff += struct.pack("<HHII", tag, 3, 1, value)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        read_picture("-", palette)
        refused("-", tiff + bytes(4))
        refused("-", zipped)
    assert caught == []
    assert capfd.readouterr() == ("", "")


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


def test_folders_are_looked_through_once_however_deep(tmp_path, monkeypatch):
    (tmp_path / "loop").symlink_to(tmp_path)
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "link.png").symlink_to(tmp_path / "folder.png")
    (tmp_path / "gone.png").symlink_to(tmp_path / "nowhere")
    (tmp_path / "a.png").write_bytes(b"")
    monkeypatch.chdir(tmp_path)
    names = list(find_pictures([str(tmp_path)]))
    assert names == [str(tmp_path / "a.png"), str(tmp_path / "gone.png")]
    for _ in range(1200):  # deeper than Python's calls
        os.mkdir("d")
        os.chdir("d")
    try:
        monkeypatch.chdir(tmp_path)
        assert list(find_pictures(["."])) == ["./a.png", "./gone.png"]
    finally:
        for depth in range(1200, 0, -1):
            os.rmdir("d/" * depth)


def test_name_that_cannot_be_is_left_for_the_reading(tmp_path):
    assert list(find_pictures(["a" * 300, "\udcff", ""])) == ["a" * 300, "\udcff", ""]


@pytest.mark.parametrize("resize", ["pad", "crop", "stretch"])
@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_pictures_are_seen_as_in_the_training(tmp_path, resize, mode, monkeypatch):
    monkeypatch.setenv("KERASCNN_CACHE_DIR", str(tmp_path / "cache"))
    random = np.random.default_rng(0)
    shape = (47, 90) if mode == "L" else (47, 90, 3)
    folder = tmp_path / "pictures"
    path = folder / "a" / "1.png"
    for name in ("a", "b"):
        (folder / name).mkdir(parents=True)
    Image.fromarray(random.integers(0, 256, shape, np.uint8)).save(path)
    Image.fromarray(random.integers(0, 256, shape, np.uint8)).save(folder / "b/1.png")
    reading = Reading(image_size=32, resize=resize, test_fraction=None)
    pictures = open_pictures(str(folder), reading)
    [trained, _] = pictures.part("train").images[:]
    facts = replace(CIFAR, image_shape=trained.shape, resize=resize)
    seen = fit_picture(read_picture(str(path)), facts)
    assert np.array_equal(seen.pixels, trained)
