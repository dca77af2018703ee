"""The images that a training uses: to train on, to validate on, and their facts."""

from __future__ import annotations

from dataclasses import replace

from kerascnn.data import DATASETS, Split, load_split
from kerascnn.data.facts import DatasetFacts, digest
from kerascnn.data.splits import hold_out, take
from kerascnn.settings.config import TrainSettings

# Runs that differ in their seed alone are validated on the same images.
SPLIT_SEED = 0


def load_splits(settings: TrainSettings) -> tuple[Split, Split, DatasetFacts]:
    """Load the images to train on and to validate on, and describe the data.

    The test images are left alone: `DatasetFacts.load` reads them when they are needed.

    Raises:
        DatasetError: Data that cannot be read.
        ConfigError: A part to hold out that leaves nothing.
    """
    whole = load_split(settings.dataset, "train")
    training, validation = hold_out(
        whole, settings.validation_fraction, seed=SPLIT_SEED
    )
    if settings.limit is not None:
        training = take(training, settings.limit, seed=SPLIT_SEED)
    facts = replace(
        DatasetFacts.from_table(settings.dataset),
        image_shape=whole.image_shape,
        class_names=whole.class_names,
        counts={
            "train": len(training),
            "validation": len(validation),
            "test": DATASETS[settings.dataset].num_test,
        },
        sha256=digest(whole),
    )
    return training, validation, facts
