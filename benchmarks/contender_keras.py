"""The script that one writes without kerascnn: NumPy arrays into `fit`."""

from __future__ import annotations

import time

import contender

options = contender.parse()

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


def fit(steps: int) -> list[float]:
    """Train some steps; when each ended."""
    size = steps * contender.BATCH_SIZE
    clock = Clock()
    model.fit(
        images[:size],
        labels[:size],
        batch_size=contender.BATCH_SIZE,
        verbose=0,
        callbacks=[clock],
    )
    return clock.times


(images, labels), _ = contender.load_mnist()
model = MODELS[options.network].load()(images.shape[1:], 10)
model.compile(
    optimizer=keras.optimizers.SGD(contender.LEARNING_RATE, momentum=0.9)
    if options.optimizer == "sgd"
    else keras.optimizers.Adagrad(contender.LEARNING_RATE),
    loss="sparse_categorical_crossentropy",
    metrics=["accuracy"],
)
fit(1)
contender.ready(IMPORTED)
for order in contender.orders():
    order = min(order, len(images) // contender.BATCH_SIZE - 1)
    times = fit(order + 1)
    contender.say(seconds=times[-1] - times[0], steps=order)
