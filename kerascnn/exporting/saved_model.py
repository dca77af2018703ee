"""SavedModels, for TensorFlow and TensorFlow Serving."""

from __future__ import annotations

from pathlib import Path

import keras
import tensorflow as tf


def write_saved_model(
    model: keras.Model, target: Path, class_names: tuple[str, ...], **_: object
) -> None:
    """Write a SavedModel that any client of TensorFlow or TensorFlow Serving can use.

    Signatures: `serving_default` takes raw pixels, `image`, uint8, `(number, height,
    width, channels)`; `encoded` takes `image_bytes`, PNG, JPEG, GIF or BMP files as
    strings, `(number,)`, which it scales to the model's size with their proportions
    kept. Both give `probabilities`, float32, `(number, num_classes)`, and `label`, the
    likeliest class's name, `(number,)`. `class_names` takes nothing and gives them all.
    """
    height, width, channels = model.input_shape[1:]
    # Names of folders may have bytes that are not UTF-8.
    names = tf.constant(
        [name.encode("utf-8", "surrogateescape") for name in class_names]
    )

    def classify(image: tf.Tensor) -> dict[str, tf.Tensor]:
        probabilities = model(tf.cast(image, tf.float32), training=False)
        probabilities = tf.cast(probabilities, tf.float32)
        label = tf.gather(names, tf.argmax(probabilities, axis=-1))
        return {"probabilities": probabilities, "label": label}

    def decode(content: tf.Tensor) -> tf.Tensor:
        image = tf.io.decode_image(content, channels, expand_animations=False)
        image = tf.image.resize_with_pad(image, height, width, antialias=True)
        return tf.cast(tf.round(image), tf.uint8)

    def classify_encoded(image_bytes: tf.Tensor) -> dict[str, tf.Tensor]:
        image = tf.map_fn(decode, image_bytes, fn_output_signature=tf.uint8)
        return classify(tf.ensure_shape(image, (None, height, width, channels)))

    # The endpoints' variables are written by themselves, and those of a model that is
    # tracked a second time.
    archive = keras.export.ExportArchive()
    archive.add_endpoint(
        "serving_default",
        classify,
        [tf.TensorSpec((None, height, width, channels), tf.uint8, "image")],
    )
    archive.add_endpoint(
        "encoded", classify_encoded, [tf.TensorSpec((None,), tf.string, "image_bytes")]
    )
    archive.add_endpoint("class_names", lambda: {"class_names": names}, [])
    archive.write_out(target, verbose=False)
