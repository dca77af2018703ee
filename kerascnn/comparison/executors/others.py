"""Who else trains runs of a comparison: processes that a killed one left, say."""

from __future__ import annotations

from kerascnn.comparison.folder import ComparisonFolder
from kerascnn.comparison.plan import PlannedRun
from kerascnn.errors import RunError
from kerascnn.machine.lease import Watch
from kerascnn.runs.folder import Run


class Others:
    """Looks for trainings that are not of this process.

    Args:
        folder: The comparison.
    """

    def __init__(self, folder: ComparisonFolder) -> None:
        self._folder = folder
        self._watch = Watch()

    def train(self, planned: PlannedRun) -> bool:
        """Whether another process trains a run, here or on a cluster."""
        leased = self._watch.is_held(self._folder.lease_path(planned.name))
        return leased or _is_locked(self._folder.run(planned))

    def expired(self, planned: PlannedRun) -> str | None:
        """The lease on a run whose holder is gone, for `take`."""
        return self._watch.expired(self._folder.lease_path(planned.name))


def _is_locked(run: Run) -> bool:
    if not run.path.is_dir():
        return False
    try:
        with run.locked():
            return False
    except RunError:
        return True
