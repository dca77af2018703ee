"""The committed runs of the claim, looked at without the code that compares them."""

import csv
import hashlib
import itertools
import json
import math
import re
from datetime import datetime
from pathlib import Path
from statistics import fmean, stdev

import numpy as np
import pytest
from scipy import stats

CLAIM = Path(__file__).parents[2] / "results" / "claim"
RUNS = sorted((CLAIM / "runs").iterdir())
# When plan.json was committed.
PLANNED = datetime.fromisoformat("2026-11-25T18:43:52+00:00")


def read(path):
    return json.loads(path.read_text("utf-8"))


def first_loss(run):
    with open(run / "steps.csv", newline="") as file:
        return float(next(csv.DictReader(file))["loss"])


def pairs():
    """The final runs of each network and seed that both optimizers have."""
    found = {}
    for run in RUNS:
        if name := re.fullmatch(r"(\w+)-(\w+)-seed-(\d+)", run.name):
            model, optimizer, seed = name.groups()
            found.setdefault((model, int(seed)), {})[optimizer] = run
    return {key: runs for key, runs in found.items() if len(runs) == 2}


def test_every_run_was_started_after_the_plan_and_records_it():
    digest = hashlib.sha256((CLAIM / "plan.json").read_bytes()).hexdigest()
    assert digest in (CLAIM / "README.md").read_text("utf-8")
    assert len(RUNS) > 50
    for run in RUNS:
        assert read(run / "config.json")["settings"]["plan_digest"] == digest, run
        started = read(run / "environment.json")["started_at"]
        assert datetime.fromisoformat(started) > PLANNED, run


def test_runs_of_a_pair_begin_with_the_same_loss():
    assert len(pairs()) >= 16
    for key, runs in pairs().items():
        sgd, adagrad = first_loss(runs["sgd"]), first_loss(runs["adagrad"])
        assert sgd == pytest.approx(adagrad, rel=1e-3), key


def test_no_run_has_read_the_test_images():
    for run in RUNS:
        assert read(run / "metrics.json").get("test_accuracy") is None, run


@pytest.mark.skipif(
    not (CLAIM / "test.json").exists(), reason="the runs of the claim are under way"
)
def test_numbers_are_those_of_the_predictions():
    """Accuracies, differences, intervals and p-values, worked out here anew."""
    labels = np.load(CLAIM / "labels.npy")
    results = read(CLAIM / "results.json")
    correct = {
        key: {
            name: int((np.load(run / "test_predictions.npy") == labels).sum())
            for name, run in runs.items()
        }
        for key, runs in pairs().items()
    }
    means, p_values = [], []
    for network in results["networks"]:
        rows = [row for (model, _), row in correct.items() if model == network["model"]]
        [pair] = network["comparisons"]
        differences = [row["adagrad"] - row["sgd"] for row in rows]
        assert pair["differences"] == differences
        for optimizer in network["optimizers"]:
            name = optimizer["optimizer"]
            mean = fmean(row[name] for row in rows) / len(labels)
            assert optimizer["test_accuracy"]["mean"] == pytest.approx(mean)
        mean, count = fmean(differences), len(differences)
        # Of whole numbers, a variance is at least that of rounding.
        error = math.sqrt(max(stdev(differences) ** 2, 1 / 12) / count)
        half = stats.t.ppf(0.975, count - 1) * error
        found = pair["difference"]
        for name, value in (
            ("mean", mean),
            ("low", mean - half),
            ("high", mean + half),
        ):
            assert found[name] == pytest.approx(value / len(labels), abs=1e-9)
        flipped = [
            abs(sum(sign * d for sign, d in zip(signs, differences, strict=True)))
            for signs in itertools.product((-1, 1), repeat=count)
        ]
        p = fmean(total >= abs(sum(differences)) for total in flipped)
        assert found["p"] == pytest.approx(p)
        means.append(mean)
        p_values.append(found["p"])
    [claim] = results["claims"]
    assert claim["difference"]["mean"] == pytest.approx(fmean(means) / len(labels))
    smallest = min(range(len(means)), key=lambda index: p_values[index])
    corrected = results["networks"][smallest]["comparisons"][0]["difference"]
    assert corrected["p_corrected"] == pytest.approx(min(1, len(means) * min(p_values)))
