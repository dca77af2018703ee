"""What comparisons found: worked out from their files alone, no model needed."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from kerascnn.comparison.claims import Cell, Correct, judge
from kerascnn.comparison.config import Network, Protocol
from kerascnn.comparison.final_test import LABELS_NAME
from kerascnn.comparison.folder import OWN_SETTINGS, ComparisonFolder
from kerascnn.comparison.plan import (
    Outcome,
    Outcomes,
    PlannedRun,
    Rates,
    choose,
    chosen_rates,
    final_runs,
    tune,
)
from kerascnn.comparison.records import (
    NetworkResult,
    OptimizerResult,
    Results,
    RunResult,
    TrialResult,
    TuningResult,
)
from kerascnn.comparison.statistics import summarize
from kerascnn.errors import ConfigError, RunError
from kerascnn.models import MODELS

# Runs of one seed start from the same weights and the same batch; between machines, the
# last digits of the first loss differ.
FIRST_LOSS_TOLERANCE = 1e-3


def derive_results(parts: Sequence[ComparisonFolder]) -> Results:
    """Work out the results of comparisons whose labels have been joined.

    Args:
        parts: One comparison, or several that differ in their networks alone. Of
            their runs, `config.json`, `metrics.json`, `history.csv` and the
            predictions are enough.

    Raises:
        ConfigError: Comparisons that do not belong together.
        RunError: The labels have not been joined, or the files do not fit together.
    """
    protocol = merge_protocols(parts)
    cells = [cell for part in parts for cell in _read_networks(part)]
    tests = [part.read_json("test.json") for part in parts]
    images = tests[0]["images"]
    comparisons, claims = judge(cells, protocol, images)
    return Results(
        plans={
            part.path.absolute().name: test["plan_sha256"]
            for part, test in zip(parts, tests, strict=True)
        },
        protocol=protocol.to_dict(),
        joined_at=max(test["joined_at"] for test in tests),
        test_images=images,
        left_out=_left_out(parts),
        waiting={},
        networks=[
            dataclasses.replace(network, comparisons=rows)
            for (network, _), rows in zip(cells, comparisons, strict=True)
        ],
        claims=claims,
    )


def preview_results(folder: ComparisonFolder) -> Results:
    """Work out what is known of a comparison before its labels are joined.

    That is how the runs went of each network whose final runs have all ended. Nothing
    is said of test images, nor of how optimizers differ.

    Args:
        folder: The comparison.

    Raises:
        RunError: The files do not fit together.
    """
    protocol, outcomes = folder.protocol, folder.outcomes()
    networks, waiting = [], {}
    for model in protocol.compared:
        rates = chosen_rates(protocol, model, outcomes)
        if rates is None:
            kind, runs = "tuning", tune(protocol, model, outcomes).runs
        else:
            kind, runs = "final", final_runs(protocol, model, rates)
        ended = sum(run.name in outcomes for run in runs)
        if rates is None or ended < len(runs):
            waiting[MODELS[model].title] = f"{ended} of {len(runs)} {kind} runs"
        else:
            networks.append(_read_network(folder, model, rates, outcomes, {})[0])
    return Results(
        plans={folder.path.absolute().name: protocol.digest()},
        protocol=protocol.to_dict(),
        joined_at=None,
        test_images=None,
        left_out=_left_out([folder]),
        waiting=waiting,
        networks=networks,
        claims=[],
    )


def _left_out(parts: Sequence[ComparisonFolder]) -> dict[str, str]:
    """The networks that were given up, by their names for people."""
    return {
        MODELS[model].title: reason
        for part in parts
        for model, reason in part.left_out().items()
    }


def merge_protocols(parts: Sequence[ComparisonFolder]) -> Protocol:
    """Join comparisons into one that has the networks of all.

    Raises:
        ConfigError: They differ in more than their networks, or share one.
    """
    first, *others = (part.protocol for part in parts)
    networks = dict(first.networks)
    for part, protocol in zip(parts[1:], others, strict=True):
        for name, value in vars(protocol).items():
            own = {"networks", "command", "left_out"}
            if name not in own and value != getattr(first, name):
                raise ConfigError(
                    f"{part.path} has {name} = {value}, but {parts[0].path} has "
                    f"{getattr(first, name)}. They cannot be gathered."
                )
        for model, network in protocol.networks.items():
            if model in networks:
                raise ConfigError(
                    f"{part.path} compares {model}, which another folder has as well. "
                    "Gather each network once."
                )
            networks[model] = network
    left_out = [model for part in parts for model in part.protocol.left_out]
    return dataclasses.replace(first, networks=networks, left_out=left_out)


def _read_networks(
    folder: ComparisonFolder,
) -> Iterator[Cell]:
    """Each network of a comparison, with no comparisons yet."""
    protocol, outcomes = folder.protocol, folder.outcomes()
    chosen, test = folder.read_json("chosen.json"), folder.read_json("test.json")
    rates = choose(protocol, outcomes)
    if (
        chosen["rates"] != rates
        or test["chosen_sha256"] != folder.chosen_digest()
        or test["plan_sha256"] != protocol.digest()
    ):
        raise RunError(
            f"The plan or the rates in {folder.path / 'chosen.json'} are not those of "
            "the time when labels were joined. Put the files back as they were."
        )
    labels = folder.read_array(LABELS_NAME)
    for model in protocol.compared:
        correct: dict[str, dict[int, Correct]] = {name: {} for name in rates[model]}
        for run in final_runs(protocol, model, rates[model]):
            if outcomes[run.name].status == "finished":
                correct[run.config.optimizer][run.config.seed] = _score(
                    folder, run, labels, test["runs"]
                )
        yield _read_network(folder, model, rates[model], outcomes, correct)


def _read_network(
    folder: ComparisonFolder,
    model: str,
    rates: Rates,
    outcomes: Outcomes,
    correct: Mapping[str, Mapping[int, Correct]],
) -> Cell:
    """A network of a comparison, with its correct predictions where they are known."""
    protocol = folder.protocol
    finals = final_runs(protocol, model, rates)
    _check_alike(folder, finals)
    optimizers = [
        _optimizer(
            folder,
            [run for run in finals if run.config.optimizer == optimizer],
            outcomes,
            correct.get(optimizer, {}),
            protocol.target,
            optimizer=optimizer,
            learning_rate=rate,
            tuning=_tuning(protocol, model, optimizer, outcomes),
        )
        for optimizer, rate in rates.items()
    ]
    _check_pairs(folder, optimizers)
    return _network(model, protocol.networks[model], optimizers), correct


def _score(
    folder: ComparisonFolder,
    run: PlannedRun,
    labels: npt.NDArray[np.integer[Any]],
    scored: Mapping[str, Any],
) -> Correct:
    """Which test images a run predicts correctly."""
    correct: Correct = folder.run(run).test_predictions == labels
    if scored.get(run.name, {}).get("correct") != int(correct.sum()):
        raise RunError(
            f"The predictions of {folder.run(run).path} are not those that "
            f"{folder.path / 'test.json'} was made of. Put the files back as they were."
        )
    return correct


def _network(
    model: str, network: Network, optimizers: Sequence[OptimizerResult]
) -> NetworkResult:
    done = [run for row in optimizers for run in row.runs if run.status == "finished"]
    work: dict[str, Any] = {
        name: getattr(done[-1], name) if done else None
        for name in ("training_images", "validation_images", "steps", "parameters")
    }
    return NetworkResult(
        model=model,
        title=MODELS[model].title,
        epochs=network.budget.epochs,
        seeds=network.budget.seeds,
        trials=network.budget.trials,
        settings=network.settings,
        optimizers=optimizers,
        comparisons=[],
        **work,
    )


def _check_alike(folder: ComparisonFolder, finals: Sequence[PlannedRun]) -> None:
    """Refuse final runs of a network that differ in more than what is compared."""
    own = {"optimizer", "learning_rate", "momentum", "optimizer_options", "seed"}
    first: dict[str, Any] = {}
    for planned in finals:
        run = folder.run(planned)
        if not run.path.is_dir():  # left out
            continue
        settings = run.settings.to_dict()
        shared = {k: v for k, v in settings.items() if k not in own | OWN_SETTINGS}
        first = first or shared
        for name, value in shared.items():
            if value != first[name]:
                raise RunError(
                    f"{run.path} has {name} = {value}, but other runs of "
                    f"{planned.config.model} have {first[name]}. They cannot be "
                    "compared; delete them, and compare anew."
                )


def _check_pairs(
    folder: ComparisonFolder, optimizers: Sequence[OptimizerResult]
) -> None:
    """Refuse runs of one seed that did not start alike."""
    first: dict[int, RunResult] = {}
    for row in optimizers:
        for run in row.runs:
            if run.first_loss is None:
                continue
            other = first.setdefault(run.seed, run)
            loss = other.first_loss or 0.0
            if abs(run.first_loss - loss) > FIRST_LOSS_TOLERANCE * abs(loss):
                raise RunError(
                    f"{other.name} starts with a loss of {loss:g}, but {run.name} with "
                    f"{run.first_loss:g}: they are no pair. Delete both from "
                    f"{folder.runs_path}, and compare anew."
                )


def _tuning(
    protocol: Protocol, model: str, optimizer: str, outcomes: Outcomes
) -> TuningResult | None:
    if not protocol.tune:
        return None
    tuning = tune(protocol, model, outcomes)
    return TuningResult(
        trials=[
            TrialResult(
                learning_rate=trial.rate,
                runs=[run.name for run in trial.runs],
                status=next(
                    (
                        outcomes[run.name].status
                        for run in trial.runs
                        if outcomes[run.name].status != "finished"
                    ),
                    "finished",
                ),
                validation_accuracy=trial.accuracy(outcomes),
                validation_loss=trial.loss(outcomes),
            )
            for trial in tuning.trials[optimizer]
        ],
        extensions=tuning.extensions,
        best_is_on_edge=tuning.is_on_edge(optimizer),
    )


def _optimizer(
    folder: ComparisonFolder,
    finals: Sequence[PlannedRun],
    outcomes: Outcomes,
    correct: Mapping[int, Correct],
    target: float,
    **chosen: Any,
) -> OptimizerResult:
    runs = [
        _run(folder, run, outcomes[run.name], correct.get(run.config.seed), target)
        for run in finals
    ]
    courses = [run.validation_by_epoch for run in runs if run.status == "finished"]
    summaries: dict[str, Any] = {
        name: summarize([v for run in runs if (v := getattr(run, name)) is not None])
        for name in (
            "test_accuracy",
            "validation_accuracy",
            "training_accuracy",
            "epochs_to_target",
        )
    }
    return OptimizerResult(
        runs=runs,
        diverged=sum(run.status == "diverged" for run in runs),
        failed=sum(run.status == "failed" for run in runs),
        quickest_epoch=min(
            (run.quickest_epoch for run in runs if run.quickest_epoch is not None),
            default=None,
        ),
        validation_by_epoch=[summarize(row) for row in zip(*courses, strict=True)],
        **summaries,
        **chosen,
    )


def _run(
    folder: ComparisonFolder,
    planned: PlannedRun,
    outcome: Outcome,
    correct: Correct | None,
    target: float,
) -> RunResult:
    row = RunResult(name=planned.name, seed=planned.config.seed, status=outcome.status)
    if outcome.status != "finished":
        return row
    run = folder.run(planned)
    metrics, epochs = run.require_metrics(), run.epochs
    return dataclasses.replace(
        row,
        test_correct=None if correct is None else int(correct.sum()),
        test_accuracy=None if correct is None else float(correct.mean()),
        first_loss=run.steps[0]["loss"] if run.has("steps.csv") else None,
        training_accuracy=metrics.training_accuracy,
        training_loss=metrics.training_loss,
        validation_accuracy=metrics.validation_accuracy,
        validation_loss=metrics.validation_loss,
        seconds=metrics.seconds,
        quickest_epoch=min(row["seconds"] for row in epochs),
        images_per_second=metrics.images_per_second,
        training_images=metrics.training_images,
        validation_images=metrics.validation_images,
        steps=metrics.steps,
        parameters=metrics.parameters,
        epochs_to_target=_epochs_to(target, epochs),
        validation_by_epoch=[row["validation_accuracy"] for row in epochs],
    )


def _epochs_to(target: float, epochs: Iterable[Mapping[str, float]]) -> int | None:
    """Epochs until one ended at the target or above."""
    reached = (row["epoch"] for row in epochs if row["validation_accuracy"] >= target)
    first = next(reached, None)
    return None if first is None else int(first)
