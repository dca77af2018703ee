"""The images that a training uses: to train on, to validate on, and their facts."""

from __future__ import annotations

from dataclasses import replace

from kerascnn.data import ARRAYS, DATASETS, Split, load_split
from kerascnn.data.facts import DatasetFacts, digest
from kerascnn.data.splits import hold_out, take
from kerascnn.errors import DatasetError
from kerascnn.settings.config import TrainSettings

# Runs that differ in their seed alone are validated on the same images.
SPLIT_SEED = 0


def load_splits(
    settings: TrainSettings, arrays: Split | None = None
) -> tuple[Split, Split, DatasetFacts]:
    """Load the images to train on and to validate on, and describe the data.

    The test images are left alone: `DatasetFacts.load` reads them when they are needed.

    Args:
        settings: The settings.
        arrays: The images, where the settings say that Python passes them.

    Raises:
        DatasetError: Data that cannot be read, or that Python did not pass.
        ConfigError: A part to hold out that leaves nothing.
    """
    if arrays is not None:
        whole, num_test = arrays, 0
        facts = DatasetFacts(
            name=ARRAYS, image_shape=whole.image_shape, class_names=whole.class_names
        )
    elif settings.dataset == ARRAYS:
        raise DatasetError(
            "This training is on arrays, which kerascnn does not store. Pass them from "
            "Python, as data=(images, labels) of train_model or resume_training."
        )
    else:
        whole = load_split(settings.dataset, "train")
        facts = DatasetFacts.from_table(settings.dataset)
        num_test = DATASETS[settings.dataset].num_test
    training, validation = hold_out(
        whole, settings.validation_fraction, seed=SPLIT_SEED
    )
    if settings.limit is not None:
        training = take(training, settings.limit, seed=SPLIT_SEED)
    facts = replace(
        facts,
        image_shape=whole.image_shape,
        class_names=whole.class_names,
        counts={
            "train": len(training),
            "validation": len(validation),
            "test": num_test,
        },
        sha256=digest(whole),
    )
    return training, validation, facts
