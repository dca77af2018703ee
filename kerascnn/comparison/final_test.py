"""The one place in which a comparison learns the labels of the test images."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt

from kerascnn.comparison.folder import ComparisonFolder
from kerascnn.comparison.plan import FINAL, PlannedRun, choose, planned_runs
from kerascnn.data import DATASETS, load_split
from kerascnn.errors import RunError
from kerascnn.settings.config import reading_of

LABELS_NAME = "labels.npy"


def join_labels(folder: ComparisonFolder) -> None:
    """Compare all final runs' predictions with the labels; write `test.json`.

    Each run has stored the class that it predicts of every test image, unscored.

    Args:
        folder: A comparison whose runs have all ended, with its `chosen.json`.

    Raises:
        RunError: The labels were joined before, or not everything is chosen, or
            predictions are missing.
        DatasetError: Data that cannot be read.
    """
    if folder.has("test.json"):
        raise RunError(
            f"The labels of the test images were joined already: "
            f"{folder.path / 'test.json'}. That is done once; compare anew in another "
            "--out."
        )
    if not folder.has("chosen.json"):
        raise RunError(
            f"{folder.path} has no chosen.json: labels are joined when all is chosen. "
            "Start the comparison again, and it goes on."
        )
    protocol, outcomes = folder.protocol, folder.outcomes()
    if folder.read_json("chosen.json")["rates"] != choose(protocol, outcomes):
        raise RunError(
            f"The rates in {folder.path / 'chosen.json'} are not those that the tuning "
            "gives. Compare anew in another --out."
        )
    runs = planned_runs(protocol, outcomes)
    left = [run.name for run in runs if run.name not in outcomes]
    if left:
        raise RunError(
            f"{left[0]} has not ended: labels are joined when all runs have. Start the "
            "comparison again, and it goes on."
        )
    predictions = {
        run.name: folder.run(run).test_predictions
        for run in runs
        if run.stage == FINAL and outcomes[run.name].status == "finished"
    }
    labels = _test_labels(folder, [run for run in runs if run.name in predictions])
    scored = {}
    for name, classes in predictions.items():
        if len(classes) != len(labels):
            raise RunError(
                f"{name} predicts {len(classes):,} test images, but {protocol.dataset} "
                f"has {len(labels):,}. Delete the run, and it is trained again."
            )
        correct = int((classes == labels).sum())
        scored[name] = {"correct": correct, "accuracy": correct / len(labels)}
    folder.write_array(LABELS_NAME, labels.astype(np.min_scalar_type(labels.max())))
    folder.write_json(
        "test.json",
        {
            "joined_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "plan_sha256": protocol.digest(),
            "chosen_sha256": folder.chosen_digest(),
            "images": len(labels),
            "runs": scored,
        },
    )


def _test_labels(
    folder: ComparisonFolder, finished: Sequence[PlannedRun]
) -> npt.NDArray[np.int64]:
    """The classes of the test images, which are those that the runs predicted.

    Pictures are read in the size of each network; which of them can be read, and which
    are held out, does not depend on that.
    """
    name = folder.protocol.dataset
    if name in DATASETS or not finished:
        return load_split(name, "test").labels
    labels = load_split(name, "test", reading_of(finished[0].config)).labels
    facts = [folder.run(run).dataset for run in finished]
    for seen in {(row.image_shape, row.test_sha256): row for row in facts}.values():
        if not np.array_equal(seen.load("test").labels, labels):
            raise RunError(
                f"The runs of this comparison predicted other test pictures than {name}"
                " has. Restore the data, or compare anew in another --out."
            )
    return labels
