"""The answer of the README: does AdaGrad do better than SGD with momentum?

cog calls `answer`: `make fix` writes it anew from `results/claim/results.json`, `make
check` compares. That file is worked out from the committed records, within a minute and
without TensorFlow, by `kerascnn compare --report --out results/claim`.
"""

from __future__ import annotations

import json
import textwrap
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from kerascnn.comparison.claims import describe_budget
from kerascnn.machine.numbers import format_accuracy, format_points

CLAIM = Path("results/claim")
# Secondary: the same with the schedules of the recipes, and AdaGrad's rates as it goes.
SCHEDULES = Path("results/schedules")
RATES = Path("results/effective-rates/lenet.png")
ROOT = Path(__file__).parent.parent
WIDTH = 96
TITLES = {"sgd": "SGD", "adagrad": "AdaGrad"}
# What is said until the labels of the test images have been joined: it does not depend
# on how many runs have ended.
UNDER_WAY = (
    "The plan is [committed](results/claim/plan.json), the runs are "
    "[under way](results/claim/runs), and the answer will stand here. In [a first "
    "comparison](results/comparison/report.md) only LeNet-5 was trained to the end."
)


def answer(root: Path = ROOT) -> str:
    """The answer in Markdown, or that it is not known yet.

    Args:
        root: The folder that has `results/claim`.
    """
    results = read_results(root)
    if results is None:
        return _wrapped(UNDER_WAY)
    [claim] = results["claims"]
    networks = results["networks"]
    parts = [
        _wrapped(f"{title} was planned and is left out: {reason}")
        for title, reason in results["left_out"].items()
    ]
    parts.append(_wrapped(f"**{claim['answer']}**"))
    parts.append(_table(claim, networks))
    parts.append(
        "![Differences in test accuracy with their intervals of 95%]"
        f"({CLAIM}/figures/forest.png)"
    )
    parts += [_wrapped(words) for words in [*_explain(results), *_secondary(root)]]
    parts.append(
        _wrapped(
            f"[The report]({CLAIM}/report.html) has every run, "
            "[docs/lab-report.md](docs/lab-report.md) the lab report's figures one by "
            "one. From a checkout, this works it out anew from the committed runs:"
        )
        + f"\n\n```sh\nkerascnn compare --report --out {CLAIM}\n```"
    )
    return "\n\n".join(parts)


def read_results(root: Path = ROOT, comparison: Path = CLAIM) -> dict[str, Any] | None:
    """The results of a comparison; `None` until test accuracies are known."""
    path = root / comparison / "results.json"
    if not path.exists():
        return None
    results: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return results if results["joined_at"] else None


def _table(claim: dict[str, Any], networks: list[dict[str, Any]]) -> str:
    lines = [
        "| network | verdict | AdaGrad minus SGD, points | SGD | AdaGrad | trained | "
        "AdaGrad ahead |",
        "| --- | --- | --- | --- | --- | --- | --- |",
        f"| all, unweighted mean | **{claim['difference']['verdict']}** | "
        f"{_difference(claim['difference'])} | | | | {_ahead(networks)} |",
    ]
    for network in networks:
        [pair] = network["comparisons"]
        sgd, adagrad = (
            format_accuracy(row["test_accuracy"]["mean"])
            for row in network["optimizers"]
        )
        trained = describe_budget(SimpleNamespace(**network))
        lines.append(
            f"| {network['title']} | **{pair['difference']['verdict']}** | "
            f"{_difference(pair['difference'])} | {sgd} | {adagrad} | {trained} | "
            f"{_ahead([network])} |"
        )
    return "\n".join(lines)


def _explain(results: dict[str, Any]) -> list[str]:
    """What the table means, what holds early, and what a single run can show."""
    networks = results["networks"]
    factor = 10 ** (1 / results["protocol"]["rules"]["rates_per_decade"])
    rates = {
        row["optimizer"]: max(_cost_of_a_rate(net["optimizers"][i]) for net in networks)
        for i, row in enumerate(networks[0]["optimizers"])
    }
    costs = " and ".join(
        f"{100 * cost:.2f} points ({TITLES[name]})" for name, cost in rates.items()
    )
    early = [
        f"{network['title']} {_difference(pair['by_epoch'][0])}, at the end "
        f"{_difference(pair['by_epoch'][-1])}"
        for network in networks
        for pair in network["comparisons"]
        if len(pair["by_epoch"]) > 1
    ]
    words = [
        f"Accuracies are of {results['test_images']:,} test images, means over runs; "
        "differences have their interval of 95%; verdicts on single networks are "
        "corrected for their number. The last column counts pairs of runs: whoever "
        "trains each once sees one of them.",
    ]
    if early:
        words.append(
            "On the validation images, whose differences say how it goes and decide "
            f"nothing, AdaGrad minus SGD was after the first epoch: {'; '.join(early)}."
        )
    words.append(
        f"A learning rate one step of the tuning, a factor of {factor:.3g}, beside the "
        f"chosen one costs up to {costs} of validation accuracy: whoever tunes one "
        "optimizer less than the other sees that."
    )
    return words


def _secondary(root: Path) -> list[str]:
    """What does not belong to the answer, as far as it is there."""
    words = []
    schedules = read_results(root, SCHEDULES)
    if schedules is not None:
        [claim] = schedules["claims"]
        words.append(
            "Secondary: with [rates that fall to zero, as in the recipes]"
            f"({SCHEDULES}/report.html), {claim['sentence']}"
        )
    if (root / RATES).exists():
        words.append(
            f"Secondary: [how AdaGrad's rates fall]({RATES}) in a training of LeNet-5, "
            "layer by layer, beside SGD's."
        )
    return words


def _cost_of_a_rate(row: dict[str, Any]) -> float:
    """The most that a rate next to the chosen one loses in validation accuracy.

    One that diverged has no accuracy, and does not count.
    """
    reached = {
        trial["learning_rate"]: trial["validation_accuracy"]
        for trial in row["tuning"]["trials"]
    }
    rates, chosen = list(reached), row["learning_rate"]
    if chosen is None:  # none finished
        return 0.0
    place = rates.index(chosen)
    beside = [reached[rate] for rate in rates[max(0, place - 1) : place + 2]]
    best: float = reached[chosen]
    return best - min(accuracy for accuracy in beside if accuracy is not None)


def _ahead(networks: list[dict[str, Any]]) -> str:
    """In how many pairs AdaGrad is correct on more test images."""
    differences = [
        difference
        for network in networks
        for pair in network["comparisons"]
        for difference in pair["differences"]
    ]
    return f"in {sum(d > 0 for d in differences)} of {len(differences)}"


def _difference(found: dict[str, Any]) -> str:
    """A difference in points with its interval."""
    words = format_points(found["mean"])
    if found["low"] is None:
        return words
    return f"{words} ({format_points(found['low'])} to {format_points(found['high'])})"


def _wrapped(text: str) -> str:
    return textwrap.fill(text, WIDTH, break_long_words=False, break_on_hyphens=False)
