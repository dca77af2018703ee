"""Data sets by way of tensorflow-datasets, which downloads and keeps them."""

from __future__ import annotations

import contextlib
import io
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kerascnn.data import Split
from kerascnn.errors import DatasetError
from kerascnn.machine.tensorflow import load_tensorflow

if TYPE_CHECKING:
    from kerascnn.data import DatasetEntry, SplitName

# tensorflow-datasets asks ten times, over more than three minutes, before it says that
# there is no network.
MAX_RETRIES = 2


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
    load_tensorflow()
    import tensorflow as tf
    import tensorflow_datasets as tfds

    _settle(tfds)
    builder = _prepare(tfds, entry, data_dir, manual_dir)
    try:
        batches = list(tfds.as_numpy(builder.as_dataset(split=split, batch_size=1024)))
    except (
        tf.errors.DataLossError,
        tf.errors.FailedPreconditionError,  # records missing at the end
        tf.errors.NotFoundError,
    ) as error:
        raise DatasetError(
            f"{entry.name} in {builder.data_dir} is damaged. Delete that folder; it is "
            "made anew when it is next used."
        ) from error
    return Split(
        images=np.concatenate([batch["image"] for batch in batches]),
        labels=np.concatenate([batch["label"] for batch in batches]),
        class_names=entry.class_names,
    )


def _prepare(
    tfds: Any, entry: DatasetEntry, data_dir: Path | None, manual_dir: Path | None
) -> Any:
    """Make the builder, and have it download and convert the data where needed."""
    from requests import RequestException  # tensorflow-datasets downloads with it
    from tensorflow_datasets.core.download import download_manager

    builder = tfds.builder(entry.tfds_name, data_dir=data_dir)
    settings = tfds.download.DownloadConfig(manual_dir=manual_dir)
    try:
        with contextlib.redirect_stdout(io.StringIO()):  # it prints what it does
            builder.download_and_prepare(download_config=settings)
    except (RequestException, tfds.download.DownloadError) as error:
        raise DatasetError(
            f"{entry.name} is not on this machine and its download failed: "
            f"{_first_cause(error)}. Connect to the network once, or choose mnist, "
            "which comes with kerascnn."
        ) from error
    except download_manager.NonMatchingChecksumError as error:
        downloads = Path(builder.data_dir).parents[1] / "downloads"
        raise DatasetError(
            f"{entry.name}: an archive lacks the SHA-256 that tensorflow-datasets "
            f"expects. Delete {downloads}, and it is downloaded again."
        ) from error
    except OSError as error:
        raise DatasetError(
            f"{entry.name} cannot be stored: {error}. Free some space, or set "
            "TFDS_DATA_DIR to a folder that can be written."
        ) from error
    return builder


def _first_cause(error: BaseException) -> str:
    """What the innermost of a chain of exceptions says, in one line."""
    while inner := error.__cause__ or error.__context__:
        error = inner
    return " ".join(str(error).split())


def _settle(tfds: Any) -> None:
    """Keep tensorflow-datasets from drawing, warning and retrying for minutes.

    For good, not for one call: after an error its other downloads still go on.
    """
    from tensorflow_datasets.core.download import downloader

    tfds.disable_progress_bar()
    downloader.MAX_RETRIES = MAX_RETRIES
    logging.getLogger("urllib3").setLevel(logging.ERROR)
