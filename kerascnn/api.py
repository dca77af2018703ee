"""What a program can do with kerascnn, one call each; the command line makes the same.

`kerascnn` itself offers all of this. A call checks what it was given first, and then
imports what it needs.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, closing
from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, Unpack

from kerascnn.comparison import DEFAULT_FOLDER as COMPARISON_FOLDER
from kerascnn.data import LIMIT
from kerascnn.errors import ConfigError, shown
from kerascnn.machine.cluster import (
    LOST_SECONDS,
    START_SECONDS,
    Cluster,
    find_cluster,
)
from kerascnn.machine.files import require_writable
from kerascnn.machine.memory import told_memory_errors
from kerascnn.machine.reporter import LineReporter, Reporter
from kerascnn.machine.tensorflow import load_tensorflow
from kerascnn.model_files.find import (
    Artifact,
    artifact_of_run,
    exported_artifacts,
    find_artifact,
    find_weights,
    format_of,
)
from kerascnn.model_files.formats import (
    DEFAULT_FORMATS,
    FORMATS,
    HTML,
    PAGE_MEGABYTES,
    QUANTIZATIONS,
    TIMEOUT_S,
)
from kerascnn.model_files.process import require_modules
from kerascnn.model_files.ranges import (
    BATCH_SIZE,
    MEGABYTES,
    MEMORY,
    SECONDS,
    THREADS,
    TOLERANCE,
)
from kerascnn.registry import known_name
from kerascnn.runs.computation import computation_of
from kerascnn.runs.folder import (
    DEFAULT_FOLDER,
    Run,
    list_runs,
    newest_run,
    open_run,
    require_free,
)
from kerascnn.runs.names import check_run_name
from kerascnn.runs.plan import change_epochs, read_plan
from kerascnn.settings.config import TrainConfig
from kerascnn.settings.settling import settle

if TYPE_CHECKING:
    import keras
    import numpy.typing as npt

    from kerascnn.comparison.keywords import CompareKeywords
    from kerascnn.comparison.records import Results
    from kerascnn.data.checkup import Checkup
    from kerascnn.data.facts import DatasetFacts
    from kerascnn.evaluation.benchmark import Benchmark
    from kerascnn.evaluation.classify import Classification, Images
    from kerascnn.evaluation.evaluate import Evaluation
    from kerascnn.exporting.report import Export
    from kerascnn.settings.keywords import TrainKeywords

Reference: TypeAlias = Run | str | PathLike[str]

# What a training needs less memory with.
SMALLER = "--batch-size or --image-size, or train on fewer images (--limit)"


def train(
    model: str | TrainConfig,
    *,
    data: tuple[npt.ArrayLike, npt.ArrayLike] | None = None,
    class_names: Sequence[str] | None = None,
    out: str | PathLike[str] = DEFAULT_FOLDER,
    name: str | None = None,
    reporter: Reporter | None = None,
    computed_as: Reference | None = None,
    workers: str | Sequence[str] | None = None,
    worker: int | None = None,
    wait_seconds: float = START_SECONDS,
    lost_seconds: float = LOST_SECONDS,
    **settings: Unpack[TrainKeywords],
) -> Run:
    """Train a network, and write a run.

    Args:
        model: A name of `MODELS`, or settings made before, which `settings` change.
        data: Images, raw pixels `(number, height, width, channels)`, and their classes,
            to train on instead of a data set.
        class_names: What the classes of `data` stand for.
        out: The folder of all runs.
        name: The run's folder in it; `<model>-<optimizer>-<n>` where `None`.
        reporter: Told how it goes; a live line where `None`. `Reporter()` says nothing.
        computed_as: A run of the same network: batches are shared among threads, and
            each layer computed, as there; as suits this machine where `None`.
        workers: The addresses, `"host:port"`, of the processes that train together,
            each by this call, the first of which writes the run; or `"slurm"`. What
            `TF_CONFIG` says where `None`; alone where that is not set either.
        worker: Which of them this process is, from 0.
        wait_seconds: How long to wait for the others to start.
        lost_seconds: After how long without an answer a worker counts as lost.
        **settings: The fields of `TrainConfig`; the network's recipe has the rest.

    Returns:
        The finished run.

    Raises:
        UnknownNameError: A name that is in no table.
        ClusterError: Other workers did not come, differ, or were lost.
        ConfigError: A setting that cannot be, or does not fit the data or the devices.
        ModelFileError: Initial weights that cannot be read, or of which none fit.
        DatasetError: Data that cannot be read.
        DivergedError: The loss or the weights were no longer finite numbers.
        RunError: The run cannot be written.
        TrainingInterruptedError: A signal stopped it; `resume` continues.

    Example:
        >>> run = train("lenet", optimizer="adagrad", epochs=1)
        >>> run.metrics.test_accuracy
        0.9751
    """
    if isinstance(model, TrainConfig):
        config = dataclasses.replace(model, **settings)
    else:
        config = TrainConfig(model=model, **settings)
    cluster = _cluster(workers, worker, wait_seconds, lost_seconds)
    if cluster is None or cluster.is_chief:
        config = _before_writing(config, Path(out), name)

    same = None if computed_as is None else _run(computed_as, out)
    with closing(reporter or LineReporter()) as told, told_memory_errors(SMALLER):
        settled = None if data is not None else settle(config, told)
        if same is not None and settled is not None:
            computation_of(same, settled)  # what is wrong is told before it loads
        told.stage("loading TensorFlow")
        load_tensorflow()
        from kerascnn.training.train import train_model

        return train_model(
            config,
            Path(out),
            name=name,
            settings=settled,
            reporter=told,
            data=data,
            class_names=class_names,
            computed_as=same,
            cluster=cluster,
        )


def _cluster(
    workers: str | Sequence[str] | None,
    worker: int | None,
    wait_seconds: float,
    lost_seconds: float,
) -> Cluster | None:
    """The cluster that this process is of, if any, where it can listen."""
    cluster = find_cluster(
        workers, worker, start_seconds=wait_seconds, lost_seconds=lost_seconds
    )
    if cluster is not None:
        cluster.require_free_port()
    return cluster


def _before_writing(config: TrainConfig, out: Path, name: str | None) -> TrainConfig:
    """Look whether a run can be begun and written.

    Returns:
        The settings, with the path of the initial weights that they name.
    """
    if config.init_from is not None:
        path = find_weights(config.init_from, out)
        config = dataclasses.replace(config, init_from=str(path))
    if name is not None:
        check_run_name(name)
        require_free(out / name)
    require_writable(
        out / (name or f"{config.model}-{config.optimizer}-1"),
        "Give another folder with --out.",
    )
    return config


def resume(
    run: Reference,
    *,
    epochs: int | None = None,
    data: tuple[npt.ArrayLike, npt.ArrayLike] | None = None,
    out: str | PathLike[str] = DEFAULT_FOLDER,
    reporter: Reporter | None = None,
    workers: str | Sequence[str] | None = None,
    worker: int | None = None,
    wait_seconds: float = START_SECONDS,
    lost_seconds: float = LOST_SECONDS,
) -> Run:
    """Continue a run that was stopped; a finished one is returned as it is.

    With a larger number of epochs a finished run continues as well, from the weights of
    its model: optimizer and schedule begin anew. It stays as it was until the added
    epochs are done.

    Args:
        run: The run, its path, or its name in `out`.
        epochs: How many it is to have in all; as planned where `None`.
        data: What it was trained on, where that were arrays.
        out: The folder of all runs.
        reporter: As for `train`.
        workers: As for `train`: as many as before, or others. Those that are not the
            first need no run.
        worker: As for `train`.
        wait_seconds: Likewise.
        lost_seconds: Likewise.

    Returns:
        The finished run.

    Raises:
        ClusterError: Other workers did not come, differ, or were lost.
        ConfigError: Fewer epochs than are done.
        RunError: The run cannot be read, or another process trains it.
        DivergedError: It diverged, before or now.
        TrainingInterruptedError: A signal stopped it again.
    """
    cluster = _cluster(workers, worker, wait_seconds, lost_seconds)
    if cluster is None or cluster.is_chief:
        run = _run(run, out)
        _before_resuming(run, epochs)
    else:
        run = run if isinstance(run, Run) else Run(Path(run))

    with closing(reporter or LineReporter()) as told, told_memory_errors(SMALLER):
        told.stage("loading TensorFlow")
        load_tensorflow()
        from kerascnn.training.train import resume_training

        return resume_training(
            run, epochs=epochs, reporter=told, data=data, cluster=cluster
        )


def _before_resuming(run: Run, epochs: int | None) -> None:
    """Tell of a bad file or number before TensorFlow loads."""
    _ = read_plan(run), run.computation
    if epochs is not None and not (run.metrics and run.metrics.status == "diverged"):
        begun = len(run.epochs) if run.has("history.csv") else 0
        change_epochs(run, epochs, begun)


def evaluate(
    source: Reference | None = None,
    dataset: str | None = None,
    *,
    batch_size: int = 256,
    trust: bool = False,
    timeout_s: float = TIMEOUT_S,
    out: str | PathLike[str] = DEFAULT_FOLDER,
) -> Evaluation:
    """Measure a run, or a model in a file, on the whole test set.

    Args:
        source: A run, its path or its name in `out`, or a model's file or folder; the
            newest run where `None`.
        dataset: Other data of the same classes: a name of `DATASETS`, `tfds:NAME` or a
            folder of pictures; where `None`, what the model is for.
        batch_size: Images at a time: memory and time, not the result.
        trust: Run a SavedModel whatever operations it has: it may do what you may.
        timeout_s: Seconds without progress after which a runtime is ended.
        out: The folder of all runs.

    Returns:
        Predictions and metrics.

    Raises:
        RunError: There is no such run, or it has no model.
        ModelFileError: A model that cannot be loaded, or is for other data.
        ConfigError: A run with a data set, or a batch that does not fit into memory.
        DatasetError: Data that cannot be read.

    Example:
        >>> evaluate("model.tflite", "mnist").metrics["accuracy"]
        0.9899
    """
    BATCH_SIZE.check("batch_size", batch_size)
    artifact = _artifact(source, dataset, out)

    from kerascnn.evaluation.evaluate import evaluate_artifact

    with told_memory_errors("--batch-size"):
        return evaluate_artifact(
            artifact, batch_size=batch_size, trust=trust, timeout_s=timeout_s
        )


def predict(
    images: Images,
    model: Reference | keras.Model | None = None,
    *,
    dataset: str | None = None,
    invert: bool | None = None,
    batch_size: int = 256,
    trust: bool = False,
    timeout_s: float = TIMEOUT_S,
    out: str | PathLike[str] = DEFAULT_FOLDER,
) -> Classification:
    """Classify images: arrays as they are, pictures as on the command line.

    Args:
        images: Arrays hold raw pixels, from 0 to 255: `(number, height, width,
            channels)`, without the channels if they are gray, or one image. Files,
            folders of them and Pillow's images, one or several, are made into images
            like those that the model is for.
        model: A run, its path or its name in `out`, a model's file or folder, or a
            model of Keras; the newest run where `None`.
        dataset: What a file or a model of Keras is for, a name of `DATASETS`. Where
            `None`, what a file was exported for; Keras's classes are numbers then.
        invert: Whether to exchange light and dark in pictures; detected where `None`.
        batch_size: Images at a time: memory and time, not the result.
        trust: As for `evaluate`.
        timeout_s: As for `evaluate`.
        out: The folder of all runs.

    Returns:
        Probabilities, and the classes that follow from them, in the order of the
        images. `calibrated` are those of the temperature that was fitted after the
        training, and `rejected(0.9)` tells where they are below 0.9.

    Raises:
        PictureError: A picture that cannot be read, or numbers that are no pixels.
        InputShapeError: An array of another shape than the model takes.
        RunError: There is no such run, or it has no model.
        ModelFileError: A model that cannot be loaded, or is no classifier of images.
        ConfigError: A run with a data set, or a batch that does not fit into memory.

    Example:
        >>> predict("digit.png").names
        ['7']
    """
    BATCH_SIZE.check("batch_size", batch_size)
    target: Artifact | keras.Model = model
    if model is None or isinstance(model, Run | str | PathLike):
        target = _artifact(model, dataset, out)

    from kerascnn.evaluation.classify import classify

    with told_memory_errors("batch_size"):
        return classify(
            images,
            target,
            dataset=dataset,
            invert=invert,
            batch_size=batch_size,
            trust=trust,
            timeout_s=timeout_s,
        )


def export(
    run: Reference | Sequence[Reference] | None = None,
    *,
    formats: Sequence[str] = DEFAULT_FORMATS,
    quantizations: Sequence[str] = ("none",),
    to: str | PathLike[str] | None = None,
    out: str | PathLike[str] = DEFAULT_FOLDER,
    tolerance: float | None = None,
    limit: int | None = None,
    arena_limit: int | None = None,
    flash_limit: int | None = None,
    max_megabytes: float = PAGE_MEGABYTES,
    reporter: Reporter | None = None,
) -> list[Export]:
    """Export a run, and check that each file agrees with the model.

    Args:
        run: The run, its path, or its name in `out`; the newest where `None`. Two of
            them share a page of the format `"html"`.
        formats: Names of `FORMATS`.
        quantizations: How to store numbers in formats that have a choice, such as
            `"int8"`.
        to: The folder of the files; `export` in the run's where `None`.
        out: The folder of all runs.
        tolerance: Largest difference of a probability, or, where numbers are quantized,
            largest share of images with another class; where `None`, each file's own.
        limit: Check on so many test images; on all where `None`, or, for `micro`, on
            as many as five minutes allow.
        arena_limit: The RAM in bytes that the tensors of a `micro` export may take.
        flash_limit: The flash in bytes that its model may take.
        max_megabytes: A larger page is an error.
        reporter: As for `train`.

    Returns:
        The files, in the order asked for, pages last. One with a `problem` disagrees
        with the model, and is kept aside as `.rejected`.

    Raises:
        RunError: There is no such run, or it has no model.
        UnknownNameError: A format or a quantization that is in no table.
        ConfigError: A quantization that none of the formats has, a bad tolerance,
            limits of memory without `micro`, or `out` is no folder of runs.
        ExportError: A model that cannot be converted, or that does not fit.
        MissingExtraError: A format whose packages are not installed.
    """
    formats = tuple(known_name("format", name, FORMATS) for name in formats)
    quantizations = tuple(
        known_name("quantization", name, QUANTIZATIONS) for name in quantizations
    )
    if tolerance is not None:
        TOLERANCE.check("tolerance", tolerance)
    if limit is not None:
        LIMIT.check("limit", limit)
    for name, value in (("arena_limit", arena_limit), ("flash_limit", flash_limit)):
        if value is not None:
            MEMORY.check(name, value)
    MEGABYTES.check("max_megabytes", max_megabytes)
    if Path(out) != DEFAULT_FOLDER and not list_runs(out):
        # It was the folder of the files once, and must not be taken for nothing.
        raise ConfigError(
            f"--out is the folder of runs, and there are none in {out}. The folder of "
            f"the exported files is --to {out}."
        )
    given = [run] if run is None or isinstance(run, Run | str | PathLike) else [*run]
    runs = [_run(each, out) for each in given]
    for each in runs:
        each.require_model()
    for name in formats:
        require_modules(FORMATS[name])
    files = tuple(name for name in formats if not FORMATS[name].joins)
    if len(runs) != 1 and (not runs or files):
        raise ConfigError(
            f"Only a page holds several runs, but {len(runs)} were given for "
            f"{', '.join(files) or 'it'}. Give one run, or --format html alone."
        )
    if to is not None:
        require_writable(Path(to, "export.json"), "Give another folder with --to.")
    folder = None if to is None else Path(to)
    message = (reporter or LineReporter()).message
    exports: list[Export] = []
    with told_memory_errors("--limit"):
        if files:
            from kerascnn.exporting.export import export_run

            exports += export_run(
                runs[0],
                folder,
                formats=files,
                quantizations=_that_apply(quantizations, files, formats),
                tolerance=tolerance,
                limit=limit,
                arena_limit=arena_limit,
                flash_limit=flash_limit,
                message=message,
            )
        for name in dict.fromkeys(formats):
            if FORMATS[name].joins:
                from kerascnn.exporting.html.export import export_page

                exports += export_page(
                    runs,
                    folder,
                    quantizations=_that_apply(quantizations, [name], formats),
                    tolerance=tolerance,
                    limit=limit,
                    max_megabytes=max_megabytes,
                    message=message,
                )
    return exports


def benchmark(
    *sources: Reference,
    dataset: str | None = None,
    batch_sizes: Sequence[int] = (8, 32, 128),
    threads: int | None = None,
    seconds: float = 2.0,
    limit: int | None = None,
    out: str | PathLike[str] = DEFAULT_FOLDER,
    trust: bool = False,
    timeout_s: float = TIMEOUT_S,
    reporter: Reporter | None = None,
) -> Benchmark:
    """Time models in their own runtimes, and recommend one to ship.

    Args:
        *sources: Runs, their paths or names in `out`, each taken with all that was
            exported from it, and models' files or folders; without any, the newest run.
        dataset: What files are for; where `None`, what they were exported for.
        batch_sizes: Images a call for the throughput.
        threads: Threads that a runtime may use; its own choice where `None`.
        seconds: How long each model is timed at each batch size.
        limit: Test images for the accuracy; all where `None`.
        out: The folder of all runs.
        trust: Run SavedModels whatever operations they have: they may do what you may.
        timeout_s: Seconds without progress after which a runtime is ended.
        reporter: As for `train`.

    Raises:
        RunError: There is no such run, or it has no model.
        ModelFileError: A model that cannot be run, or models for different data.
        MissingExtraError: A runtime that is not installed.
    """
    for batch_size in batch_sizes:
        BATCH_SIZE.check("batch_size", batch_size)
    SECONDS.check("seconds", seconds)
    if threads is not None:
        THREADS.check("threads", threads)
    if limit is not None:
        LIMIT.check("limit", limit)
    artifacts, pages = _with_exports(sources or [newest_run(Path(out))], dataset, out)
    message = (reporter or LineReporter()).message

    from kerascnn.evaluation.benchmark import benchmark_artifacts

    with ExitStack() as stack:
        for page, facts in pages.items():
            from kerascnn.exporting.html.members import page_members

            artifacts += stack.enter_context(page_members(page, facts, message))
        stack.enter_context(told_memory_errors("--batch-size or --limit"))
        return benchmark_artifacts(
            artifacts,
            batch_sizes=batch_sizes,
            threads=threads,
            seconds=seconds,
            limit=limit,
            message=message,
            trust=trust,
            timeout_s=timeout_s,
        )


def compare(
    models: Sequence[str] | None = None,
    *,
    out: str | PathLike[str] = COMPARISON_FOLDER,
    jobs: int | None = None,
    scheduler: str | None = None,
    without_failed: bool = False,
    leave_out: Mapping[str, str] | None = None,
    reporter: Reporter | None = None,
    **settings: Unpack[CompareKeywords],
) -> Results:
    """Compare optimizers on networks; what is done already is not done again.

    Args:
        models: Names of `MODELS`; all where `None`.
        out: The folder of the comparison. Where it holds one, that is resumed.
        jobs: Trainings side by side; one a GPU, or else one a core, but at most four,
            where `None`; with a scheduler, one a thread of its workers.
        scheduler: Where to train: `"tcp://HOST:PORT"` or `"tls://HOST:PORT"` of a Dask
            scheduler, or `"local:N"` for N workers of one here; processes of this
            machine where `None`.
        without_failed: Finish without the runs that fail; they are left out for good.
        leave_out: Networks to give up for good, each with the reason, which the report
            says first.
        reporter: As for `train`.
        **settings: The fields of `CompareConfig`; the preset has the rest.

    Returns:
        The results; the report is `out/report.html`.

    Raises:
        UnknownNameError: A name that is in no table.
        ConfigError: A setting that cannot be, or that differs from the folder's.
        MissingExtraError: A scheduler is given, and Dask is not installed.
        RunError: A run failed, the files of the comparison do not fit together, or the
            scheduler is out of reach.
        TrainingInterruptedError: A signal stopped it; called again, it continues.
    """
    from kerascnn.comparison.executors import find_executor
    from kerascnn.comparison.folder import open_comparison
    from kerascnn.comparison.reach import describe_reach

    find_executor(scheduler)  # a bad one leaves nothing behind
    given: dict[str, Any] = dict(settings)
    if models is not None:
        given["models"] = tuple(models)
    folder = open_comparison(Path(out), given)
    folder.leave_out(leave_out or {})
    with closing(reporter or LineReporter()) as told:
        if not folder.has("test.json"):
            for line in describe_reach(folder.protocol):
                told.message(line)

        from kerascnn.comparison.run import run_comparison

        return run_comparison(
            folder,
            jobs=jobs,
            scheduler=scheduler,
            without_failed=without_failed,
            reporter=told,
        )


def check_dataset(
    path: str | PathLike[str],
    *,
    report: str | PathLike[str] | None = None,
    reporter: Reporter | None = None,
) -> Checkup:
    """Look at every picture of a folder, before any training.

    Args:
        path: The folder, with one for each class in it, or with parts.
        report: An HTML file to write, with thumbnails; none where `None`.
        reporter: As for `train`.

    Returns:
        What was found: duplicates, files that cannot be read, counts, sizes and kinds.

    Raises:
        ConfigError: What is no path.
        DatasetError: There is no such folder, or no two classes of pictures in it.
        RunError: The report cannot be written.

    Example:
        >>> [finding.kind for finding in check_dataset("photos").findings]
        ['across_parts', 'unreadable']
    """
    if not isinstance(path, str | PathLike) or not isinstance(fspath(path), str):
        raise ConfigError(
            f"path has to be the path of a folder, but got {shown(path)}."
        )
    if report is not None:
        require_writable(Path(report))

    from kerascnn.data.checkup import check_folder

    with closing(reporter or LineReporter()) as told:
        return check_folder(
            fspath(path), None if report is None else Path(report), told
        )


def _that_apply(
    quantizations: Sequence[str], these: Sequence[str], formats: Sequence[str]
) -> tuple[str, ...]:
    """Those that these formats have, or that no other format has either."""

    def some_have(name: str, among: Sequence[str]) -> bool:
        return any(name in FORMATS[format].quantizations for format in among)

    others = [name for name in quantizations if not some_have(name, formats)]
    kept = [name for name in quantizations if some_have(name, these)]
    return tuple(kept + others) or ("none",)


def _run(reference: Reference | None, out: str | PathLike[str]) -> Run:
    if isinstance(reference, Run):
        return reference
    return open_run(reference, out)


def _with_exports(
    sources: Sequence[Reference], dataset: str | None, out: str | PathLike[str]
) -> tuple[list[Artifact], dict[Path, DatasetFacts]]:
    """The models of sources, those of a run with its exports; each of them once.

    The pages among the exports are told apart, with the data that they are for.
    """
    found: dict[Path, Artifact] = {}
    pages: dict[Path, DatasetFacts] = {}
    for source in sources:
        artifacts = [_artifact(source, dataset, out)]
        is_file = not isinstance(source, Run) and format_of(Path(source))
        run = artifacts[0].run
        if run and not is_file:
            artifacts += exported_artifacts(run, dataset)
            page = run.path / "export" / FORMATS[HTML].file_name()
            if page.is_file():
                pages[page] = artifacts[0].dataset
        for artifact in artifacts:
            found.setdefault(artifact.path.absolute(), artifact)
    return list(found.values()), pages


def _artifact(
    source: Reference | None, dataset: str | None, out: str | PathLike[str]
) -> Artifact:
    if isinstance(source, Run):
        return artifact_of_run(source, dataset)
    name = None if source is None else fspath(source)
    return find_artifact(name, Path(out), dataset)
