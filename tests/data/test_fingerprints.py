"""What a worker tells of a picture."""

import base64
import io

import numpy as np
from PIL import Image

from kerascnn.data.fingerprints import SHOWN_SIDE, SIDE, fingerprint, thumbnail


def save(tmp_path, image, name="a.png", **options):
    image.save(tmp_path / name, **options)
    return str(tmp_path / name)


def test_pixels_count_and_not_how_they_are_stored(photos, tmp_path):
    png = fingerprint(save(tmp_path, photos[0]))
    bmp = fingerprint(save(tmp_path, photos[0], "a.bmp"))
    other = fingerprint(save(tmp_path, photos[1], "b.png"))
    assert png == bmp
    assert png["digest"] != other["digest"]
    assert (png["width"], png["height"], png["mode"]) == (180, 240, "RGB")
    assert (png["transparent"], png["turned"]) == (False, False)
    assert len(base64.b64decode(png["small"])) == SIDE * SIDE
    assert 0 < int(png["hash"], 16) < 2**64


def test_turned_picture_is_looked_at_upright(photos, tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    lying = photos[0].transpose(Image.Transpose.ROTATE_90)
    turned = fingerprint(save(tmp_path, lying, "turned.png", exif=exif))
    upright = fingerprint(save(tmp_path, photos[0]))
    assert turned["turned"]
    assert turned | {"turned": False} == upright


def test_kinds_of_pictures(photos, tmp_path):
    deep = Image.fromarray(np.arange(2**16, dtype=np.uint16).reshape(256, 256))
    cases = {
        "gray.png": (photos[0].convert("L"), "L", False),
        "palette.gif": (photos[0].convert("P"), "P", False),
        "deep.png": (deep, "I;16", False),
        "cmyk.jpg": (photos[0].convert("CMYK"), "CMYK", False),
        "alpha.png": (photos[0].convert("RGBA"), "RGBA", True),
    }
    for name, (image, mode, transparent) in cases.items():
        seen = fingerprint(save(tmp_path, image, name))
        assert (seen["mode"], seen["transparent"]) == (mode, transparent), name


def test_file_that_cannot_be_read_has_a_reason(photos, tmp_path):
    whole = save(tmp_path, photos[0], "a.jpg")
    content = (tmp_path / "a.jpg").read_bytes()
    (tmp_path / "cut.jpg").write_bytes(content[: len(content) // 2])
    (tmp_path / "text.png").write_text("no picture")
    reasons = [
        fingerprint(str(tmp_path / name))["error"]
        for name in ("cut.jpg", "text.png", "gone.png")
    ]
    assert reasons[0].startswith("it is damaged (image file is truncated")
    assert reasons[1].startswith("it is not a picture in the format PNG")
    assert reasons[2] == "there is no such file"
    assert "error" not in fingerprint(whole)
    assert thumbnail(str(tmp_path / "cut.jpg")) is None


def test_thumbnail_is_a_small_picture(photos, tmp_path):
    content = base64.b64decode(thumbnail(save(tmp_path, photos[0])))
    with Image.open(io.BytesIO(content)) as image:
        assert (image.format, image.size) == ("WEBP", (SHOWN_SIDE * 3 // 4, SHOWN_SIDE))
