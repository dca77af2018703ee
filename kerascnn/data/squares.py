"""Pictures of any proportions made square, the same in training and in prediction."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image

# The filter is Lanczos's; far larger pictures are reduced by a whole number before.
REDUCING_GAP = 2.0


def to_square(image: Image.Image, side: int, resize: str) -> npt.NDArray[np.uint8]:
    """Bring a picture to a square.

    Args:
        image: Gray (`L`) or color (`RGB`).
        side: In pixels.
        resize: `"pad"` keeps all of it and its proportions, with the color of its edge
            around; `"crop"` keeps the proportions and cuts off what is beyond the
            middle square; `"stretch"` keeps all of it.

    Returns:
        `(side, side)`, or `(side, side, 3)` of color.
    """
    if resize == "pad":
        width, height = image.size
        color = edge_color(np.asarray(image))
        factor = side / max(width, height)
        inner = (max(1, round(width * factor)), max(1, round(height * factor)))
        canvas = Image.new(image.mode, (side, side), color)
        corner = tuple((side - length) // 2 for length in inner)
        canvas.paste(_resized(image, inner), (corner[0], corner[1]))
        return np.asarray(canvas)
    if resize == "crop":
        width, height = image.size
        length = min(width, height)
        left, top = (width - length) // 2, (height - length) // 2
        image = image.crop((left, top, left + length, top + length))
    return np.asarray(_resized(image, (side, side)))


def middle_of_edge(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """The middle brightness of the outermost pixels, for each channel."""
    rim = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    return np.asarray(np.median(rim, axis=0), np.uint8)


def edge_color(pixels: npt.NDArray[np.uint8]) -> int | tuple[int, ...]:
    """The middle of the edge, as Pillow takes a color."""
    return as_color(middle_of_edge(pixels))


def as_color(values: npt.NDArray[np.uint8]) -> int | tuple[int, ...]:
    """A brightness, or one for each channel, as Pillow takes it."""
    return int(values) if values.ndim == 0 else tuple(map(int, values))


def _resized(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    if image.size == size:
        return image
    return image.resize(size, Image.Resampling.LANCZOS, reducing_gap=REDUCING_GAP)
