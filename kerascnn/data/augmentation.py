"""Training images changed at random, by kind of image, as TensorFlow graph code."""

from __future__ import annotations

import math

import tensorflow as tf

# 2 of the 28 pixels of MNIST's sides.
MAX_SHIFT = 1 / 14
MAX_DEGREES = 10.0
# The share of a photograph that is kept, how much longer one side of it may become than
# the other, and the farthest factor from 1 of brightness, contrast and saturation.
MIN_AREA = 0.6
MAX_ASPECT = 4 / 3
MAX_JITTER = 0.2
# What the eye makes of red, green and blue (ITU-R BT.601).
LUMINANCE = (0.299, 0.587, 0.114)


Place = tuple[tf.Tensor | int, int]


def leave(images: tf.Tensor, seed: tf.Tensor, place: Place | None = None) -> tf.Tensor:
    """Leave images as they are; the arguments are those of `augment_digits`."""
    return tf.cast(images, tf.float32)


def augment_digits(
    images: tf.Tensor,
    seed: tf.Tensor,
    place: Place | None = None,
    *,
    max_shift: float = MAX_SHIFT,
    max_degrees: float = MAX_DEGREES,
) -> tf.Tensor:
    """Turn each image about its middle, then shift it; nothing is mirrored.

    Both are drawn evenly from their range, for each image anew, and done in one
    bilinear interpolation. What comes in from outside is 0. The function keeps no
    state: the same images and seed give the same result, in a `tf.function` as well.

    Args:
        images: `(batch, height, width, channels)` in [0, 255].
        seed: Two whole numbers, int32 `(2,)`.
        place: Where images that are a part of a batch begin in it, and how many images
            it has: they are changed as they would be within it. The whole where `None`.
        max_shift: Farthest shift along each axis, as a fraction of that side.
        max_degrees: Largest angle, either way round.

    Returns:
        Images of the same shape in [0, 255], float32.
    """
    images = tf.cast(images, tf.float32)
    height, width = tf.unstack(tf.shape(images)[1:3])
    drawn = 2 * _draw(3, images, seed, place) - 1
    angle = drawn[0] * math.radians(max_degrees)
    sides = tf.cast(tf.stack((width, height)), tf.float32)
    shift_x, shift_y = tf.unstack(drawn[1:] * max_shift * sides[:, tf.newaxis])
    return _moved(
        images, _rotations(angle, shift_x, shift_y, sides), fill_mode="CONSTANT"
    )


def augment_photographs(
    images: tf.Tensor,
    seed: tf.Tensor,
    place: Place | None = None,
    *,
    min_area: float = MIN_AREA,
    max_aspect: float = MAX_ASPECT,
    max_jitter: float = MAX_JITTER,
) -> tf.Tensor:
    """Mirror half of the images, crop each, and change its light and its colors.

    A window of a random area and aspect, at a random place, is brought to the size of
    the image, in one bilinear interpolation. Then brightness, contrast and, in color,
    saturation are multiplied by random factors, in this order. All is drawn for each
    image anew, and no state is kept, as in `augment_digits`.

    Args:
        images: `(batch, height, width, channels)` in [0, 255].
        seed: Two whole numbers, int32 `(2,)`.
        place: As for `augment_digits`.
        min_area: Smallest window, as a share of the image.
        max_aspect: Farthest that the image's aspect is stretched or squeezed by, at
            least 1; no window leaves the image.
        max_jitter: Farthest factor from 1.

    Returns:
        Images of the same shape in [0, 255], float32.
    """
    images = tf.cast(images, tf.float32)
    drawn = _draw(8, images, seed, place)
    area = min_area + (1 - min_area) * drawn[0]
    aspect = max_aspect ** (2 * drawn[1] - 1)
    windows = _windows(
        tf.minimum(tf.sqrt(tf.stack((area * aspect, area / aspect))), 1.0),
        drawn[2:4],
        mirrored=drawn[4] < 0.5,
        sides=tf.cast(tf.shape(images)[2:0:-1], tf.float32),
    )
    factors = 1 + max_jitter * (
        2 * drawn[5:, :, tf.newaxis, tf.newaxis, tf.newaxis] - 1
    )
    # At the edge of a window the interpolation looks half a pixel beyond the image.
    return _jittered(_moved(images, windows, fill_mode="NEAREST"), *tf.unstack(factors))


def _draw(
    numbers: int, images: tf.Tensor, seed: tf.Tensor, place: Place | None
) -> tf.Tensor:
    """So many numbers in [0, 1) for each image, `(numbers, batch)`."""
    batch = tf.shape(images)[0]
    first, total = place or (0, batch)
    drawn = tf.random.stateless_uniform((numbers, total), seed, alg="philox")
    return drawn[:, first : first + batch]


def _moved(images: tf.Tensor, transforms: tf.Tensor, *, fill_mode: str) -> tf.Tensor:
    """Take each pixel from where its image's transform says, `(batch, 8)`.

    They are the first 8 entries of 3x3 matrices, from a pixel of the result to its
    place in the image.
    """
    moved = tf.raw_ops.ImageProjectiveTransformV3(
        images=images,
        transforms=transforms,
        output_shape=tf.shape(images)[1:3],
        interpolation="BILINEAR",
        fill_mode=fill_mode,
        fill_value=0.0,
    )
    # Interpolating between two pixels of 255 rounds to 255.00003. Convolutions are
    # chosen by the size of their images, which the transformation forgets.
    return tf.ensure_shape(tf.clip_by_value(moved, 0.0, 255.0), images.shape)


def _jittered(
    images: tf.Tensor, brightness: tf.Tensor, contrast: tf.Tensor, saturation: tf.Tensor
) -> tf.Tensor:
    """Multiply by factors `(batch, 1, 1, 1)`: contrast about the image's mean light."""
    in_color = images.shape[-1] == len(LUMINANCE)

    def light(of: tf.Tensor) -> tf.Tensor:
        weights = LUMINANCE if in_color else (1 / images.shape[-1],) * images.shape[-1]
        return tf.reduce_sum(of * tf.constant(weights), axis=-1, keepdims=True)

    images = images * brightness
    middle = tf.reduce_mean(light(images), axis=(1, 2), keepdims=True)
    images = middle + (images - middle) * contrast
    if in_color:
        gray = light(images)
        images = gray + (images - gray) * saturation
    return tf.clip_by_value(images, 0.0, 255.0)


def _rotations(
    angle: tf.Tensor, shift_x: tf.Tensor, shift_y: tf.Tensor, sides: tf.Tensor
) -> tf.Tensor:
    """For `_moved`: shift back, then turn back about the middle."""
    middle_x, middle_y = tf.unstack((sides - 1) / 2)
    cos, sin = tf.cos(angle), tf.sin(angle)
    back_x, back_y = middle_x + shift_x, middle_y + shift_y
    zero = tf.zeros_like(angle)
    return tf.stack(
        (
            cos,
            sin,
            middle_x - cos * back_x - sin * back_y,
            -sin,
            cos,
            middle_y + sin * back_x - cos * back_y,
            zero,
            zero,
        ),
        axis=1,
    )


def _windows(
    scale: tf.Tensor, place: tf.Tensor, *, mirrored: tf.Tensor, sides: tf.Tensor
) -> tf.Tensor:
    """For `_moved`: spread a window of each image over all of it.

    Args:
        scale: The window's width and height, as shares of the image's, `(2, batch)`.
        place: Where it is in what is left beside it, in [0, 1], `(2, batch)`.
        mirrored: Whether left and right are exchanged, `(batch,)`.
        sides: Width and height of the images, `(2,)`.
    """
    sides = sides[:, tf.newaxis]
    # Between the middles of the first and the last pixel.
    first = place * (1 - scale) * sides + (scale - 1) / 2
    x, y = tf.unstack(first)
    across, down = tf.unstack(scale)
    last_x = x + across * (sides[0] - 1)
    zero = tf.zeros_like(x)
    return tf.stack(
        (
            tf.where(mirrored, -across, across),
            zero,
            tf.where(mirrored, last_x, x),
            zero,
            down,
            y,
            zero,
            zero,
        ),
        axis=1,
    )
