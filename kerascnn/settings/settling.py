"""From what is asked for to what is done, once the data have been looked at."""

from __future__ import annotations

from kerascnn.data import ARRAYS, DATASETS, count_held_out
from kerascnn.data.sources import short_name
from kerascnn.machine.numbers import format_count
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

    from kerascnn.data.stored import open_pictures, survey

    reporter.stage("looking for pictures")
    settings = config.resolve(survey(config.dataset, reading_of(config)))
    pictures = open_pictures(
        settings.dataset, reading_of(settings), stage=reporter.stage
    )
    train = pictures.part("train")
    validation, test = pictures.part("validation"), pictures.part("test")
    held_out = 0
    if not len(validation):
        held_out = count_held_out(len(train), settings.validation_fraction)
    num_train = min(len(train) - held_out, settings.limit or len(train))
    kind = "color" if train.image_shape[2] == 3 else "gray"
    reporter.message(
        f"{short_name(settings.dataset)}: {format_count(len(pictures.stored.labels))} "
        f"{kind} pictures of {train.num_classes} "
        f"classes; {format_count(num_train)} to train on, "
        f"{_held_out(held_out or len(validation), held_out > 0)} for validation, "
        f"{_held_out(len(test), not pictures.has_test)} for the test"
    )
    left_out = len(pictures.stored.left_out)
    if left_out:
        reporter.message(
            f"{format_count(left_out)} {'file' if left_out == 1 else 'files'} left out "
            "that cannot be read: see `kerascnn datasets check`"
        )
    chosen = [
        words.format(getattr(settings, name))
        for name, words in CHOSEN.items()
        if getattr(config, name) is None
    ]
    if chosen:
        reporter.message(f"Chosen for these pictures: {', '.join(chosen)}")
    check_steps(settings, num_train)
    return settings


def _held_out(number: int, is_drawn: bool) -> str:
    return f"{format_count(number)}{' (held out, seed 0)' if is_drawn else ''}"
