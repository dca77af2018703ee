"""The images that a training uses: to train on, to validate on, and their facts."""

from __future__ import annotations

from dataclasses import replace

from kerascnn.data import ARRAYS, DATASETS, Split, load_split
from kerascnn.data.facts import DatasetFacts, digest
from kerascnn.data.splits import training_parts
from kerascnn.data.stored import in_memory, open_pictures
from kerascnn.errors import DatasetError
from kerascnn.settings.config import TrainSettings, reading_of


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
    validation = None
    if arrays is not None:
        whole = arrays
        facts = DatasetFacts(
            name=ARRAYS, image_shape=whole.image_shape, class_names=whole.class_names
        )
    elif settings.dataset == ARRAYS:
        raise DatasetError(
            "This training is on arrays, which kerascnn does not store. Pass them from "
            "Python, as data=(images, labels) of train_model or resume_training."
        )
    elif settings.dataset in DATASETS:
        whole = load_split(settings.dataset, "train")
        facts = DatasetFacts.from_table(settings.dataset)
        facts = replace(facts, counts={"test": DATASETS[settings.dataset].num_test})
    else:
        whole, validation, facts = _load_pictures(settings)
    training, validation = training_parts(
        whole, validation, settings.validation_fraction, settings.limit
    )
    facts = replace(
        facts,
        image_shape=whole.image_shape,
        class_names=whole.class_names,
        counts={
            "train": len(training),
            "validation": len(validation),
            "test": facts.counts.get("test", 0),
        },
        sha256=digest(whole),
    )
    return in_memory(training), in_memory(validation), facts


def _load_pictures(settings: TrainSettings) -> tuple[Split, Split, DatasetFacts]:
    """Pictures to train on, those of a validation part, and what they are."""
    pictures = open_pictures(settings.dataset, reading_of(settings))
    whole, test = pictures.part("train"), pictures.part("test")
    facts = DatasetFacts(
        name=settings.dataset,
        image_shape=whole.image_shape,
        class_names=whole.class_names,
        background=pictures.stored.background,
        counts={"test": len(test)},
        test_sha256=digest(test),
        resize=settings.resize,
        group_by=settings.group_by,
        test_fraction=None if pictures.has_test else settings.test_fraction,
    )
    return whole, pictures.part("validation"), facts
