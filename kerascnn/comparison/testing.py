"""The one place in which a comparison reads the test images."""

from __future__ import annotations

from datetime import UTC, datetime

import keras

from kerascnn.comparison.folder import ComparisonFolder
from kerascnn.comparison.plan import choose, planned_runs
from kerascnn.errors import RunError
from kerascnn.evaluation import evaluate_run
from kerascnn.progress import Reporter


def read_test_set(folder: ComparisonFolder, reporter: Reporter) -> None:
    """Measure all final models on the test images, in one pass, and write `test.json`.

    Args:
        folder: A comparison whose runs have all ended, with its `chosen.json`.
        reporter: Told of each model.

    Raises:
        RunError: The test images were read before, or not everything is chosen.
    """
    if folder.has("test.json"):
        raise RunError(
            f"The test images were read already: {folder.path / 'test.json'}. They are "
            "read once; compare anew in another --out."
        )
    if not folder.has("chosen.json"):
        raise RunError(
            f"{folder.path} has no chosen.json: the test images are read when all is "
            "chosen. Start the comparison again, and it goes on."
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
            f"{left[0]} has not ended: the test images are read when all runs have. "
            "Start the comparison again, and it goes on."
        )
    finals = [
        run
        for run in runs
        if run.stage == "final" and outcomes[run.name].status == "finished"
    ]
    tested = {}
    for number, run in enumerate(finals, start=1):
        metrics = evaluate_run(folder.run(run)).metrics
        tested[run.name] = {
            name: metrics[name] for name in ("images", "correct", "accuracy", "loss")
        }
        keras.backend.clear_session()  # or the memory of every model stays taken
        reporter.message(f"[{number}/{len(finals)}] {run.name}: test images read")
    folder.write_json(
        "test.json",
        {
            "read_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "chosen_sha256": folder.chosen_digest(),
            "runs": tested,
        },
    )
