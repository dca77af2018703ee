"""The names of the augmentations, and which one suits which images."""

from __future__ import annotations

from kerascnn.registry import Entry, Registry

# The target of a row is a function of images, `(batch, height, width, channels)`, and a
# seed, int32 `(2,)`, that gives images of the same shape in [0, 255], float32.
AUGMENTATIONS = Registry(
    "augmentation",
    Entry(
        name="none",
        target="kerascnn.data.augmentation:leave",
        summary="Images as they are.",
    ),
    Entry(
        name="digits",
        target="kerascnn.data.augmentation:augment_digits",
        summary="Shifted and turned a little.",
    ),
    Entry(
        name="photographs",
        target="kerascnn.data.augmentation:augment_photographs",
        summary="Mirrored, cropped, and changed in brightness, contrast and color.",
    ),
)
# What stands in place of a name where the images decide.
AUTO = "auto"


def choices() -> list[str]:
    """All that may be asked for."""
    return [AUTO, *AUGMENTATIONS]


def choose_augmentation(asked: str, background: int | None) -> str:
    """The name of `AUGMENTATIONS` that is meant for some images.

    Args:
        asked: One of `choices()`.
        background: Brightness around what is drawn, as `DatasetFacts` has it;
            photographs have none.
    """
    if asked != AUTO:
        return asked
    return "photographs" if background is None else "digits"


def of_flag(value: object) -> object:
    """The name for a flag, which the setting was once; anything else as it is."""
    return {True: "digits", False: "none"}[value] if isinstance(value, bool) else value
