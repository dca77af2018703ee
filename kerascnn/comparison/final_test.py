"""The one place in which a comparison learns the labels of the test images."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np

from kerascnn.comparison.folder import ComparisonFolder
from kerascnn.comparison.plan import FINAL, choose, planned_runs
from kerascnn.data import load_split
from kerascnn.errors import RunError

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
    labels = load_split(protocol.dataset, "test").labels
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
