"""From what is asked for to what is done, once the data have been looked at."""

from __future__ import annotations

from dataclasses import replace

from kerascnn.data import ARRAYS, DATASETS
from kerascnn.data.sources import short_name
from kerascnn.machine.numbers import format_count, format_counted
from kerascnn.machine.reporter import Reporter
from kerascnn.settings.config import (
    TrainConfig,
    TrainSettings,
    check_steps,
    count_images,
    reading_of,
)

# What is chosen for pictures, and how it is called in a line.
CHOSEN = {
    "image_size": "{} pixels a side",
    "stem": "the {} stem",
    "batch_size": "batches of {}",
    "epochs": "{} epochs",
}


def settle(config: TrainConfig, reporter: Reporter) -> TrainSettings:
    """Fill in what is not asked for; pictures are read for it, if they were not yet.

    Args:
        config: What is asked for.
        reporter: Told what was found and chosen, and how far reading is.

    Raises:
        ConfigError: Settings that do not fit the data.
        DatasetError: Pictures that cannot be read.
    """
    if config.dataset == ARRAYS:
        return config.resolve()
    if config.dataset in DATASETS:
        settings = config.resolve()
        check_steps(settings, count_images(settings))
        return settings

    from kerascnn.data.splits import SPLIT_SEED, training_parts
    from kerascnn.data.stored import open_pictures, survey

    reporter.stage("looking for pictures")
    seen = survey(config.dataset, reading_of(config))
    settings = config.resolve(seen)
    pictures = open_pictures(
        settings.dataset, reading_of(settings), stage=reporter.stage
    )
    train, validation = training_parts(
        pictures.part("train"),
        pictures.part("validation"),
        settings.validation_fraction,
        settings.limit,
    )
    # Some may be unreadable, and groups are not divided.
    seen = replace(seen, num_train=len(train), has_validation=True)
    settings = config.resolve(seen)
    drawn = f" (held out, seed {SPLIT_SEED})"
    kind = "color" if pictures.channels == 3 else "gray"
    reporter.message(
        f"{short_name(settings.dataset)}: {format_count(len(pictures.stored.labels))} "
        f"{kind} pictures of {len(pictures.stored.class_names)} classes; "
        f"{format_count(len(train))} to train on, "
        f"{format_count(len(validation))}"
        f"{drawn if len(validation) and not pictures.has_validation else ''} "
        f"for validation, {format_count(len(pictures.part('test')))}"
        f"{'' if pictures.has_test else drawn} for the test"
    )
    left_out = len(pictures.stored.left_out)
    if left_out:
        reporter.message(
            f"{format_counted(left_out, 'file', 'files')} left out that cannot "
            "be read: see `kerascnn datasets check`"
        )
    chosen = [
        words.format(getattr(settings, name))
        for name, words in CHOSEN.items()
        if getattr(config, name) is None
    ]
    if chosen:
        reporter.message(f"Chosen for these pictures: {', '.join(chosen)}")
    check_steps(settings, len(train))
    return settings
