import math

import numpy as np
import pytest
import tensorflow as tf

from kerascnn.data import load_dataset
from kerascnn.data.augmentation import augment_digits, augment_photographs, leave

SEED = tf.constant((3, 14), tf.int32)


@pytest.fixture(scope="module")
def images():
    return load_dataset("mnist")[1].images[:64]


def drawn(batch, seed=SEED):
    """What `augment_digits` draws: turns and shifts, each in [-1, 1), `(3, batch)`."""
    return tf.random.stateless_uniform(
        (3, batch), seed, minval=-1.0, maxval=1.0, alg="philox"
    ).numpy()


def dot(batch, height=28, width=28, *, row=14, column=9):
    images = np.zeros((batch, height, width, 1), np.float32)
    images[:, row, column] = 200
    return images


def centroids(images):
    """`(2, batch)`: the mean row and column of the light."""
    light = np.asarray(images)[..., 0]
    rows, columns = np.indices(light.shape[1:])
    total = light.sum((1, 2))
    return np.stack([(light * axis).sum((1, 2)) / total for axis in (rows, columns)])


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_zero_range_changes_nothing(images, dtype):
    result = augment_digits(images.astype(dtype), SEED, max_shift=0, max_degrees=0)
    assert result.dtype == tf.float32
    assert np.array_equal(result, images)


def test_shift_moves_a_pixel_by_what_was_drawn():
    result = augment_digits(dot(32), SEED, max_degrees=0)
    _, right, down = 2 * drawn(32)
    rows, columns = centroids(result)
    np.testing.assert_allclose(rows, 14 + down, atol=1e-3)
    np.testing.assert_allclose(columns, 9 + right, atol=1e-3)
    np.testing.assert_allclose(np.sum(result, axis=(1, 2, 3)), 200, rtol=1e-4)


def test_shift_scales_with_each_side():
    result = augment_digits(dot(32, 56, 28, row=20), SEED, max_degrees=0)
    _, right, down = drawn(32)
    rows, columns = centroids(result)
    np.testing.assert_allclose(rows, 20 + 4 * down, atol=1e-3)
    np.testing.assert_allclose(columns, 9 + 2 * right, atol=1e-3)


def test_rotation_and_shift_follow_the_geometry():
    # Bilinear interpolation is exact on a slope, so that each pixel of the result
    # tells from which row and column it was taken.
    height, width = 30, 40
    rows, columns = np.indices((height, width)).astype(np.float32)
    slopes = np.broadcast_to(np.stack((rows, columns), -1), (16, height, width, 2))
    result = augment_digits(slopes, SEED, max_shift=0.1, max_degrees=30).numpy()
    turn, right, down = drawn(16)
    inner = np.s_[11:19, 14:26]  # comes from inside, whatever was drawn
    for i in range(16):
        angle = math.radians(30) * turn[i]
        y = rows[inner] - 14.5 - 3 * down[i]
        x = columns[inner] - 19.5 - 4 * right[i]
        from_row = 14.5 + math.cos(angle) * y - math.sin(angle) * x
        from_column = 19.5 + math.cos(angle) * x + math.sin(angle) * y
        np.testing.assert_allclose(result[i][inner][..., 0], from_row, atol=1e-3)
        np.testing.assert_allclose(result[i][inner][..., 1], from_column, atol=1e-3)


def test_outside_comes_in_as_zero():
    white = np.full((256, 28, 28, 1), 255, np.float32)
    result = augment_digits(white, SEED, max_degrees=0).numpy()
    _, right, _ = drawn(256)
    assert (result[right > 0.5, :, 0] == 0).all()
    assert (result[right < -0.5, :, -1] == 0).all()
    assert (result[:, 3:-3, 3:-3] > 254.9).all()


def test_values_stay_in_range():
    white = np.full((1_000, 28, 28, 1), 255, np.uint8)
    result = augment_digits(white, SEED)
    assert float(tf.reduce_min(result)) >= 0
    assert float(tf.reduce_max(result)) <= 255


def test_shifts_are_even_and_centered():
    places = np.concatenate(
        [
            centroids(augment_digits(dot(64), tf.constant((0, step)), max_degrees=0))
            for step in range(64)
        ],
        axis=1,
    )
    shifts = places - np.array([[14], [9]])
    # An even draw from 4 pixels has a deviation of 4 / sqrt(12).
    np.testing.assert_allclose(shifts.mean(1), 0, atol=0.08)
    np.testing.assert_allclose(shifts.std(1), 4 / math.sqrt(12), atol=0.05)
    assert 1.9 < abs(shifts).max() < 2.001


def test_same_seed_gives_the_same_and_another_another(images):
    first, again = augment_digits(images, SEED), augment_digits(images, SEED)
    other = augment_digits(images, tf.constant((3, 15), tf.int32))
    assert np.array_equal(first, again)
    assert all(
        not np.array_equal(a, b) for a, b in zip(first.numpy(), other, strict=True)
    )


def test_every_image_is_changed_in_its_own_way(images):
    copies = np.repeat(images[:1], 64, axis=0)
    result = augment_digits(copies, SEED).numpy()
    assert len({image.tobytes() for image in result}) == 64


def test_graph_gives_what_eager_gives(images):
    compiled = tf.function(
        augment_digits,
        input_signature=[
            tf.TensorSpec((None, None, None, 1), tf.uint8),
            tf.TensorSpec((2,), tf.int32),
        ],
        autograph=False,
    )
    np.testing.assert_allclose(
        compiled(images, SEED), augment_digits(images, SEED), atol=1e-3
    )


def test_color_channels_move_together(images):
    color = np.repeat(images, 3, axis=-1)
    result = augment_digits(color, SEED).numpy()
    assert result.shape == (64, 28, 28, 3)
    assert np.array_equal(result[..., :1], augment_digits(images, SEED))
    assert np.array_equal(result[..., 0], result[..., 2])


def test_sides_are_known_to_the_layers_that_follow():
    @tf.function(
        input_signature=[tf.TensorSpec((None, 28, 20, 1), tf.uint8)], autograph=False
    )
    def augmented(images):
        return augment_digits(images, tf.constant([1, 2]))

    [output] = augmented.get_concrete_function().outputs
    assert output.shape.as_list() == [None, 28, 20, 1]


def slopes(batch=32, height=30, width=40):
    """Images whose channels are the row and the column of each pixel."""
    rows, columns = np.indices((height, width)).astype(np.float32)
    return np.broadcast_to(np.stack((rows, columns), -1), (batch, height, width, 2))


def drawn_for_photographs(batch, seed=SEED):
    return tf.random.stateless_uniform((8, batch), seed, alg="philox").numpy()


@pytest.fixture(scope="module")
def photographs():
    random = np.random.default_rng(0)
    return random.integers(0, 256, (32, 20, 24, 3), dtype=np.uint8)


def test_left_alone_images_are_floats_of_the_same_values(photographs):
    result = leave(photographs, SEED)
    assert result.dtype == tf.float32
    assert np.array_equal(result, photographs)


def test_half_of_the_photographs_are_mirrored_exactly(photographs):
    result = augment_photographs(
        photographs, SEED, min_area=1, max_aspect=1, max_jitter=0
    ).numpy()
    mirrored = drawn_for_photographs(32)[4] < 0.5
    assert 8 < mirrored.sum() < 24
    assert np.array_equal(result[mirrored], photographs[mirrored][:, :, ::-1])
    assert np.array_equal(result[~mirrored], photographs[~mirrored])


def test_crop_takes_a_window_of_the_area_and_the_place_that_were_drawn():
    height, width = 30, 40
    result = augment_photographs(slopes(), SEED, max_jitter=0).numpy()
    area, aspect, x, y, mirror = drawn_for_photographs(32)[:5]
    area, aspect = 0.6 + 0.4 * area, (4 / 3) ** (2 * aspect - 1)
    across = np.minimum(np.sqrt(area * aspect), 1)
    down = np.minimum(np.sqrt(area / aspect), 1)
    rows, columns = np.arange(height), np.arange(width)
    for i in range(32):
        # The window's own pixels, from its edge in the image, mirrored at the end.
        from_row = y[i] * (1 - down[i]) * height + (rows + 0.5) * down[i] - 0.5
        from_column = x[i] * (1 - across[i]) * width + (columns + 0.5) * across[i] - 0.5
        if mirror[i] < 0.5:
            from_column = from_column[::-1]
        expected = np.clip(from_row, 0, height - 1)
        np.testing.assert_allclose(result[i, :, 5, 0], expected, atol=1e-3)
        expected = np.clip(from_column, 0, width - 1)
        np.testing.assert_allclose(result[i, 5, :, 1], expected, atol=1e-3)
    assert (across * down).min() >= 0.6 - 1e-6
    assert (across * down).max() > 0.9


def test_light_and_color_change_by_what_was_drawn():
    colors = np.random.default_rng(1).uniform(60, 180, (64, 1, 1, 3))
    flat = np.broadcast_to(colors, (64, 8, 8, 3)).astype(np.float32)
    result = augment_photographs(flat, SEED).numpy()
    brightness, contrast, saturation = 1 + 0.2 * (2 * drawn_for_photographs(64)[5:] - 1)
    bright = flat[:, 0, 0] * brightness[:, np.newaxis]
    gray = (bright * (0.299, 0.587, 0.114)).sum(1, keepdims=True)
    # Where all pixels are alike, both of these take color away or add some.
    expected = gray + (bright - gray) * (contrast * saturation)[:, np.newaxis]
    np.testing.assert_allclose(result[:, 3, 4], np.clip(expected, 0, 255), atol=1e-2)
    np.testing.assert_allclose(result[:, 7, 0], result[:, 3, 4], atol=1e-3)
    assert brightness.min() >= 0.8
    assert brightness.max() <= 1.2


def test_contrast_spreads_a_gray_photograph_about_its_mean():
    halves = np.full((64, 8, 8, 1), 90, np.uint8)
    halves[:, :, 4:] = 150
    result = augment_photographs(halves, SEED, min_area=1, max_aspect=1).numpy()
    brightness, contrast, _ = 1 + 0.2 * (2 * drawn_for_photographs(64)[5:] - 1)
    darkest, lightest = result.min((1, 2, 3)), result.max((1, 2, 3))
    np.testing.assert_allclose(lightest + darkest, 240 * brightness, rtol=1e-4)
    np.testing.assert_allclose(
        lightest - darkest, 60 * brightness * contrast, rtol=1e-4
    )


def test_gray_photographs_stay_gray_in_three_channels(images):
    color = np.repeat(images, 3, axis=-1)
    result = augment_photographs(color, SEED).numpy()
    np.testing.assert_allclose(result[..., 0], result[..., 2], atol=1e-3)
    gray = augment_photographs(images, SEED).numpy()
    np.testing.assert_allclose(result[..., :1], gray, atol=1e-2)


def test_photographs_of_one_seed_are_the_same_and_each_in_its_own_way(photographs):
    copies = np.repeat(photographs[:1], 64, axis=0)
    first, again = (augment_photographs(copies, SEED).numpy() for _ in range(2))
    assert np.array_equal(first, again)
    assert len({image.tobytes() for image in first}) == 64
    assert not np.array_equal(first, augment_photographs(copies, tf.constant((3, 15))))


def test_photographs_stay_in_range_and_keep_their_known_shape():
    white = np.full((256, 9, 7, 3), 255, np.uint8)
    white[::2] = 0
    result = augment_photographs(white, SEED).numpy()
    assert result.dtype == np.float32
    assert result.min() == 0
    assert result.max() == 255

    @tf.function(
        input_signature=[tf.TensorSpec((None, 28, 20, 3), tf.uint8)], autograph=False
    )
    def augmented(images):
        return augment_photographs(images, SEED)

    [output] = augmented.get_concrete_function().outputs
    assert output.shape.as_list() == [None, 28, 20, 3]


@pytest.mark.parametrize("augment", [augment_digits, augment_photographs])
def test_part_of_a_batch_is_changed_as_within_it(images, augment):
    whole = augment(images, SEED).numpy()
    assert not np.array_equal(whole, images)
    for first, count in ((0, 16), (16, 48)):
        part = augment(images[first : first + count], SEED, (first, len(images)))
        np.testing.assert_array_equal(part, whole[first : first + count])
