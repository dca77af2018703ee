"""Do what is left of a comparison: the trainings, the labels, the report."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from kerascnn.comparison.folder import PLAN_NAME, ComparisonFolder
from kerascnn.comparison.plan import PlannedRun, choose
from kerascnn.comparison.pool import default_jobs, is_busy, open_pool
from kerascnn.comparison.progress import Progress
from kerascnn.comparison.records import Results
from kerascnn.errors import ConfigError, RunError, TrainingInterruptedError
from kerascnn.machine.gpus import usable_gpus
from kerascnn.machine.numbers import format_accuracy, format_seconds
from kerascnn.machine.reporter import Reporter
from kerascnn.machine.signals import remembered_signals
from kerascnn.machine.text import command_line


def run_comparison(
    folder: ComparisonFolder,
    *,
    jobs: int | None = None,
    without_failed: bool = False,
    reporter: Reporter | None = None,
) -> Results:
    """Do what is left of a comparison, and nothing twice.

    Args:
        folder: The comparison, from `open_comparison`.
        jobs: Trainings side by side, each with its share of the cores; as many as
            `default_jobs` says where `None`. Each sees one GPU, where there are any.
        without_failed: Go on to the end without the runs that fail. They are left out
            for good.
        reporter: Told how it goes; nobody where `None`.

    Returns:
        The results, as `derive_results` gives them.

    Raises:
        RunError: A run failed, or the files of the comparison do not fit together.
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
            _train(folder, jobs, without_failed, reporter)
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


def is_reported(folder: ComparisonFolder) -> bool:
    """Whether all has been written; `results.json` comes last."""
    return folder.has("results.json") and folder.has("report.html")


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
    without_failed: bool,
    reporter: Reporter,
) -> None:
    """Do the runs that are left, until none is."""
    gpus = usable_gpus()
    jobs = jobs or default_jobs(gpus)
    failures: dict[str, str] = {}
    progress = Progress(folder, jobs)
    with remembered_signals() as signals, open_pool(folder, jobs, gpus) as pool:
        while True:
            left = [run for run in folder.left() if run.name not in failures]
            if not left and not pool.running:
                break
            for run in left:
                if len(pool.running) < jobs and not pool.has(run):
                    pool.start(run)
                    progress.start(run)
            ended = pool.wait(signals, lambda: reporter.stage(progress.line()))
            if signals:
                raise TrainingInterruptedError(
                    f"Stopped with {len(left)} of the runs known so far to do. Go on "
                    f"with: {command_line('compare', '--out', folder.path)}",
                    signals[0],
                )
            for run, code in ended:
                failure = _failure(folder, run, code)
                progress.end(run)
                reporter.message(f"{progress.count} {_story(folder, run, failure)}")
                if failure:
                    failures[run.name] = failure
                    if without_failed:
                        folder.write_json("failed.json", folder.failed() | failures)
                else:
                    # All that is read of it later is small.
                    folder.run(run).model_path.unlink(missing_ok=True)
    if failures and not without_failed:
        name, failure = next(iter(failures.items()))
        raise RunError(
            f"{len(failures)} of the runs failed, and the others that do not wait for "
            f"them are done. The first is {name}: {failure} Start again to try them "
            "again, or finish without them: "
            + command_line("compare", "--without-failed", "--out", folder.path)
        )


def _failure(folder: ComparisonFolder, planned: PlannedRun, code: int) -> str | None:
    """Why a run whose process has ended is not done; `None` where it is."""
    run = folder.run(planned)
    if run.status != "unfinished" or is_busy(run):
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
    if metrics is None:
        return f"{run.name} goes on in another process"
    if metrics.status == "diverged":
        return f"{run.name} diverged in epoch {metrics.diverged_at_epoch}"
    return (
        f"{run.name}: validation accuracy "
        f"{format_accuracy(metrics.validation_accuracy)} in "
        f"{format_seconds(metrics.seconds)}"
    )
