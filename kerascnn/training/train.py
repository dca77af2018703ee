"""Train one network, from settings to a finished run; or go on with one."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy.typing as npt
import tensorflow as tf

from kerascnn.data import ARRAYS
from kerascnn.data.arrays import split_of_arrays
from kerascnn.errors import (
    ConfigError,
    DivergedError,
    RunError,
    TrainingInterruptedError,
)
from kerascnn.machine.cluster import Cluster
from kerascnn.machine.computation import Computation, differences
from kerascnn.machine.reporter import Reporter
from kerascnn.machine.state import fresh_state
from kerascnn.machine.text import command_line, printable
from kerascnn.machine.workers import Workers
from kerascnn.runs.computation import computation_of
from kerascnn.runs.folder import DEFAULT_FOLDER, Run, create_run
from kerascnn.runs.plan import change_epochs, is_continuing, read_plan, write_plan
from kerascnn.settings.config import TrainConfig, TrainSettings
from kerascnn.settings.config_file import ConfigFile, parse_config
from kerascnn.settings.settling import settle
from kerascnn.training.checkpoint import epochs_begun, named_variables
from kerascnn.training.continuation import begin_continuation
from kerascnn.training.ending import finish_training
from kerascnn.training.initial_weights import take_weights
from kerascnn.training.loop import TrainingLoop
from kerascnn.training.network import restart_optimizer
from kerascnn.training.recorder import Onlooker, Recorder
from kerascnn.training.setup import TrainingSetup, join_workers, prepare_training
from kerascnn.training.state import TrainingState

Arrays = tuple[npt.ArrayLike, npt.ArrayLike]


@fresh_state()
def train_model(
    config: TrainConfig,
    out: Path = DEFAULT_FOLDER,
    *,
    name: str | None = None,
    settings: TrainSettings | None = None,
    reporter: Reporter | None = None,
    strategy: tf.distribute.Strategy | None = None,
    data: Arrays | None = None,
    class_names: Sequence[str] | None = None,
    computed_as: Run | None = None,
    cluster: Cluster | None = None,
) -> Run:
    """Train a network as the settings say, and write a run.

    Images may be passed as arrays. They are not stored with the run, and have no test
    split: the run has no test accuracy, and can be resumed with the same arrays.

    Args:
        config: The settings; what is `None` is taken from the recipe.
        out: The folder of all runs.
        name: The run's folder; `<model>-<optimizer>-<n>` where `None`.
        settings: What they come to; `settle(config)` where `None`.
        reporter: Told how it goes; nobody where `None`.
        strategy: Where to compute; as the settings say where `None`.
        data: Images, raw pixels, uint8, `(number, height, width)` or `(number, height,
            width, channels)`, and labels, class indices from 0, `(number,)`; the data
            set of the settings where `None`.
        class_names: What each class index of `data` stands for; `"0"`, `"1"`, ...
            where `None`.
        computed_as: A run of the same network: batches are shared among threads, and
            each layer computed, as there; as suits this machine where `None`.
        cluster: The processes that train together, each by this call. The first of them
            writes the run; a process can be of one cluster in its life.

    Returns:
        The finished run; its folder is the chief's.

    Raises:
        ClusterError: Other workers did not come, differ, or were lost.
        ConfigError: Settings that do not fit the data or the devices.
        DatasetError: Data that cannot be read, or arrays that cannot be trained on.
        DivergedError: The loss or the weights were no longer finite numbers.
        ModelFileError: Initial weights that cannot be read, or of which none fit.
        RunError: The run cannot be written, or is to be computed as one of another
            network.
        TrainingInterruptedError: A signal stopped it; `resume_training` goes on.
    """
    reporter = reporter or Reporter()
    arrays = None
    if data is not None:
        config = config.for_arrays()
        arrays = split_of_arrays(*data, class_names)
    elif class_names is not None:
        raise ConfigError(
            f"class_names are those of arrays, but {config.dataset} has its own. Leave "
            "them out, or give data."
        )
    settings = settings or settle(config, reporter)
    recorded = None if computed_as is None else computation_of(computed_as, settings)
    workers = join_workers(cluster, settings, recorded, reporter)
    with workers.watched(_at_start):
        setup = prepare_training(
            settings,
            strategy=strategy,
            recorded=recorded,
            arrays=arrays,
            workers=workers,
            message=reporter.message,
        )
    if not workers.is_chief:
        return _follow(setup)
    if config.init_from is not None:
        _take_weights(setup, reporter)
    run = create_run(
        config,
        setup.environment(),
        out,
        name,
        settings=settings,
        dataset=setup.dataset,
    )
    with run.locked():
        return _train(setup, run, reporter)


@fresh_state()
def resume_training(
    run: Run,
    *,
    epochs: int | None = None,
    reporter: Reporter | None = None,
    strategy: tf.distribute.Strategy | None = None,
    data: Arrays | None = None,
    cluster: Cluster | None = None,
) -> Run:
    """Go on with a run that was stopped; a finished one is returned as it is.

    With another number of epochs a finished run goes on as `begin_continuation` says,
    and stays as it was if that fails. The rest of one that was stopped is computed as
    if it had always been planned so.

    It is computed as the run began: in as many parts and by as many threads, whatever
    there are of cores. Where that cannot be, and the run is to be reproducible, a
    message says so.

    Args:
        run: The run.
        epochs: How many it is to have in all; as many as it was planned for where
            `None`.
        reporter: As for `train_model`.
        strategy: As for `train_model`.
        data: The same images and labels that it began with, where these were arrays.
        cluster: As for `train_model`: as many workers as before, or others. Those that
            are not the chief need no run.

    Returns:
        The finished run; its folder is the chief's.

    Raises:
        ClusterError: Other workers did not come, differ, or were lost.
        ConfigError: Arrays for a run that has a data set by name, or fewer epochs than
            are done.
        DatasetError: Data that cannot be read, or arrays that are not given.
        RunError: The run cannot be read, another process trains it, or its settings or
            images were changed.
        DivergedError: It diverged, before or now.
        TrainingInterruptedError: A signal stopped it again.
    """
    reporter = reporter or Reporter()
    if cluster is not None and not cluster.is_chief:
        return _follow_resumed(run, cluster, reporter, data)
    with run.locked():
        metrics = run.metrics
        if metrics is not None and metrics.status == "diverged":
            raise DivergedError(metrics.message)
        stored = plan = read_plan(run)
        if epochs is not None:
            begun = epochs_begun(run.checkpoint_path / "state.npz")
            plan = change_epochs(run, epochs, begun)
        ended = metrics is not None and not is_continuing(run)
        is_over = ended and plan == stored
        computation = None if is_over else computation_of(run, plan.settings)
        workers = join_workers(cluster, plan.settings, computation, reporter)
        if workers.count > 1:
            _tell_plan(workers, None if is_over else plan, computation)
        if is_over:
            reporter.message(f"{run.path} has finished already.")
            return run
        dataset, arrays = run.dataset, None
        if data is not None:
            if dataset.name != ARRAYS:
                raise ConfigError(
                    f"{run.path} is trained on {dataset.name}, but arrays are given. "
                    "Leave them out."
                )
            arrays = split_of_arrays(*data, dataset.class_names)
        settings = plan.settings
        with workers.watched(_at_start):
            setup = prepare_training(
                settings,
                strategy=strategy,
                recorded=computation,
                arrays=arrays,
                former=plan.former,
                workers=workers,
                message=reporter.message,
            )
        for before, now, which in (
            (dataset.sha256, setup.dataset.sha256, "images"),
            (dataset.test_sha256, setup.dataset.test_sha256, "test images"),
        ):
            if before not in (None, now):
                raise RunError(
                    f"Cannot go on with {run.path}: the {which} of {dataset.name} were "
                    "changed. Restore them, or train anew."
                )
        if computation and setup.settings.deterministic:
            _report_differences(setup, run, reporter)
        if ended:
            reporter.message(begin_continuation(run, setup, plan))
        elif plan != stored:
            write_plan(run, plan)
            reporter.message(
                f"{run.path} has {settings.epochs} epochs now, not "
                f"{stored.settings.epochs}; the rate of those that are left is by the "
                f"{settings.schedule} schedule of {settings.epochs}."
            )
        if setup.settings.init_from is not None and not run.checkpoint_path.exists():
            _take_weights(setup, reporter)
        return _train(setup, run, reporter)


def _follow(setup: TrainingSetup) -> Run:
    """Train as a worker that writes nothing."""
    with setup.workers.watched(_at_start):
        path = Path(setup.workers.of_chief(str))
    return _train(setup, Run(path), Reporter())


def _follow_resumed(
    run: Run, cluster: Cluster, reporter: Reporter, data: Arrays | None
) -> Run:
    """Train what the chief resumes, as a worker that writes nothing."""
    workers = join_workers(cluster, None, None, reporter)
    with workers.watched(_at_start):
        plan, computation = _tell_plan(workers, None, None)
        if plan is None:
            reporter.message("The run has finished already.")
            return run
        setup = prepare_training(
            plan.settings,
            recorded=computation,
            arrays=None if data is None else split_of_arrays(*data, None),
            former=plan.former,
            workers=workers,
            message=lambda text: None,
        )
    return _follow(setup)


def _tell_plan(
    workers: Workers, plan: ConfigFile | None, computation: Computation | None
) -> tuple[ConfigFile | None, Computation | None]:
    """What the chief is to do, and how it computes, for workers that have no run."""
    with workers.watched(_at_start):
        text, values = workers.of_chief(
            lambda: (
                plan.to_json() if plan else None,
                computation.to_dict() if computation else None,
            )
        )
    return (
        None if text is None else parse_config(json.loads(text)),
        None if values is None else Computation.from_dict(values),
    )


def _at_start() -> tuple[str, str]:
    return "before the first step", "Start all workers again."


def _train(setup: TrainingSetup, run: Run, reporter: Reporter) -> Run:
    """Train from the run's checkpoint, or from the start, to the end."""
    reporter.message(f"{run.path}: {setup.headline()}")
    workers, steps = setup.workers, len(setup.rates)
    recorder = Recorder(run, setup) if workers.is_chief else Onlooker(run, setup)
    again = command_line("train", "--resume", run.path)
    state = TrainingState.at_start(steps)

    def progress() -> tuple[str, str]:
        return f"after {state.step:,} of {steps:,} steps", f"Go on with: {again}"

    with workers.watched(progress):
        if workers.is_chief:
            workers.of_chief(lambda: str(run.path))
        state = _begin(setup, recorder, state, reporter)
        try:
            TrainingLoop(setup, recorder, reporter).run(state)
            reporter.stage("measuring the model, and writing it")
            workers.of_chief(lambda: finish_training(setup, recorder, state))
        except KeyboardInterrupt as error:
            raise TrainingInterruptedError(
                f"Stopped at once. Go on from the last checkpoint with: {again}"
            ) from error
    return run


def _begin(
    setup: TrainingSetup, recorder: Recorder, state: TrainingState, reporter: Reporter
) -> TrainingState:
    """Give all workers the weights to begin with, and say how far they have come.

    Args:
        setup: The training.
        recorder: Has the checkpoint, if there is one.
        state: That at the start.
        reporter: Told if it goes on.
    """
    restored = recorder.restore(setup.model)
    if restored is not None:
        state = restored
        reporter.message(
            f"Going on after {state.step:,} of {len(setup.rates):,} steps."
        )
        if state.history:  # the process may have ended before it was written
            recorder.write_history(state)
    elif setup.settings.init_from is not None:  # the file may be gone by the resume
        recorder.checkpoint(setup.model, state)
    if setup.workers.count > 1:
        setup.workers.take_variables([*named_variables(setup.model).values()])
        state.step, state.seconds, state.history = setup.workers.of_chief(
            lambda: (state.step, state.seconds, state.history)
        )
    return state


def _take_weights(setup: TrainingSetup, reporter: Reporter) -> None:
    """Begin with the weights of the file that the settings name."""
    settings = setup.settings
    path = Path(settings.init_from or "")
    reporter.message(take_weights(setup.model, settings.model, path))
    restart_optimizer(settings, setup.model)


def _report_differences(setup: TrainingSetup, run: Run, reporter: Reporter) -> None:
    """Say in a line why the run will not end as if it had not been stopped."""
    found = differences(run.environment, setup.environment())
    if found:
        reporter.message(
            f"{run.path} will not be bit-for-bit identical to an uninterrupted "
            f"run: {printable('; '.join(found))}."
        )
