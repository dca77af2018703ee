"""A plain Keras script: a network, a constant rate, `fit` on NumPy arrays.

    python benchmarks/plain_script.py NETWORK RATE SEED EPOCHS [IMAGES]

stops after the first epoch that ends with 99% on the last 6,000 training images, and
prints how long it took from the start of the process, and the images a second between
the batches of the first epoch. The network, with its first layers and its image size,
is that of kerascnn's recipe. IMAGES are those to train with, 54,000 where left out, and
at most so many are looked at afterwards.
"""

from __future__ import annotations

import time

STARTED = time.perf_counter()

import json  # noqa: E402
import sys  # noqa: E402

import keras  # noqa: E402

from kerascnn import build_model, load_dataset  # noqa: E402
from kerascnn.settings.recipes import RECIPES  # noqa: E402

TARGET = 0.99
BATCH_SIZE = 64
WARM = 5  # batches whose time does not count


class Stop(keras.callbacks.Callback):
    """Stops at the target, and notes how long it took."""

    batches: tuple[float, ...] = ()

    reached = False
    seconds = 0.0
    epochs = 0
    accuracy = 0.0

    def on_train_batch_end(
        self, batch: int, logs: dict[str, float] | None = None
    ) -> None:
        """Note the time."""
        if not self.epochs:
            self.batches += (time.perf_counter(),)

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Look at the validation accuracy."""
        self.epochs = epoch + 1
        self.seconds = time.perf_counter() - STARTED
        self.accuracy = (logs or {})["val_accuracy"]
        self.reached = self.accuracy >= TARGET
        self.model.stop_training = self.reached


name, rate, seed, epochs = sys.argv[1:5]
count = int(sys.argv[5]) if len(sys.argv) > 5 else 54_000
keras.utils.set_random_seed(int(seed))
(images, labels), test = (
    (split.images.astype("float32"), split.labels) for split in load_dataset("mnist")
)
recipe = RECIPES[name]
model = build_model(
    name, images.shape[1:], 10, image_size=recipe.image_size, stem=recipe.stem
)
model.compile(
    keras.optimizers.SGD(float(rate), momentum=0.9),
    "sparse_categorical_crossentropy",
    metrics=["accuracy"],
)
stop = Stop()
model.fit(
    images[:count],
    labels[:count],
    batch_size=BATCH_SIZE,
    epochs=int(epochs),
    validation_data=(images[54_000:][:count], labels[54_000:][:count]),
    verbose=0,
    callbacks=[stop],
)
_, test_accuracy = model.evaluate(*(values[:count] for values in test), verbose=0)
first, *_, last = stop.batches[WARM:]
print(
    json.dumps(
        {
            "epochs": stop.epochs,
            "seconds": stop.seconds,
            "reached": stop.reached,
            "validation_accuracy": stop.accuracy,
            "test_accuracy": test_accuracy,
            "images_per_second": (len(stop.batches) - WARM - 1)
            * BATCH_SIZE
            / (last - first),
        }
    )
)
