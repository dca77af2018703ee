"""Small random shifts and rotations of training images, as TensorFlow graph code."""

from __future__ import annotations

import math

import tensorflow as tf

# 2 of the 28 pixels of MNIST's sides.
MAX_SHIFT = 1 / 14
MAX_DEGREES = 10.0


def augment(
    images: tf.Tensor,
    seed: tf.Tensor,
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
        max_shift: Farthest shift along each axis, as a fraction of that side.
        max_degrees: Largest angle, either way round.

    Returns:
        Images of the same shape in [0, 255], float32.
    """
    images = tf.cast(images, tf.float32)
    batch, height, width = tf.unstack(tf.shape(images)[:3])
    drawn = tf.random.stateless_uniform(
        (3, batch), seed, minval=-1.0, maxval=1.0, alg="philox"
    )
    angle = drawn[0] * math.radians(max_degrees)
    sides = tf.cast(tf.stack((width, height)), tf.float32)
    shift_x, shift_y = tf.unstack(drawn[1:] * max_shift * sides[:, tf.newaxis])
    moved = tf.raw_ops.ImageProjectiveTransformV3(
        images=images,
        transforms=_transforms(angle, shift_x, shift_y, sides),
        output_shape=(height, width),
        interpolation="BILINEAR",
        fill_mode="CONSTANT",
        fill_value=0.0,
    )
    # Interpolating between two pixels of 255 rounds to 255.00003. Convolutions are
    # chosen by the size of their images, which the transformation forgets.
    return tf.ensure_shape(tf.clip_by_value(moved, 0.0, 255.0), images.shape)


def _transforms(
    angle: tf.Tensor, shift_x: tf.Tensor, shift_y: tf.Tensor, sides: tf.Tensor
) -> tf.Tensor:
    """The first 8 entries of each image's 3x3 matrix, `(batch, 8)`.

    They take a pixel of the result to the place in the image that it comes from, so
    this is the inverse: shift back, then turn back about the middle.
    """
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
