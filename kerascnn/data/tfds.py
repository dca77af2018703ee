"""Data sets by way of tensorflow-datasets, which downloads and keeps them."""

from __future__ import annotations

import contextlib
import io
import logging
import socket
from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kerascnn.data import Split
from kerascnn.errors import MAX_NAMES, DatasetError, shown
from kerascnn.machine.tensorflow import load_tensorflow

if TYPE_CHECKING:
    from kerascnn.data import DatasetEntry, SplitName

# tensorflow-datasets asks ten times, over more than three minutes, before it says that
# there is no network.
MAX_RETRIES = 2
CATALOG = "https://www.tensorflow.org/datasets/catalog"


def load_tfds(
    entry: DatasetEntry,
    split: SplitName,
    *,
    data_dir: Path | None = None,
    manual_dir: Path | None = None,
) -> Split:
    """Read one split of a data set, and download the data if they are not there yet.

    Args:
        entry: The row of `DATASETS`.
        split: `"train"` or `"test"`.
        data_dir: Where tensorflow-datasets keeps its data; `None` is its own default,
            the environment variable `TFDS_DATA_DIR` or `~/tensorflow_datasets`.
        manual_dir: A folder with the original archives, instead of a download.

    Returns:
        The split, whole and in the order of tensorflow-datasets.

    Raises:
        DatasetError: A download that fails, a folder that cannot be written, or data
            that are not what they should be.
    """
    builder = find_builder(entry.tfds_name, data_dir)
    prepare(builder, entry.name, manual_dir)
    import tensorflow_datasets as tfds

    with told_damage(builder):
        batches = list(tfds.as_numpy(builder.as_dataset(split=split, batch_size=1024)))
    return Split(
        images=np.concatenate([batch["image"] for batch in batches]),
        labels=np.concatenate([batch["label"] for batch in batches]),
        class_names=entry.class_names,
    )


def find_builder(name: str, data_dir: Path | None = None) -> Any:
    """The builder of tensorflow-datasets of that name.

    Raises:
        DatasetError: There is none, or what was prepared of it cannot be read.
    """
    load_tensorflow()
    import tensorflow_datasets as tfds

    _settle(tfds)
    try:
        return tfds.builder(name, data_dir=data_dir)
    except (tfds.core.DatasetNotFoundError, ValueError, AssertionError) as error:
        known = tfds.list_builders(with_community_datasets=False)
        first = name.partition("/")[0].partition(":")[0].lower()
        if first in known:
            row = tfds.builder_cls(first)
            configurations = ", ".join([*row.builder_configs][:MAX_NAMES])
            version = f", and is at version {row.VERSION}" if row.VERSION else ""
            raise DatasetError(
                f"tensorflow-datasets has no {shown(name)}: {first} has "
                f"{configurations or 'no configurations'}{version}. See {CATALOG}."
            ) from error
        near = get_close_matches(first, known, 1)
        hint = f"Did you mean tfds:{near[0]}? " if near else ""
        raise DatasetError(
            f"tensorflow-datasets has no set {shown(first)}. {hint}See {CATALOG}."
        ) from error


@contextlib.contextmanager
def told_damage(builder: Any) -> Iterator[None]:
    """Turn errors over records that are cut short or missing into one line.

    Raises:
        DatasetError: With what to delete.
    """
    import tensorflow as tf

    try:
        yield
    except (
        tf.errors.DataLossError,
        tf.errors.FailedPreconditionError,  # records missing at the end
        tf.errors.NotFoundError,
    ) as error:
        raise DatasetError(
            f"{builder.name} in {builder.data_dir} is damaged. Delete that folder; it "
            "is made anew when it is next used."
        ) from error


def prepare(builder: Any, name: str, manual_dir: Path | None = None) -> None:
    """Have a builder download and convert the data, where they are not there yet.

    Raises:
        DatasetError: With what to do.
    """
    import tensorflow_datasets as tfds
    from requests import RequestException  # tensorflow-datasets downloads with it
    from tensorflow_datasets.core.download import download_manager

    settings = tfds.download.DownloadConfig(manual_dir=manual_dir)
    try:
        with contextlib.redirect_stdout(io.StringIO()):  # it prints what it does
            builder.download_and_prepare(download_config=settings)
    except (RequestException, tfds.download.DownloadError) as error:
        raise DatasetError(
            f"{name} is not on this machine and its download failed: "
            f"{_first_cause(error)} Connect to the network once, or choose mnist, "
            "which comes with kerascnn."
        ) from error
    except download_manager.NonMatchingChecksumError as error:
        downloads = Path(builder.data_dir).parents[1] / "downloads"
        raise DatasetError(
            f"{name}: an archive lacks the SHA-256 that tensorflow-datasets "
            f"expects. Delete {downloads}, and it is downloaded again."
        ) from error
    except OSError as error:
        raise DatasetError(
            f"{name} cannot be stored: {error}. Free some space, or set "
            "TFDS_DATA_DIR to a folder that can be written."
        ) from error
    except (AssertionError, ImportError, ValueError) as error:
        # Some are to be downloaded by hand, or need a package.
        raise DatasetError(
            f"{name} cannot be prepared: {_first_line(error)} See {CATALOG}."
        ) from error


def _first_cause(error: BaseException) -> str:
    """What the innermost of a chain of exceptions says, in one line."""
    while inner := error.__cause__ or error.__context__:
        error = inner
    if isinstance(error, socket.gaierror):
        return "there is no network, or no name server."
    if isinstance(error, TimeoutError):
        return "the server gives no answer."
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror.lower()}."
    return _first_line(error)


def _first_line(error: BaseException) -> str:
    return f"{' '.join(str(error).split()).rstrip('.')[:200]}."


def _settle(tfds: Any) -> None:
    """Keep tensorflow-datasets from drawing, warning and retrying for minutes.

    For good, not for one call: after an error its other downloads still go on.
    """
    from tensorflow_datasets.core.download import downloader

    tfds.disable_progress_bar()
    downloader.MAX_RETRIES = MAX_RETRIES
    logging.getLogger("urllib3").setLevel(logging.ERROR)
