"""Parts and orders of a split, each a pure function of its arguments.

The same seed gives the same images in every version of kerascnn; the tests hold the
results fast. Each purpose draws from a random stream of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kerascnn.data import LIMIT, count_held_out
from kerascnn.errors import ConfigError

if TYPE_CHECKING:
    import numpy.typing as npt

    from kerascnn.data import Split

# Parts are the same whatever the seed of a training, so that runs that differ in it
# alone are measured on the same images.
SPLIT_SEED = 0
# Second word of the seed, so that one seed does not draw alike for two purposes.
HOLD_OUT_STREAM, TAKE_STREAM, EPOCH_STREAM = 1, 2, 3


def hold_out(split: Split, fraction: float, *, seed: int) -> tuple[Split, Split]:
    """Divide a split in two, with every class in the same proportion in both.

    A class keeps an image at least; a group is not divided, so that the proportions
    are met to within a group.

    Args:
        split: The images to divide.
        fraction: Part of the images to hold out, in `[0, 1)`.
        seed: Chooses the images, at least 0.

    Returns:
        The remaining and the held out images, each in the order of `split`. Every image
        is in exactly one of the two.

    Raises:
        ConfigError: A fraction outside its range, or one that leaves either part empty.
    """
    count = count_held_out(len(split), fraction)
    generator = _generator(seed, HOLD_OUT_STREAM)
    if split.groups is None or not count:
        is_held_out = _stratified(split, count, generator, keep=1)
    else:
        is_held_out = _stratified_groups(split, split.groups, count, generator, keep=1)
    if count and not is_held_out.any():
        raise ConfigError(
            "Every class has a single image, of which none can be held out. Add "
            "images to the classes."
        )
    return _select(split, ~is_held_out), _select(split, is_held_out)


def training_parts(
    whole: Split, validation: Split | None, fraction: float, limit: int | None
) -> tuple[Split, Split]:
    """The images that are trained on, and those to validate on.

    Args:
        whole: The images that are not for the test.
        validation: Those of a validation part, if any; without, some of `whole` are
            held out.
        fraction: Part of the images to hold out, in `[0, 1)`.
        limit: How many to train on; all of them where `None`.

    Raises:
        ConfigError: A part to hold out that leaves nothing.
    """
    if validation is None or not len(validation):
        whole, validation = hold_out(whole, fraction, seed=SPLIT_SEED)
    if limit is not None:
        whole = take(whole, limit, seed=SPLIT_SEED)
    return whole, validation


def take(split: Split, limit: int, *, seed: int) -> Split:
    """Draw some images, each class in its proportion to within one image.

    Args:
        split: The images to draw from.
        limit: How many to draw, at least 1; all of them where there are not so many.
        seed: Chooses the images, at least 0.

    Returns:
        The images drawn, in the order of `split`.

    Raises:
        ConfigError: A limit below 1.
    """
    LIMIT.check("limit", limit)
    if limit >= len(split):
        return split
    return _select(split, _stratified(split, limit, _generator(seed, TAKE_STREAM)))


def epoch_order(num_images: int, *, seed: int, epoch: int) -> npt.NDArray[np.int32]:
    """The order in which an epoch takes the images, `(num_images,)`.

    It depends on nothing that came before, so that a resumed training goes on as it
    would have.

    Args:
        num_images: How many images there are.
        seed: Seed of the training, at least 0.
        epoch: Number of the epoch, at least 0.

    Returns:
        The indices from 0 to `num_images - 1`, shuffled.

    Raises:
        ConfigError: A negative seed or epoch.
    """
    if epoch < 0:
        raise ConfigError(f"Epochs count from 0, but got {epoch}.")
    order = _generator(seed, EPOCH_STREAM, epoch).permutation(num_images)
    return order.astype(np.int32)


def _generator(seed: int, *stream: int) -> np.random.Generator:
    if seed < 0:
        raise ConfigError(f"A seed has to be at least 0, but got {seed}.")
    return np.random.default_rng((seed, *stream))


def _stratified(
    split: Split, count: int, generator: np.random.Generator, *, keep: int = 0
) -> npt.NDArray[np.bool_]:
    """Mark `count` images, of each class its share rounded down or up.

    Of each class, `keep` images are left unmarked, if that is possible at all.
    """
    members = [np.flatnonzero(split.labels == c) for c in range(split.num_classes)]
    sizes = np.array([len(m) for m in members])
    # The largest remainders get what rounding down leaves over: whole numbers, exactly.
    counts, remainders = np.divmod(sizes * count, max(len(split), 1))
    order = np.argsort(-remainders, kind="stable")
    order = order[counts[order] + keep < sizes[order]]
    counts[order[: count - counts.sum()]] += 1
    mask = np.zeros(len(split), bool)
    for member, number in zip(members, counts, strict=True):
        mask[generator.permutation(member)[:number]] = True
    return mask


def _stratified_groups(
    split: Split,
    groups: npt.NDArray[np.int64],
    count: int,
    generator: np.random.Generator,
    *,
    keep: int,
) -> npt.NDArray[np.bool_]:
    """Mark groups of about `count` images, while none of their classes has its share.

    Raises:
        ConfigError: All images are one group, or each group is too large.
    """
    names, members = np.unique(groups, return_inverse=True)
    if len(names) < 2:
        raise ConfigError(
            "All pictures are of one group, which cannot be divided. Give another "
            "group_by, or a folder with a test and a validation part."
        )
    table = np.zeros((len(names), split.num_classes), np.int64)
    np.add.at(table, (members, split.labels), 1)
    sizes = table.sum(axis=0)
    taken = np.zeros(split.num_classes, np.int64)
    chosen = np.zeros(len(names), bool)
    for group in generator.permutation(len(names)):
        after = taken + table[group]
        has = table[group] > 0
        # To the nearest: half of a group may be beyond the share.
        over = 2 * after * len(split) > 2 * sizes * count + table[group] * len(split)
        if not (over | (after + keep > sizes))[has].any():
            taken, chosen[group] = after, True
    if not chosen.any():
        raise ConfigError(
            f"No group of pictures is small enough to hold {count} pictures out. Give "
            "a larger fraction to hold out, or a group_by that finds smaller groups."
        )
    return chosen[members]


def _select(split: Split, mask: npt.NDArray[np.bool_]) -> Split:
    return split if mask.all() else split.select(mask)
