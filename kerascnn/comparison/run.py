"""Do what is left of a comparison: the trainings, the labels, the report."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from kerascnn.comparison.executors import Executor, open_executor
from kerascnn.comparison.folder import PLAN_NAME, ComparisonFolder
from kerascnn.comparison.plan import PlannedRun, choose
from kerascnn.comparison.progress import Progress
from kerascnn.comparison.records import Results
from kerascnn.errors import ConfigError, RunError, TrainingInterruptedError
from kerascnn.machine.numbers import format_accuracy, format_seconds
from kerascnn.machine.reporter import Reporter
from kerascnn.machine.signals import remembered_signals
from kerascnn.machine.text import command_line


def run_comparison(
    folder: ComparisonFolder,
    *,
    jobs: int | None = None,
    scheduler: str | None = None,
    without_failed: bool = False,
    reporter: Reporter | None = None,
) -> Results:
    """Do what is left of a comparison, and nothing twice.

    Args:
        folder: The comparison, from `open_comparison`.
        jobs: Trainings side by side, each with its share of the cores; as many as the
            executor says where `None`. Each sees one GPU, where there are any.
        scheduler: Where they go on, as for `open_executor`.
        without_failed: Go on to the end without the runs that fail. They are left out
            for good.
        reporter: Told how it goes; nobody where `None`.

    Returns:
        The results, as `derive_results` gives them.

    Raises:
        ConfigError: A scheduler of no form that is known.
        MissingExtraError: What it needs is not installed.
        RunError: A run failed, the files of the comparison do not fit together, or the
            scheduler is out of reach.
        TrainingInterruptedError: A signal stopped it; started again, it goes on.
    """
    reporter = reporter or Reporter()
    if is_reported(folder):
        from kerascnn.comparison.results import derive_results

        results = derive_results([folder])
        if results.to_dict() == folder.read_json("results.json"):
            return results
    with folder.locked():
        if not folder.has("test.json"):
            _train(folder, jobs, scheduler, without_failed, reporter)
            _join(folder)
        return _report(folder, [folder], reporter)


def gather_comparisons(
    paths: Sequence[Path], out: Path, *, reporter: Reporter | None = None
) -> Results:
    """Make one report of comparisons that were run network by network.

    Args:
        paths: Their folders. All their runs have ended.
        out: The folder of the report.
        reporter: Told how it goes; nobody where `None`.

    Returns:
        The results over all networks together.

    Raises:
        ConfigError: Comparisons that differ in more than their networks, or `out`
            holds a comparison of its own.
        RunError: A folder that holds no comparison, or one with runs that are left.
    """
    reporter = reporter or Reporter()
    target = ComparisonFolder(out)
    if target.has(PLAN_NAME):
        raise ConfigError(
            f"{out} holds a comparison of its own. Give the report another --out."
        )
    parts = [ComparisonFolder(path) for path in paths]
    for part in parts:
        if left := part.left():
            raise RunError(
                f"{part.path} has {len(left)} runs left, {left[0].name} first. Finish "
                f"it: {command_line('compare', '--out', part.path)}"
            )
    for part in parts:
        if not part.has("test.json"):
            with part.locked():
                _join(part)
    return _report(target, parts, reporter)


def report_comparison(
    folder: ComparisonFolder, *, reporter: Reporter | None = None
) -> Results:
    """Write the report from the files of the runs; train nothing, join nothing.

    Args:
        folder: A comparison. Before its labels are joined the report says what is
            missing, and nothing of test images or of differences.
        reporter: Told how it goes; nobody where `None`.

    Returns:
        The results, as `derive_results` gives them, or `preview_results`.

    Raises:
        RunError: The folder holds no comparison, or its files do not fit together.
    """
    _ = folder.protocol  # before a lock makes the folder
    with folder.locked():
        return _report(folder, [folder], reporter or Reporter())


def is_reported(folder: ComparisonFolder) -> bool:
    """Whether all has been written; `results.json` comes last."""
    names = ("test.json", "results.json", "report.html")
    return all(folder.has(name) for name in names)


def _join(folder: ComparisonFolder) -> None:
    """Write the chosen rates, and then score what the final runs predicted."""
    rates = choose(folder.protocol, folder.outcomes())
    folder.write_json("chosen.json", {"rates": rates})
    from kerascnn.comparison.final_test import join_labels

    join_labels(folder)


def _report(
    target: ComparisonFolder, parts: Sequence[ComparisonFolder], reporter: Reporter
) -> Results:
    reporter.message("Drawing the figures and writing the report")
    from kerascnn.comparison.report import write_report

    return write_report(target, parts)


def _train(
    folder: ComparisonFolder,
    jobs: int | None,
    scheduler: str | None,
    without_failed: bool,
    reporter: Reporter,
) -> None:
    """Do the runs that are left, until none is."""
    failures: dict[str, str] = {}
    progress = Progress(folder)
    again = ["compare", *(["--scheduler", scheduler] if scheduler else [])]
    with (
        remembered_signals() as signals,
        open_executor(folder, scheduler, jobs) as executor,
    ):
        while True:
            left = [run for run in folder.left() if run.name not in failures]
            if not left and not executor.running:
                break
            for run in left:
                is_free = len(executor.running) < executor.jobs
                if is_free and not _is_under_way(executor, folder, run):
                    executor.start(run)
                    progress.start(run)
            ended = executor.wait(
                signals, lambda: reporter.stage(progress.line(executor))
            )
            if signals:
                raise TrainingInterruptedError(
                    f"Stopped with {len(left)} of the runs known so far to do. Go on "
                    f"with: {command_line(*again, '--out', folder.path)}",
                    signals[0],
                )
            for run, code in ended:
                failure = _failure(executor, folder, run, code)
                progress.end(run)
                reporter.message(f"{progress.count} {_story(folder, run, failure)}")
                if failure:
                    failures[run.name] = failure
                    if without_failed:
                        folder.write_json("failed.json", folder.failed() | failures)
                elif folder.run(run).has("metrics.json"):
                    # All that is read of it later is small.
                    folder.run(run).model_path.unlink(missing_ok=True)
                    shutil.rmtree(folder.lease_path(run.name), ignore_errors=True)
    if failures and not without_failed:
        name, failure = next(iter(failures.items()))
        raise RunError(
            f"{len(failures)} of the runs failed, and the others that do not wait for "
            f"them are done. The first is {name}: {failure} Start again to try them "
            "again, or finish without them: "
            + command_line(*again, "--without-failed", "--out", folder.path)
        )


def _is_under_way(
    executor: Executor, folder: ComparisonFolder, run: PlannedRun
) -> bool:
    """Whether a run goes on, here or in a process of others, or has just ended."""
    # In this order: one that ends while it is looked at is seen by the last.
    return (
        run.name in executor.running
        or executor.others.train(run)
        or folder.run(run).has("metrics.json")
    )


def _failure(
    executor: Executor, folder: ComparisonFolder, planned: PlannedRun, code: int | None
) -> str | None:
    """Why a run whose process has ended is not done; `None` where it is."""
    run = folder.run(planned)
    if code is None or run.status != "unfinished" or executor.others.train(planned):
        return None
    log = folder.log_path(run.name)
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
    if metrics is None:
        return f"{run.name} goes on elsewhere, or later"
    if metrics.status == "diverged":
        return f"{run.name} diverged in epoch {metrics.diverged_at_epoch}"
    return (
        f"{run.name}: validation accuracy "
        f"{format_accuracy(metrics.validation_accuracy)} in "
        f"{format_seconds(metrics.seconds)}"
    )
