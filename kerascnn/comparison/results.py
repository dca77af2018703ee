"""What a comparison found: worked out from its files alone, no model needed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from kerascnn.comparison import Network, Protocol
from kerascnn.comparison.folder import OWN_SETTINGS, ComparisonFolder
from kerascnn.comparison.plan import (
    Outcome,
    Outcomes,
    PlannedRun,
    Rates,
    choose,
    final_runs,
    tune,
)
from kerascnn.comparison.statistics import (
    holm,
    pairs_needed,
    sign_flip_test,
    smallest_p,
    summarise,
)
from kerascnn.errors import RunError
from kerascnn.models import MODELS

# The level that a corrected p-value has to reach for a verdict.
LEVEL = 0.05

BETTER, WORSE, OPEN = "better", "worse", "not decided"


def derive_results(folder: ComparisonFolder) -> dict[str, Any]:
    """Work out the results of a comparison whose test images have been read.

    Args:
        folder: The comparison. Of its runs, `config.json`, `metrics.json` and
            `history.csv` are enough.

    Returns:
        Plain values for JSON: `protocol`, `networks` (each with `optimizers`, their
        tuning, runs and summaries, and `comparisons` with the first optimizer),
        `claims` (of each other optimizer, `verdict` and `sentence`) and `level`.
        Accuracies and their differences are shares of 1, times are seconds.

    Raises:
        RunError: The test images have not been read, or the files do not fit together.
    """
    protocol, outcomes = folder.protocol, folder.outcomes()
    chosen, test = folder.read_json("chosen.json"), folder.read_json("test.json")
    rates = choose(protocol, outcomes)
    if chosen["rates"] != rates or test["chosen_sha256"] != folder.chosen_digest():
        raise RunError(
            f"The rates in {folder.path / 'chosen.json'} are not those that the tuning "
            "gave when the test images were read. Put the files back as they were."
        )
    networks = [
        _network(folder, protocol, model, rates[model], outcomes, test["runs"])
        for model in protocol.networks
    ]
    _judge(networks)
    return {
        "protocol": protocol.to_dict(),
        "level": LEVEL,
        "test_read_at": test["read_at"],
        "networks": networks,
        "claims": _claims(networks),
    }


def _network(
    folder: ComparisonFolder,
    protocol: Protocol,
    model: str,
    rates: Rates,
    outcomes: Outcomes,
    test: Mapping[str, Any],
) -> dict[str, Any]:
    network = protocol.networks[model]
    finals = final_runs(protocol, model, rates)
    _check_alike(folder, finals)
    optimizers = []
    for optimizer, rate in rates.items():
        runs = [
            _run(folder, run, outcomes[run.name], test, protocol.target)
            for run in finals
            if run.config.optimizer == optimizer
        ]
        optimizers.append(
            {
                "optimizer": optimizer,
                "learning_rate": rate,
                "tuning": _tuning(protocol, model, optimizer, outcomes),
                "runs": runs,
                "diverged": _count(runs, "diverged"),
                "failed": _count(runs, "failed"),
                **_summaries(runs),
            }
        )
    return {
        "model": model,
        "title": MODELS[model].title,
        **_work(network, optimizers),
        "optimizers": optimizers,
        "comparisons": [
            _compare(optimizers[0], other, network.budget.seeds)
            for other in optimizers[1:]
        ],
    }


def _work(network: Network, optimizers: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What every final run of a network did, as far as one of them finished."""
    images = {
        name: run[name]
        for row in optimizers
        for run in row["runs"]
        for name in ("training_images", "validation_images", "steps", "parameters")
        if run["status"] == "finished"
    }
    return {
        "epochs": network.budget.epochs,
        "seeds": network.budget.seeds,
        "trials": network.budget.trials,
        **dict.fromkeys(
            ("training_images", "validation_images", "steps", "parameters")
        ),
        **images,
    }


def _check_alike(folder: ComparisonFolder, finals: Sequence[PlannedRun]) -> None:
    """Refuse final runs of a network that differ in more than what is compared."""
    own = {"optimizer", "learning_rate", "momentum", "seed"} | OWN_SETTINGS
    first: dict[str, Any] = {}
    for planned in finals:
        run = folder.run(planned)
        if not run.path.is_dir():  # done without
            continue
        settings = run.settings.to_dict()
        shared = {name: value for name, value in settings.items() if name not in own}
        first = first or shared
        for name, value in shared.items():
            if value != first[name]:
                raise RunError(
                    f"{run.path} has {name} = {value}, but other runs of "
                    f"{planned.config.model} have {first[name]}. They cannot be "
                    "compared; delete them, and compare anew."
                )


def _tuning(
    protocol: Protocol, model: str, optimizer: str, outcomes: Outcomes
) -> dict[str, Any] | None:
    """Every rate that was tried, from the lowest; `None` where nothing was tuned."""
    if not protocol.tune:
        return None
    tuning = tune(protocol, model, outcomes)
    return {
        "trials": [
            {
                "name": run.name,
                "learning_rate": run.config.learning_rate,
                "status": outcomes[run.name].status,
                "validation_accuracy": outcomes[run.name].validation_accuracy,
                "validation_loss": outcomes[run.name].validation_loss,
            }
            for run in tuning.runs[optimizer]
        ],
        "extensions": tuning.extensions,
        "best_is_on_edge": tuning.is_on_edge(optimizer),
    }


# What is taken from the metrics of a run that finished.
RUN_METRICS = (
    "training_accuracy",
    "training_loss",
    "validation_accuracy",
    "validation_loss",
    "seconds",
    "images_per_second",
    "training_images",
    "validation_images",
    "steps",
    "parameters",
)


def _run(
    folder: ComparisonFolder,
    planned: PlannedRun,
    outcome: Outcome,
    test: Mapping[str, Any],
    target: float,
) -> dict[str, Any]:
    row: dict[str, Any] = {
        "name": planned.name,
        "seed": planned.config.seed,
        "status": outcome.status,
        **dict.fromkeys(("test_accuracy", "test_loss", "test_correct", "test_images")),
        **dict.fromkeys(RUN_METRICS),
        "epochs_to_target": None,
        "seconds_to_target": None,
    }
    if outcome.status != "finished":
        return row
    run = folder.run(planned)
    if planned.name not in test:
        raise RunError(
            f"{folder.path / 'test.json'} does not have {planned.name}. It was read "
            "with other runs; compare anew in another --out."
        )
    metrics = run.metrics
    row |= {f"test_{name}": value for name, value in test[planned.name].items()}
    row |= {name: metrics[name] for name in RUN_METRICS}
    return row | _to_target(run.history, target)


def _to_target(history: Iterable[Mapping[str, float]], target: float) -> dict[str, Any]:
    """Epochs and seconds of training until an epoch ended at the target or above."""
    seconds = 0.0
    for row in history:
        seconds += row["seconds"]
        if row.get("validation_accuracy", 0.0) >= target:
            return {
                "epochs_to_target": int(row["epoch"]),
                "seconds_to_target": round(seconds, 3),
            }
    return {}


def _count(runs: Sequence[Mapping[str, Any]], status: str) -> int:
    return sum(run["status"] == status for run in runs)


def _summaries(runs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Means and intervals over the runs that have a value; each tells how many."""
    names = (
        "test_accuracy",
        "validation_accuracy",
        "training_accuracy",
        "seconds",
        "epochs_to_target",
        "seconds_to_target",
    )
    return {
        name: summarise([run[name] for run in runs if run[name] is not None])
        for name in names
    }


def _compare(
    baseline: Mapping[str, Any], other: Mapping[str, Any], seeds: int
) -> dict[str, Any]:
    """The paired differences of two optimizers in test accuracy, other less baseline.

    A pair with a member that did not finish is dropped, and counted.
    """
    accuracies = [
        {run["seed"]: run["test_accuracy"] for run in row["runs"] if run["test_images"]}
        for row in (baseline, other)
    ]
    paired = sorted(accuracies[0].keys() & accuracies[1].keys())
    differences = [accuracies[1][seed] - accuracies[0][seed] for seed in paired]
    return {
        "baseline": baseline["optimizer"],
        "optimizer": other["optimizer"],
        "seeds": paired,
        "dropped_pairs": seeds - len(paired),
        "differences": differences,
        "difference": summarise(differences),
        "p": sign_flip_test(differences),
        "smallest_p": smallest_p(len(paired)),
    }


def _judge(networks: Sequence[Mapping[str, Any]]) -> None:
    """Correct the p-values for the number of comparisons, and give the verdicts."""
    comparisons = [row for network in networks for row in network["comparisons"]]
    corrected = holm([row["p"] for row in comparisons])
    needed = pairs_needed(len(comparisons), LEVEL)
    for row, p in zip(comparisons, corrected, strict=True):
        row["p_corrected"] = p
        row["tests"] = len(comparisons)
        row["pairs_needed"] = needed
        row["verdict"] = _verdict(p, row["difference"]["mean"])


def _verdict(p_corrected: float, mean: float | None) -> str:
    if p_corrected > LEVEL or not mean:
        return OPEN
    return BETTER if mean > 0 else WORSE


def _claims(networks: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """What is to be said of each optimizer against the first, over all networks."""
    count = len(networks[0]["comparisons"])
    return [
        _sentence([network["comparisons"][index] for network in networks], networks)
        for index in range(count)
    ]


def _sentence(
    rows: Sequence[Mapping[str, Any]], networks: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    parts = {}
    for verdict in (BETTER, WORSE, OPEN):
        names = [
            network["title"] + ("" if verdict == OPEN else f" ({_points(row)})")
            for row, network in zip(rows, networks, strict=True)
            if row["verdict"] == verdict
        ]
        if names:
            parts[verdict] = f"{VERBS[verdict]} {_enumerate(names)}"
    if WORSE in parts:
        verdict = "does not hold"
    elif BETTER in parts:
        verdict = "holds in part" if OPEN in parts else "holds"
    else:
        verdict = "is not decided"
    optimizer, baseline = rows[0]["optimizer"], rows[0]["baseline"]
    return {
        "optimizer": optimizer,
        "baseline": baseline,
        "verdict": verdict,
        "sentence": (
            f'"{optimizer} instead of {baseline} raises the accuracy at the same '
            f'number of epochs" {verdict}: {"; ".join(parts.values())}.'
        ),
    }


VERBS = {
    BETTER: "it raises the test accuracy of",
    WORSE: "it lowers the test accuracy of",
    OPEN: "it is open for",
}


def _points(row: Mapping[str, Any]) -> str:
    """A difference in percentage points, with its interval."""
    difference = row["difference"]
    mean, low, high = (100 * difference[name] for name in ("mean", "low", "high"))
    return f"{mean:+.2f} points, 95 % interval {low:+.2f} to {high:+.2f}"


def _enumerate(names: Sequence[str]) -> str:
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last
