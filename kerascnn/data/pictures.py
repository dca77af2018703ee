"""Pictures of any kind and size, made into images like those of a data set."""

from __future__ import annotations

import io
import logging
import math
import os
import struct
import sys
import warnings
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps, UnidentifiedImageError

from kerascnn.data.drawings import find_drawing
from kerascnn.data.facts import DatasetFacts
from kerascnn.data.folder import KINDS, SUFFIXES
from kerascnn.data.squares import as_color, middle_of_edge, to_square
from kerascnn.errors import InputShapeError, PictureError
from kerascnn.machine.content import UnfitFileError, read_content
from kerascnn.machine.silence import silent_stderr

# Pillow knows many more formats. Some have seldom been read, and EPS is a program that
# it has another program run.
FORMATS = ("PNG", "JPEG", "WebP", "GIF", "BMP", "TIFF", "PPM")
STANDARD_INPUT = "-"
MAX_BYTES = 256_000_000
MAX_PIXELS = 100_000_000
# Larger pictures are reduced by a whole number before anything else is done.
ENOUGH_PIXELS = 2**24
# Brightness above the background that is a part of the drawing.
INK = 64

# What Pillow raises over content that is not what it should be.
DECODER_ERRORS = (
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,
    OSError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
)

Pixels = npt.NDArray[np.uint8]

# Without a handler of its own, what Pillow logs would be written to standard error.
logging.getLogger("PIL").addHandler(logging.NullHandler())


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

    Links to folders are not followed.

    Raises:
        PictureError: A folder without any picture, or one that cannot be entered.
    """
    for name in names:
        if name == STANDARD_INPUT or not os.path.isdir(name):
            yield name
            continue
        files = sorted(_pictures_in(name))
        if not files:
            raise PictureError(
                f"There is no picture in {name}. Give a folder of {KINDS} files."
            )
        yield from files


def read_standard_input() -> bytes:
    """What standard input holds, up to a byte more than is taken of a picture.

    Raises:
        PictureError: It is closed, or cannot be read.
    """
    try:
        if sys.stdin is None:
            raise OSError("it is closed")
        return sys.stdin.buffer.read(MAX_BYTES + 1)
    except OSError as error:
        raise PictureError(
            f"Cannot read standard input: {error.strerror or error}. Send a picture to "
            "it, or give a file instead of -."
        ) from error


def read_picture(source: str | Image.Image, standard_input: bytes = b"") -> Image.Image:
    """Read a picture: gray (`L`) or color (`RGB`), 8 bits, upright, opaque.

    Its content tells the format, one of `FORMATS`; the name does not matter. What is
    transparent becomes white around dark drawings and black around light ones. Of an
    animation the first frame is taken.

    Args:
        source: A regular file, `-` for `standard_input`, or a picture that Pillow has
            opened.
        standard_input: The content of a file.

    Raises:
        PictureError: A file that is missing, is no picture, is damaged, or has more
            than `MAX_BYTES` or `MAX_PIXELS`.
    """
    try:
        # Its words on damage would be lines of their own; libtiff writes them itself.
        with silent_stderr(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if isinstance(source, Image.Image):
                return _decode(source)
            content = standard_input
            if source != STANDARD_INPUT:
                content = read_content(source, MAX_BYTES)
            elif len(content) > MAX_BYTES:
                raise UnfitFileError(f"it has more than {MAX_BYTES // 10**6:,} MB")
            with Image.open(io.BytesIO(content), formats=FORMATS) as file:
                return _decode(file)
    except (_UnfitError, *DECODER_ERRORS) as error:
        name = source if isinstance(source, str) else "the picture"
        raise PictureError(f"Cannot read {name}: {_reason(error)}.") from error


def fit_picture(
    image: Image.Image, dataset: DatasetFacts, *, invert: bool | None = None
) -> FittedPicture:
    """Make a picture into an image like those of a data set.

    One of the data set's own size stays as it is, save for inversion. Others become
    squares as the data set's pictures did, or are scaled with their proportions kept.
    Where drawings fill a box (MNIST), what is drawn is cut out, scaled to it, and
    centered by its mass, as was done with the data set's images. On a clean ground that
    is all that differs from it; in a photograph it has to be found (`find_drawing`).

    Args:
        image: What `read_picture` gives.
        dataset: What the image should be like.
        invert: Whether to exchange light and dark; where `None`, it is done when the
            drawing that is found is dark, or, where none is looked for or found, when
            the picture's edge is nearer to the opposite of the data set's background.

    Raises:
        InputShapeError: Images of the data set cannot be made of pictures.
    """
    height, width, channels = dataset.image_shape
    if channels not in (1, 3) or height * width > MAX_PIXELS:
        raise InputShapeError(
            f"Pictures have 1 or 3 channels and at most {MAX_PIXELS // 10**6} million "
            f"pixels, but the model is for images of shape {dataset.image_shape}. "
            "Choose another model, or mend what is written of its data."
        )
    image = image.convert("L" if channels == 1 else "RGB")
    factor = math.ceil(math.sqrt(image.width * image.height / ENOUGH_PIXELS))
    squared = dataset.resize is not None and height == width
    if squared:  # as in the training, bit by bit
        factor = 1
    pixels = np.asarray(image.reduce(factor) if factor > 1 else image)
    is_own_size = pixels.shape[:2] == (height, width)
    box = dataset.box if channels == 1 and not is_own_size else None
    drawing = find_drawing(pixels, dark=invert) if box is not None else None
    if box is not None and drawing is not None:
        fitted = _centered(drawing.strokes, box, (height, width))
        return FittedPicture(pixels=fitted[:, :, None], inverted=drawing.dark)
    edge = middle_of_edge(pixels)
    if invert is None:
        invert = (
            dataset.background is not None
            and abs(float(np.mean(edge)) - dataset.background) > 127
        )
    if invert:
        pixels, edge = 255 - pixels, 255 - edge
    if box is not None:
        pixels = _centered(_above(pixels, float(edge)), box, (height, width))
    elif not is_own_size and squared:
        pixels = to_square(Image.fromarray(pixels), height, dataset.reading.resize)
    elif not is_own_size:
        pixels = _padded(pixels, edge, (height, width))
    return FittedPicture(
        pixels=pixels.reshape(height, width, channels), inverted=invert
    )


class _UnfitError(Exception):
    """Why a file is not taken, in words for people."""


def _pictures_in(folder: str) -> Iterator[str]:
    """The pictures in a folder and those in it, however deep they are."""
    folders = [folder]
    while folders:
        inner = folders.pop()
        try:
            entries = list(os.scandir(inner))
        except OSError as error:
            raise PictureError(
                f"Cannot look into the folder {inner}: {_reason(error)}. Make it "
                "readable, or name its pictures."
            ) from error
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                folders.append(entry.path)
            elif entry.name.lower().endswith(SUFFIXES) and not os.path.isdir(entry):
                yield entry.path


def _decode(file: Image.Image) -> Image.Image:
    width, height = file.size
    if width * height > MAX_PIXELS:
        raise _UnfitError(
            f"it has {width:,} x {height:,} pixels, more than "
            f"{MAX_PIXELS // 10**6} million. Make it smaller"
        )
    file.load()
    if min(file.size) < 1:
        raise _UnfitError("it has no pixels. Save it again")
    return _opaque(_in_8_bits(_upright(file)))


def _upright(image: Image.Image) -> Image.Image:
    """The picture turned as its camera says; as it is where that cannot be read."""
    try:
        return ImageOps.exif_transpose(image)
    except DECODER_ERRORS:
        return image


def _in_8_bits(image: Image.Image) -> Image.Image:
    """Gray pictures of 16 or 32 bits in 8; others as they are."""
    if not image.mode.startswith(("I", "F")):
        return image
    values = np.asarray(image).astype(np.float32)
    np.nan_to_num(values, copy=False, posinf=0, neginf=0)
    brightest = float(values.max())
    if image.mode == "F":
        scale = max(brightest, 1.0)
    else:
        scale = 65535.0 if brightest > 255 or image.mode != "I" else 255.0
    values /= scale
    np.clip(values, 0, 1, out=values)
    values *= 255
    return Image.fromarray(values.astype(np.uint8))


def _opaque(image: Image.Image) -> Image.Image:
    if not image.has_transparency_data:
        return image.convert("L" if image.mode in ("1", "L") else "RGB")
    image = image.convert("RGBA")
    alpha = np.asarray(image.getchannel("A"))
    drawn = np.asarray(image.convert("L"))[alpha > 127]
    is_light = drawn.size > 0 and drawn.mean() > 127
    behind = Image.new("RGBA", image.size, "black" if is_light else "white")
    return Image.alpha_composite(behind, image).convert("RGB")


def _above(pixels: Pixels, level: float) -> Pixels:
    """Cut out what is brighter than a level; it may be nothing."""
    values = np.clip(pixels - level, 0, None)
    values *= 255 / max(float(values.max()), INK)
    rows, columns = (np.flatnonzero((values > INK).any(axis=axis)) for axis in (1, 0))
    if not len(rows):
        return np.zeros((1, 1), np.uint8)
    drawing = values[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return np.asarray(drawing, np.uint8)


def _centered(drawing: Pixels, box: int, size: tuple[int, int]) -> Pixels:
    """Fit a drawing into a box, and center it by its mass."""
    canvas = np.zeros(size, np.uint8)
    factor = min(box, *size) / max(drawing.shape)
    height, width = (max(1, round(side * factor)) for side in drawing.shape)
    scaled = Image.fromarray(drawing).resize(
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
    color = as_color(edge)
    return np.asarray(
        ImageOps.pad(image, size[::-1], method=Image.Resampling.LANCZOS, color=color)
    )


def _reason(error: Exception) -> str:
    if isinstance(error, _UnfitError):
        return str(error)
    if isinstance(error, UnfitFileError):
        return f"{error}. Give another file, or - to read standard input"
    if isinstance(error, FileNotFoundError):
        return "there is no such file"
    if isinstance(error, UnidentifiedImageError):
        return (
            f"it is not a picture in the format {', '.join(FORMATS[:-1])} or "
            f"{FORMATS[-1]}. Save it in one of these"
        )
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    if isinstance(error, Image.DecompressionBombError):
        return f"it has more than {MAX_PIXELS // 10**6} million pixels. Make it smaller"
    detail = " ".join(str(error).split()).split(". ")[0].rstrip(".")[:100]
    return f"it is damaged ({detail or type(error).__name__}). Save it again"
