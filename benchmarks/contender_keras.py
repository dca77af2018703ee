"""The script that one writes without kerascnn: NumPy arrays into `fit`.

With `--onednn` its author knows of TensorFlow's variable; with `--backend` Keras runs
on another one.
"""

from __future__ import annotations

import os
import time

import contender

parser = contender.parser()
parser.add_argument("--onednn", action="store_true")
parser.add_argument("--backend", choices=("tensorflow", "jax"), default="tensorflow")
options = parser.parse_args()
os.environ["KERAS_BACKEND"] = options.backend
if options.onednn:
    os.environ["TF_ENABLE_ONEDNN_OPTS"] = "1"

import keras  # noqa: E402

from kerascnn import MODELS  # noqa: E402

IMPORTED = time.perf_counter()


class Clock(keras.callbacks.Callback):
    """Notes when each batch ended; what `fit` does before and after is not counted."""

    def on_train_begin(self, logs: object = None) -> None:
        """Forget the last training."""
        self.times: list[float] = []

    def on_train_batch_end(self, batch: int, logs: object = None) -> None:
        """Note the time."""
        self.times.append(time.perf_counter())


def build() -> keras.Model:
    """The network, which resizes the images first where they are smaller."""
    entry = MODELS[options.network]
    size = options.image_size
    stem = {"stem": options.stem} if len(entry.stems) > 1 else {}
    network = entry.load()((size, size, 1), 10, **stem)
    if images.shape[1] == size:
        return network
    resize = keras.layers.Resizing(size, size)
    return keras.Sequential([keras.Input(images.shape[1:]), resize, network])


def fit(steps: int) -> list[float]:
    """Train some steps; when each ended."""
    size = steps * options.batch_size
    clock = Clock()
    model.fit(
        images[:size],
        labels[:size],
        batch_size=options.batch_size,
        verbose=0,
        callbacks=[clock],
    )
    return clock.times


if options.bfloat16:
    keras.config.set_dtype_policy("mixed_bfloat16")
images, labels = contender.load_mnist(options.image_size)
model = build()
model.compile(
    optimizer=keras.optimizers.SGD(contender.LEARNING_RATE, momentum=0.9)
    if options.optimizer == "sgd"
    else keras.optimizers.Adagrad(contender.LEARNING_RATE),
    loss="sparse_categorical_crossentropy",
    metrics=["accuracy"],
)
fit(1)
contender.ready(IMPORTED, parameters=model.count_params())
for order in contender.orders():
    order = min(order, len(images) // options.batch_size - 1)
    times = fit(order + 1)
    contender.say(seconds=times[-1] - times[0], steps=order)
