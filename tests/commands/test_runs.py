"""`kerascnn runs`: a row a run, and a broken folder is a row as well."""

import json
import os
from functools import partial

import pytest
from click.testing import CliRunner

from kerascnn.commands.runs import runs
from kerascnn.data.facts import DatasetFacts
from kerascnn.errors import UnknownNameError
from kerascnn.runs.folder import Run, create_run
from kerascnn.settings.config import TrainConfig

RUNS = ("lenet-sgd-1", "vgg16-adagrad-1", "mine", "lenet-sgd-2")


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


def listed(out, *arguments, **options):
    environment = {"TZ": "UTC", **options.pop("env", {})}
    arguments = [*arguments, "--out", str(out)]
    return CliRunner().invoke(runs, arguments, env=environment, **options)


def names_in(result):
    return [row["name"] for row in json.loads(result.stdout)]


def test_people_get_a_table_of_what_ended_last(out):
    result = listed(out)
    assert result.exit_code == 0
    lines = [" ".join(line.split()[:-2]) for line in result.stdout.splitlines()]
    assert lines[1:] == [
        "mine resnet18 sgd mnist 0.01 0 32 2/2 unfinished",
        "lenet-sgd-1 lenet sgd mnist 0.05 0 28 10 99.12%",
        "vgg16-adagrad-1 vgg16 adagrad mnist 0.0003 0 32 1 diverged",
        "lenet-sgd-2 lenet sgd kmnist 0.05 0 28 0/7 unfinished",
    ]
    assert result.stderr == ""


def test_folder_is_listed_by_its_last_name(out, tmp_path):
    config = TrainConfig(model="lenet", dataset=f"{tmp_path}/my\nletters")
    create_run(config, {}, out, dataset=DatasetFacts.from_table("mnist"))
    [line] = [row for row in listed(out).stdout.splitlines() if "letters" in row]
    assert line.split()[3] == r"my\nletters"
    rows = json.loads(listed(out, "--json").stdout)
    assert f"{tmp_path}/my\nletters" in [row["dataset"] for row in rows]


def test_narrow_terminal_has_what_a_run_is_told_by(out):
    result = listed(out, env={"COLUMNS": "80"})
    lines = result.stdout.splitlines()
    assert max(map(len, lines)) <= 80
    assert " ".join(lines[0].split()) == "run model rate epochs test accuracy when"
    assert result.stderr == (
        "Not shown in 80 columns: optimizer, dataset, seed, image size. --json "
        "has all.\n"
    )


@pytest.mark.parametrize(
    ("column", "first", "last"),
    [
        ("name", "lenet-sgd-1", "vgg16-adagrad-1"),
        ("learning-rate", "vgg16-adagrad-1", "lenet-sgd-2"),
        ("test-accuracy", "mine", "lenet-sgd-1"),
        ("epochs", "lenet-sgd-2", "lenet-sgd-1"),
        ("when", "mine", "lenet-sgd-2"),
    ],
)
def test_sort_is_upwards_and_what_is_missing_comes_first(out, column, first, last):
    rows = names_in(listed(out, "--sort", column, "--json"))
    assert sorted(rows) == sorted(RUNS)
    assert (rows[0], rows[-1]) == (first, last)


def test_sort_by_what_there_is_not_names_the_columns(out):
    result = listed(out, "--sort", "acuracy")
    assert result.exit_code == 2
    assert "There is no column 'acuracy'." in result.stderr


def test_programs_get_all_of_a_row(out):
    rows = {row["name"]: row for row in json.loads(listed(out, "--json").stdout)}
    assert rows["lenet-sgd-1"] == {
        "name": "lenet-sgd-1",
        "path": str(out / "lenet-sgd-1"),
        "status": "finished",
        "model": "lenet",
        "optimizer": "sgd",
        "dataset": "mnist",
        "learning_rate": 0.05,
        "seed": 0,
        "image_size": 28,
        "epochs": 10,
        "planned_epochs": 7,
        "test_accuracy": 0.9912,
        "when": "2026-01-02T03:04:05+00:00",
    }
    assert rows["mine"]["when"] == "1970-01-01T00:00:00+00:00"
    assert len({tuple(row) for row in rows.values()}) == 1


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
    assert row.split() == ["lenet-sgd-1", *"-------", "broken", "-"]
    assert len(lines) == 1 + 4
    [line] = result.stderr.splitlines()
    assert line.startswith("lenet-sgd-1: ")
    assert problem in line
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


def shown(out, *arguments, **options):
    return listed(out, "show", *arguments, **options)


EPOCHS = [
    {"epoch": 1, "loss": 0.5, "accuracy": 0.9, "validation_accuracy": 0.95}
    | {"validation_loss": 0.25, "learning_rate": 0.05, "seconds": 2.0},
    {"epoch": 2, "loss": 0.25, "accuracy": 0.92, "validation_accuracy": 0.97}
    | {"validation_loss": 0.125, "learning_rate": 0.01, "seconds": 61.0},
]


def test_runs_are_shown_with_the_settings_that_differ_and_results(out):
    Run(out / "lenet-sgd-1").write_csv("history.csv", EPOCHS)
    result = shown(out, "lenet-sgd-1", "lenet-sgd-2")
    assert result.exit_code == 0, result.output
    lines = [line.split("  ") for line in result.stdout.splitlines()]
    rows = [[word.strip() for word in line if word] for line in lines]
    assert rows == [
        ["lenet-sgd-1", "lenet-sgd-2"],
        ["dataset", "mnist", "kmnist"],
        [],
        ["status", "finished", "unfinished"],
        ["test accuracy", "99.12%", "-"],
        ["epochs done", "10", "0"],
        ["training time", "1 min 00 s", "0.0 s"],
        ["parameters", "61,706", "-"],
    ]


def test_run_that_has_not_finished_is_shown_by_its_last_epoch(out):
    Run(out / "mine").write_csv("history.csv", EPOCHS)
    document = json.loads(shown(out, "mine", "lenet-sgd-1", "--json").stdout)
    assert document["differing_settings"] == [
        *("model", "learning_rate", "epochs", "image_size"),
    ]
    mine, lenet = document["runs"]
    assert mine["results"]["validation_accuracy"] == 0.97
    assert mine["results"]["training_loss"] == 0.25
    assert mine["results"]["seconds"] == 63
    assert mine["results"]["test_accuracy"] is None
    assert mine["epochs"] == EPOCHS
    assert lenet["results"]["test_accuracy"] == 0.9912
    assert mine["results"].keys() == lenet["results"].keys()
    assert mine["settings"]["model"] == "resnet18"


def test_one_run_has_its_settings_and_epochs(out):
    Run(out / "lenet-sgd-1").write_csv("history.csv", EPOCHS)
    lines = shown(out).stdout.splitlines()  # the newest that finished
    assert lines[0].split() == ["lenet-sgd-1"]
    assert ["batch", "size", "64"] in [line.split() for line in lines]
    assert [" ".join(line.split()) for line in lines[-2:]] == [
        "1 0.5000 90.00% 0.2500 95.00% 0.05 2.0 s",
        "2 0.2500 92.00% 0.1250 97.00% 0.01 1 min 01 s",
    ]


def test_runs_that_do_not_fit_side_by_side_are_shown_below_each_other(out):
    lines = shown(out, *RUNS, env={"COLUMNS": "60"}).stdout.splitlines()
    assert max(map(len, lines)) <= 60
    for name in RUNS:
        assert sum(name in line.split() for line in lines) == 1
    assert sum(line.startswith("status ") for line in lines) == 2


def test_curves_of_runs_are_drawn(out, tmp_path):
    for name in ("lenet-sgd-1", "mine"):
        Run(out / name).write_csv("history.csv", EPOCHS)
    figure = tmp_path / "curves.png"
    result = shown(out, "lenet-sgd-1", "mine", "--figure", str(figure))
    assert result.exit_code == 0, result.output
    assert figure.read_bytes().startswith(b"\x89PNG")


def test_options_before_show_are_refused(out):
    result = CliRunner().invoke(runs, ["--out", str(out), "show", "mine"])
    assert result.exit_code == 2
    assert "kerascnn runs show RUN --out FOLDER" in result.stderr


def removed(out, *arguments, **options):
    return listed(out, "rm", *arguments, **options)


def left(out):
    return sorted(path.name for path in out.iterdir())


@pytest.mark.parametrize(("answer", "is_gone"), [("y\n", True), ("n\n", False)])
def test_removal_asks(out, answer, is_gone):
    result = removed(out, "mine", input=answer)
    assert f"Remove {out / 'mine'} (0.0" in result.stderr
    assert result.exit_code == (0 if is_gone else 1)
    assert ("mine" not in left(out)) == is_gone


def test_removal_without_an_answer_removes_nothing(out):
    assert removed(out, "mine").exit_code == 1
    assert left(out) == sorted(RUNS)


def test_several_runs_are_removed_and_told(out):
    result = removed(out, "mine", str(out / "mine"), "lenet-sgd-1", "--yes", "--json")
    assert result.exit_code == 0, result.output
    documents = json.loads(result.stdout)
    assert [row["name"] for row in documents] == ["mine", "lenet-sgd-1"]
    assert all(row["size_bytes"] > 500 for row in documents)
    assert left(out) == ["lenet-sgd-2", "vgg16-adagrad-1"]


def test_nothing_is_removed_where_one_is_refused(out):
    result = removed(out, "lenet-sgd-1", "lenet", "--yes")
    assert isinstance(result.exception, UnknownNameError)
    (out / "notes").mkdir()
    result = removed(out, "lenet-sgd-1", "notes", "--yes")
    assert "holds no config.json" in str(result.exception)
    assert {"lenet-sgd-1", "notes"} <= set(left(out))
