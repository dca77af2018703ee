import math

import numpy as np
import pytest
import tensorflow as tf

from kerascnn.data import load_dataset
from kerascnn.data.augmentation import augment

SEED = tf.constant((3, 14), tf.int32)


@pytest.fixture(scope="module")
def images():
    return load_dataset("mnist")[1].images[:64]


def drawn(batch, seed=SEED):
    """What `augment` draws: turns and shifts, each in [-1, 1), `(3, batch)`."""
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
    result = augment(images.astype(dtype), SEED, max_shift=0, max_degrees=0)
    assert result.dtype == tf.float32
    assert np.array_equal(result, images)


def test_shift_moves_a_pixel_by_what_was_drawn():
    result = augment(dot(32), SEED, max_degrees=0)
    _, right, down = 2 * drawn(32)
    rows, columns = centroids(result)
    np.testing.assert_allclose(rows, 14 + down, atol=1e-3)
    np.testing.assert_allclose(columns, 9 + right, atol=1e-3)
    np.testing.assert_allclose(np.sum(result, axis=(1, 2, 3)), 200, rtol=1e-4)


def test_shift_scales_with_each_side():
    result = augment(dot(32, 56, 28, row=20), SEED, max_degrees=0)
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
    result = augment(slopes, SEED, max_shift=0.1, max_degrees=30).numpy()
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
    result = augment(white, SEED, max_degrees=0).numpy()
    _, right, _ = drawn(256)
    assert (result[right > 0.5, :, 0] == 0).all()
    assert (result[right < -0.5, :, -1] == 0).all()
    assert (result[:, 3:-3, 3:-3] > 254.9).all()


def test_values_stay_in_range():
    white = np.full((1_000, 28, 28, 1), 255, np.uint8)
    result = augment(white, SEED)
    assert float(tf.reduce_min(result)) >= 0
    assert float(tf.reduce_max(result)) <= 255


def test_shifts_are_even_and_centered():
    places = np.concatenate(
        [
            centroids(augment(dot(64), tf.constant((0, step)), max_degrees=0))
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
    first, again = augment(images, SEED), augment(images, SEED)
    other = augment(images, tf.constant((3, 15), tf.int32))
    assert np.array_equal(first, again)
    assert all(
        not np.array_equal(a, b) for a, b in zip(first.numpy(), other, strict=True)
    )


def test_every_image_is_changed_in_its_own_way(images):
    copies = np.repeat(images[:1], 64, axis=0)
    result = augment(copies, SEED).numpy()
    assert len({image.tobytes() for image in result}) == 64


def test_graph_gives_what_eager_gives(images):
    compiled = tf.function(
        augment,
        input_signature=[
            tf.TensorSpec((None, None, None, 1), tf.uint8),
            tf.TensorSpec((2,), tf.int32),
        ],
        autograph=False,
    )
    np.testing.assert_allclose(compiled(images, SEED), augment(images, SEED), atol=1e-3)


def test_color_channels_move_together(images):
    color = np.repeat(images, 3, axis=-1)
    result = augment(color, SEED).numpy()
    assert result.shape == (64, 28, 28, 3)
    assert np.array_equal(result[..., :1], augment(images, SEED))
    assert np.array_equal(result[..., 0], result[..., 2])


def test_sides_are_known_to_the_layers_that_follow():
    @tf.function(
        input_signature=[tf.TensorSpec((None, 28, 20, 1), tf.uint8)], autograph=False
    )
    def augmented(images):
        return augment(images, tf.constant([1, 2]))

    [output] = augmented.get_concrete_function().outputs
    assert output.shape.as_list() == [None, 28, 20, 1]
