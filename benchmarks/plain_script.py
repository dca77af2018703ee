"""A plain Keras script: a network, a constant rate, `fit` on NumPy arrays.

    python benchmarks/plain_script.py NETWORK RATE SEED EPOCHS

stops after the first epoch that ends with 99 % on the last 6,000 training images, and
prints how long it took from the start of the process.
"""

from __future__ import annotations

import time

STARTED = time.perf_counter()

import json  # noqa: E402
import sys  # noqa: E402

import contender  # noqa: E402
import keras  # noqa: E402

from kerascnn.models import MODELS  # noqa: E402

TARGET = 0.99


class Stop(keras.callbacks.Callback):
    """Stops at the target, and notes how long it took."""

    reached = False
    seconds = 0.0
    epochs = 0
    accuracy = 0.0

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Look at the validation accuracy."""
        self.epochs = epoch + 1
        self.seconds = time.perf_counter() - STARTED
        self.accuracy = (logs or {})["val_accuracy"]
        self.reached = self.accuracy >= TARGET
        self.model.stop_training = self.reached


name, rate, seed, epochs = sys.argv[1:5]
keras.utils.set_random_seed(int(seed))
(images, labels), test = contender.load_mnist(margin=0 if name == "lenet" else 2)
model = MODELS[name].load()(images.shape[1:], 10)
model.compile(
    keras.optimizers.SGD(float(rate), momentum=0.9),
    "sparse_categorical_crossentropy",
    ["accuracy"],
)
stop = Stop()
model.fit(
    images[:54_000],
    labels[:54_000],
    batch_size=64,
    epochs=int(epochs),
    validation_data=(images[54_000:], labels[54_000:]),
    verbose=0,
    callbacks=[stop],
)
_, test_accuracy = model.evaluate(*test, verbose=0)
print(
    json.dumps(
        {
            "epochs": stop.epochs,
            "seconds": stop.seconds,
            "reached": stop.reached,
            "validation_accuracy": stop.accuracy,
            "test_accuracy": test_accuracy,
        }
    )
)
