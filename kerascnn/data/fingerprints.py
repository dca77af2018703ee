"""What is kept of a picture to tell it from others: the work of a worker."""

from __future__ import annotations

import base64
import hashlib
import io
import warnings
from typing import Any

import imagehash
from PIL import ExifTags, Image

from kerascnn.data.pictures import DECODER_ERRORS, read_picture
from kerascnn.errors import PictureError

# Sides of the small gray picture of each.
SIDE = 32
# Of those that people look at.
SHOWN_SIDE = 80


def fingerprint(path: str) -> dict[str, Any]:
    """Look at a picture.

    Args:
        path: The file.

    Returns:
        `error`, why it cannot be read, or: `digest`, the SHA-256 of its pixels, size
        and channels in hexadecimal, `hash`, its perceptual hash of 64 bits likewise,
        `small`, the bytes of `SIDE` x `SIDE` gray pixels in base64, `width` and
        `height`, upright, Pillow's `mode` of the file, and whether it is `transparent`
        and `turned` by its EXIF data.
    """
    try:
        image = read_picture(path)
    except PictureError as error:
        reason = str(error).removeprefix(f"Cannot read {path}: ")
        return {"error": reason.removesuffix(".")}
    digest = hashlib.sha256(f"{image.size} {image.mode}".encode())
    digest.update(image.tobytes())
    # What the perceptual hash is made of, too.
    small = image.convert("L").resize((SIDE, SIDE), Image.Resampling.LANCZOS)
    return {
        "digest": digest.hexdigest(),
        "hash": str(imagehash.phash(small)),
        "small": base64.b64encode(small.tobytes()).decode(),
        "width": image.width,
        "height": image.height,
        **_stored_as(path),
    }


def thumbnail(path: str) -> str | None:
    """A picture to look at, of at most `SHOWN_SIDE` pixels a side.

    Args:
        path: The file.

    Returns:
        A WebP file in base64, or `None` where the picture cannot be read any more.
    """
    try:
        image = read_picture(path)
    except PictureError:
        return None
    image.thumbnail((SHOWN_SIDE, SHOWN_SIDE))
    file = io.BytesIO()
    image.save(file, "WEBP", quality=70)
    return base64.b64encode(file.getvalue()).decode()


def _stored_as(path: str) -> dict[str, Any]:
    """How the file has a picture that could be read."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with Image.open(path) as file:
            return {
                "mode": file.mode,
                "transparent": file.has_transparency_data,
                "turned": _is_turned(file),
            }


def _is_turned(file: Image.Image) -> bool:
    try:
        return file.getexif().get(ExifTags.Base.Orientation, 1) in range(2, 9)
    except DECODER_ERRORS:
        return False
