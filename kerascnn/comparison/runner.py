"""Do what is left of a comparison: trainings in processes, the test, the report."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from kerascnn.comparison.folder import ComparisonFolder
from kerascnn.comparison.plan import PlannedRun, choose
from kerascnn.environment import usable_cores
from kerascnn.errors import RunError, TrainingInterruptedError
from kerascnn.interruption import remembered_signals
from kerascnn.progress import Reporter, format_seconds
from kerascnn.runs import Run
from kerascnn.runtime import load_tensorflow, python_path

POLL_SECONDS = 0.2
# How many threads TensorFlow and oneDNN use, in the environment.
THREADS = ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS")
# More processes than this would need more memory than most machines have.
MAX_DEFAULT_JOBS = 4
# Final models of other seeds go when the test images have been read.
KEPT_SEED = 1


def run_comparison(
    folder: ComparisonFolder,
    *,
    jobs: int | None = None,
    without_failed: bool = False,
    reporter: Reporter | None = None,
) -> dict[str, Any]:
    """Do what is left of a comparison, and nothing twice.

    Args:
        folder: The comparison, from `open_comparison`.
        jobs: Trainings side by side, each with its share of the cores; where `None`,
            as many as there are cores, but four at most.
        without_failed: Go on to the end without the runs that fail. They are left out
            for good.
        reporter: Told how it goes; nobody where `None`.

    Returns:
        The results, as `kerascnn.comparison.results.derive_results` gives them.

    Raises:
        RunError: A run failed, or the files of the comparison do not fit together.
        TrainingInterruptedError: A signal stopped it; started again, it goes on.
    """
    reporter = reporter or Reporter()
    if folder.has("results.json"):  # written last
        from kerascnn.comparison.results import derive_results

        results = derive_results(folder)
        if results == folder.read_json("results.json") and folder.has("report.html"):
            return results
    with folder.locked():
        if not folder.has("test.json"):
            _train(folder, jobs, without_failed, reporter)
            rates = choose(folder.protocol, folder.outcomes())
            folder.write_json("chosen.json", {"rates": rates})
            load_tensorflow()
            from kerascnn.comparison.testing import read_test_set

            read_test_set(folder, reporter)
        _delete_models(folder)
        reporter.message("Drawing the figures and writing the report")
        from kerascnn.comparison.report import write_report

        return write_report(folder)


def _train(
    folder: ComparisonFolder,
    jobs: int | None,
    without_failed: bool,
    reporter: Reporter,
) -> None:
    """Do the runs that are left, until none is."""
    jobs = jobs or min(usable_cores(), MAX_DEFAULT_JOBS)
    failures: dict[str, str] = {}
    with remembered_signals() as signals, _pool(folder, jobs) as pool:
        while True:
            left = [run for run in folder.left() if run.name not in failures]
            if not left and not pool.running:
                break
            for run in left:
                if len(pool.running) < jobs and not pool.has(run):
                    pool.start(run)
            ended = pool.wait(signals)
            if signals:
                raise TrainingInterruptedError(
                    f"Stopped with {len(left)} of the runs known so far to do. Go on "
                    f"with: kerascnn compare --out {folder.path}"
                )
            for run, code in ended:
                failure = _failure(folder, run, code)
                reporter.message(f"{_progress(folder)} {_story(folder, run, failure)}")
                if failure:
                    failures[run.name] = failure
                    if without_failed:
                        folder.write_json("failed.json", folder.failed() | failures)
    if failures and not without_failed:
        name, failure = next(iter(failures.items()))
        raise RunError(
            f"{len(failures)} of the runs failed, and the others that do not wait for "
            f"them are done. The first is {name}: {failure} Start again to try them "
            "again, or finish without them: kerascnn compare --without-failed --out "
            f"{folder.path}"
        )
    _delete_models(folder)


@dataclass
class _Pool:
    """Trainings that go on, each in a process of its own.

    Attributes:
        folder: Where they belong to.
        cores: How many cores each may use; all where `None`.
        running: The processes, by run.
    """

    folder: ComparisonFolder
    cores: int | None
    running: dict[str, tuple[PlannedRun, subprocess.Popen[bytes]]] = field(
        default_factory=dict
    )

    def has(self, run: PlannedRun) -> bool:
        """Whether a run goes on here, or in a process that someone else started."""
        return run.name in self.running or _is_busy(self.folder.run(run))

    def start(self, planned: PlannedRun) -> None:
        """Start a run, or go on with one that was stopped."""
        run = self.folder.run(planned)
        if (run.path / "config.json").exists():
            words = ["train", "--resume", str(run.path)]
        else:
            words = planned.command(self.folder.runs_path)[1:]
        log = self.folder.log_path(planned)
        log.parent.mkdir(parents=True, exist_ok=True)
        with open(log, "ab") as output:
            process = subprocess.Popen(
                [sys.executable, "-P", "-m", "kerascnn", *words],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=os.environ | _share_of_cores(self.cores) | python_path(),
                # Ctrl-C is for this process; it tells the others, once.
                start_new_session=True,
            )
        self.running[planned.name] = (planned, process)

    def wait(self, signals: list[int]) -> list[tuple[PlannedRun, int]]:
        """Wait for a run to end, or a signal, or a moment where others train.

        Returns:
            The runs that ended, each with the exit code of its process.
        """
        for _ in range(round(1 / POLL_SECONDS) if not self.running else 2**31):
            ended = [
                (planned, code)
                for planned, process in self.running.values()
                if (code := process.poll()) is not None
            ]
            if ended or signals:
                break
            time.sleep(POLL_SECONDS)
        for planned, _ in ended:
            del self.running[planned.name]
        return ended

    def stop(self) -> None:
        """Tell the runs to stop, and wait until they have written their checkpoints."""
        for _, process in self.running.values():
            process.terminate()
        for _, process in self.running.values():
            process.wait()
        self.running.clear()


@contextmanager
def _pool(folder: ComparisonFolder, jobs: int) -> Iterator[_Pool]:
    """A pool that leaves no process behind."""
    cores = max(1, usable_cores() // jobs) if jobs > 1 else None
    pool = _Pool(folder, cores)
    try:
        yield pool
    finally:
        pool.stop()


def _share_of_cores(cores: int | None) -> dict[str, str]:
    """What lets processes share a machine; what the user has set wins."""
    if cores is None:
        return {}
    shares = {
        **dict.fromkeys(THREADS, str(cores)),
        # Or the first process takes the whole memory of a GPU.
        "TF_FORCE_GPU_ALLOW_GROWTH": "true",
    }
    return {name: value for name, value in shares.items() if name not in os.environ}


def _is_busy(run: Run) -> bool:
    """Whether another process trains a run: one that a killed comparison left, say."""
    if not run.path.is_dir():
        return False
    try:
        with run.locked():
            return False
    except RunError:
        return True


def _failure(folder: ComparisonFolder, planned: PlannedRun, code: int) -> str | None:
    """Why a run whose process has ended is not done; `None` where it is."""
    run = folder.run(planned)
    if run.status != "unfinished" or _is_busy(run):
        return None
    log = folder.log_path(planned)
    lines = log.read_text(encoding="utf-8", errors="replace").split("\n")
    last = next((line.strip() for line in reversed(lines) if line.strip()), "no word.")
    killed = f"signal {-code} ended it; before that: " if code < 0 else ""
    return f"{killed}{last} ({log})"


def _story(folder: ComparisonFolder, planned: PlannedRun, failure: str | None) -> str:
    """One line on how a run ended."""
    if failure:
        return f"{planned.name} failed: {failure}"
    run = folder.run(planned)
    metrics = run.metrics
    if run.status == "diverged":
        return f"{run.name} diverged in epoch {metrics['diverged_at_epoch']}"
    if run.status != "finished":
        return f"{run.name} goes on in another process"
    return (
        f"{run.name}: validation accuracy {metrics['validation_accuracy']:.4f} in "
        f"{format_seconds(metrics['seconds'])}"
    )


def _progress(folder: ComparisonFolder) -> str:
    """How many of the runs that are known of have ended."""
    outcomes, planned = folder.outcomes(), folder.planned()
    return f"[{sum(run.name in outcomes for run in planned)}/{len(planned)}]"


def _delete_models(folder: ComparisonFolder) -> None:
    """Delete models that are not needed any more.

    Those of tuning runs go when they have ended; those of final runs, except of the
    first seed, when the test images have been read.
    """
    outcomes, is_tested = folder.outcomes(), folder.has("test.json")
    for planned in folder.planned():
        is_over = planned.stage == "tuning" or is_tested
        is_kept = planned.stage == "final" and planned.config.seed == KEPT_SEED
        if planned.name in outcomes and is_over and not is_kept:
            folder.run(planned).model_path.unlink(missing_ok=True)
