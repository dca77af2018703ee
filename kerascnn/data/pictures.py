"""Pictures of any kind and size, made into images like those of a data set."""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps, UnidentifiedImageError

from kerascnn.data.facts import DatasetFacts
from kerascnn.errors import PictureError

SUFFIXES = (".png", ".jpg", ".jpeg", ".gif", ".bmp", ".webp", ".tif", ".tiff")
STANDARD_INPUT = "-"
# Brightness above the background that is a part of the drawing.
INK = 64

Pixels = npt.NDArray[np.uint8]


@dataclass(frozen=True, kw_only=True)
class FittedPicture:
    """A picture as a network sees it.

    Attributes:
        pixels: `(height, width, channels)` of the data set.
        inverted: Whether light and dark were exchanged.
    """

    pixels: Pixels
    inverted: bool


def find_pictures(names: Sequence[str]) -> Iterator[str]:
    """The files that some names stand for: folders by all pictures in them.

    Raises:
        PictureError: A folder without any picture.
    """
    for name in names:
        path = Path(name)
        if name == STANDARD_INPUT or not path.is_dir():
            yield name
            continue
        files = [file for file in path.rglob("*") if file.suffix.lower() in SUFFIXES]
        if not files:
            raise PictureError(
                f"There is no picture in {path}. Give a folder of "
                f"{', '.join(suffix[1:] for suffix in SUFFIXES)} files."
            )
        yield from sorted(str(file) for file in files)


def read_picture(source: str | Image.Image, standard_input: bytes = b"") -> Image.Image:
    """Read a picture: gray (`L`) or color (`RGB`), 8 bits, upright, opaque.

    What is transparent becomes white around dark drawings and black around light ones.
    Of an animation the first frame is taken.

    Args:
        source: A file, `-` for `standard_input`, or a picture that Pillow has opened.
        standard_input: The content of a file.

    Raises:
        PictureError: A file that is missing, is no picture, or is damaged or huge.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            opened = source
            if isinstance(opened, str):
                is_file = opened != STANDARD_INPUT
                content = Path(opened).read_bytes() if is_file else standard_input
                opened = Image.open(io.BytesIO(content))
            opened.load()
        return _opaque(_in_8_bits(ImageOps.exif_transpose(opened)))
    except (
        OSError,
        SyntaxError,
        ValueError,
        EOFError,
        struct.error,
        zlib.error,
        Image.DecompressionBombError,
        Image.DecompressionBombWarning,
    ) as error:
        name = source if isinstance(source, str) else "the picture"
        raise PictureError(f"Cannot read {name}: {_reason(error)}.") from error


def fit_picture(
    image: Image.Image, dataset: DatasetFacts, *, invert: bool | None = None
) -> FittedPicture:
    """Make a picture into an image like those of a data set.

    One of the data set's own size stays as it is, save for inversion. Others are scaled
    with their proportions kept. Where drawings fill a box (MNIST), what is drawn is cut
    out, scaled to it, and centered by its mass, as was done with the data set's images.

    Args:
        image: What `read_picture` gives.
        dataset: What the image should be like.
        invert: Whether to exchange light and dark; where `None`, it is done when the
            picture's edge is nearer to the opposite of the data set's background.
    """
    height, width, channels = dataset.image_shape
    pixels = np.asarray(image.convert("L" if channels == 1 else "RGB"))
    edge = _edge(pixels)
    if invert is None:
        invert = (
            dataset.background is not None
            and abs(float(np.mean(edge)) - dataset.background) > 127
        )
    if invert:
        pixels, edge = 255 - pixels, 255 - edge
    if pixels.shape[:2] != (height, width):
        if dataset.box is not None and channels == 1:
            pixels = _centered(pixels, edge, dataset.box, (height, width))
        else:
            pixels = _padded(pixels, edge, (height, width))
    return FittedPicture(
        pixels=pixels.reshape(height, width, channels), inverted=invert
    )


def _in_8_bits(image: Image.Image) -> Image.Image:
    """Gray pictures of 16 or 32 bits in 8; others as they are."""
    if not image.mode.startswith(("I", "F")):
        return image
    values = np.asarray(image, np.float64)
    brightest = float(values.max(initial=0))
    if image.mode == "F":
        scale = max(brightest, 1.0)
    else:
        scale = 65535.0 if brightest > 255 or image.mode != "I" else 255.0
    return Image.fromarray(np.clip(values / scale * 255, 0, 255).astype(np.uint8))


def _opaque(image: Image.Image) -> Image.Image:
    if not image.has_transparency_data:
        return image.convert("L" if image.mode in ("1", "L") else "RGB")
    image = image.convert("RGBA")
    alpha = np.asarray(image.getchannel("A"))
    drawn = np.asarray(image.convert("L"))[alpha > 127]
    is_light = drawn.size > 0 and drawn.mean() > 127
    behind = Image.new("RGBA", image.size, "black" if is_light else "white")
    return Image.alpha_composite(behind, image).convert("RGB")


def _edge(pixels: Pixels) -> npt.NDArray[np.uint8]:
    """The middle brightness of the outermost pixels, for each channel."""
    rim = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    return np.asarray(np.median(rim, axis=0), np.uint8)


def _centered(
    pixels: Pixels, edge: npt.NDArray[np.uint8], box: int, size: tuple[int, int]
) -> Pixels:
    """Cut out what is drawn, fit it into a box, and center it by its mass."""
    level = float(edge)
    values = np.clip(pixels - level, 0, None)
    values *= 255 / max(float(values.max()), INK)
    rows, columns = (np.flatnonzero((values > INK).any(axis=axis)) for axis in (1, 0))
    canvas = np.zeros(size, np.uint8)
    if not len(rows):
        return canvas
    drawing = values[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    factor = box / max(drawing.shape)
    height, width = (max(1, round(side * factor)) for side in drawing.shape)
    scaled = Image.fromarray(drawing.astype(np.uint8)).resize(
        (width, height),
        Image.Resampling.BOX if factor < 1 else Image.Resampling.BICUBIC,
    )
    small = np.asarray(scaled, np.float64)
    mass = max(small.sum(), 1.0)
    center = (
        (small.sum(axis=1) * np.arange(height)).sum() / mass,
        (small.sum(axis=0) * np.arange(width)).sum() / mass,
    )
    top, left = (
        int(np.clip(round(side / 2 - middle), 0, side - length))
        for side, middle, length in zip(size, center, (height, width), strict=True)
    )
    canvas[top : top + height, left : left + width] = small
    return canvas


def _padded(
    pixels: Pixels, edge: npt.NDArray[np.uint8], size: tuple[int, int]
) -> Pixels:
    """Scale to fit, with the color of the edge around."""
    image = Image.fromarray(pixels)
    color = int(edge) if edge.ndim == 0 else tuple(int(value) for value in edge)
    return np.asarray(
        ImageOps.pad(image, size[::-1], method=Image.Resampling.LANCZOS, color=color)
    )


def _reason(error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        return "there is no such file"
    if isinstance(error, UnidentifiedImageError):
        return "it is no picture of a known kind"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    if isinstance(
        error, (Image.DecompressionBombError, Image.DecompressionBombWarning)
    ):
        return "it has too many pixels"
    return " ".join(str(error).split()).split(". ")[0].rstrip(".") or "it is damaged"
