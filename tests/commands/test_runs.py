"""`kerascnn runs`: a row a run, and a broken folder is a row as well."""

import json
import os
from functools import partial

import pytest
from click.testing import CliRunner

from kerascnn.commands.runs import runs
from kerascnn.data.facts import DatasetFacts
from kerascnn.runs.folder import create_run
from kerascnn.settings.config import TrainConfig


@pytest.fixture
def out(tmp_path, end_run):
    """Four runs, each a minute newer: finished, diverged, in epoch 3, just begun."""
    out = tmp_path / "saved_models"
    create = partial(create_run, dataset=DatasetFacts.from_table("mnist"))
    finished = create(TrainConfig(model="lenet"), {}, out)
    finished_at = "2026-01-02T03:04:05.678901+00:00"
    end_run(finished, finished_at=finished_at, test_accuracy=0.9912)
    diverged = create(TrainConfig(model="vgg16", optimizer="adagrad"), {}, out)
    finished_at = "2026-01-02T04:00:00+00:00"
    end_run(diverged, status="diverged", finished_at=finished_at, epochs=1)
    unfinished = create(TrainConfig(model="resnet18", epochs=2), {}, out, "mine")
    unfinished.write_csv("history.csv", [{"epoch": 1}, {"epoch": 2}])
    os.utime(unfinished.path, (0, 0))
    begun = create(TrainConfig(model="lenet", dataset="kmnist"), {}, out)
    for minute, run in enumerate((finished, diverged, unfinished, begun)):
        os.utime(run.path / "config.json", (60 * minute, 60 * minute))
    return out


def listed(out, *arguments):
    return CliRunner().invoke(runs, ["--out", str(out), *arguments], env={"TZ": "UTC"})


def test_people_get_a_table_with_the_newest_last(out):
    result = listed(out)
    assert result.exit_code == 0
    lines = [line.split() for line in result.stdout.splitlines()]
    assert [line[:-2] for line in lines[1:]] == [
        ["lenet-sgd-1", "finished", "lenet", "sgd", "mnist", "10", "0.9912"],
        ["vgg16-adagrad-1", "diverged", "vgg16", "adagrad", "mnist", "1", "-"],
        ["mine", "unfinished", "resnet18", "sgd", "mnist", "2", "-"],
        ["lenet-sgd-2", "unfinished", "lenet", "sgd", "kmnist", "0", "-"],
    ]


def test_programs_get_all_of_a_row(out):
    rows = json.loads(listed(out, "--json").stdout)
    assert rows[0] == {
        "name": "lenet-sgd-1",
        "path": str(out / "lenet-sgd-1"),
        "status": "finished",
        "model": "lenet",
        "optimizer": "sgd",
        "dataset": "mnist",
        "epochs": 10,
        "test_accuracy": 0.9912,
        "when": "2026-01-02T03:04:05+00:00",
    }
    assert rows[2]["when"] == "1970-01-01T00:00:00+00:00"
    assert all(row.keys() == rows[0].keys() for row in rows)


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("config.json", "{", "is not JSON"),
        ("config.json", "[]", "has to hold one JSON object of settings"),
        ("config.json", '{"model": "lenett"}', "Did you mean 'lenet'"),
        ("config.json", '{"model": "lenet", "epoch": 3}', "Did you mean 'epochs'"),
        ("metrics.json", '{"status": "fin', "Cannot read"),
        ("metrics.json", '{"status": "finished"}', "finished_at is missing"),
    ],
)
def test_broken_run_is_a_row_that_says_so(out, name, text, problem):
    (out / "lenet-sgd-1" / name).write_text(text)
    result = listed(out)
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    row = next(line for line in lines if line.startswith("lenet-sgd-1 "))
    assert row.split() == ["lenet-sgd-1", "broken", *"------"]
    assert len(lines) == 1 + 4 + 2
    assert lines[-1].startswith("lenet-sgd-1: ")
    assert problem in lines[-1]
    rows = {row["name"]: row for row in json.loads(listed(out, "--json").stdout)}
    assert problem in rows["lenet-sgd-1"]["problem"]
    assert [name for name, row in rows.items() if "problem" in row] == ["lenet-sgd-1"]


def test_history_that_is_cut_short_is_a_broken_run(out):
    (out / "mine" / "history.csv").write_text("epoch\n1\n\x00")
    (out / "lenet-sgd-2" / "history.csv").write_text("epoch\nx\n")
    rows = {row["name"]: row for row in json.loads(listed(out, "--json").stdout)}
    assert rows["mine"]["status"] == rows["lenet-sgd-2"]["status"] == "broken"
    assert rows["vgg16-adagrad-1"]["status"] == "diverged"


@pytest.mark.parametrize("is_made", [True, False])
def test_no_run_says_how_to_make_one(tmp_path, is_made):
    out = tmp_path / "runs"
    if is_made:
        out.mkdir()
    result = listed(out)
    assert result.exit_code == 0
    assert result.stdout == ""
    assert result.stderr == (
        f"There are no runs in {out}. Make one with: kerascnn train lenet\n"
    )
    assert json.loads(listed(out, "--json").stdout) == []
