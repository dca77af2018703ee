"""`kerascnn compare`: settings, the plan, and what it prints."""

import dataclasses
import json
import shlex

import pytest
from click.testing import CliRunner

from kerascnn.cli import main
from kerascnn.commands.compare import compare
from kerascnn.commands.train import train
from kerascnn.comparison import CompareConfig, runner


def run(*arguments):
    return CliRunner().invoke(main, ["compare", *arguments], prog_name="kerascnn")


@pytest.fixture(autouse=True)
def empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def summary(mean, low=None, high=None, count=8):
    return {"count": count, "mean": mean, "low": low, "high": high}


def optimizer(name, rate, test, diverged=0):
    return {
        "optimizer": name,
        "learning_rate": rate,
        "test_accuracy": test,
        "seconds": summary(12.345),
        "diverged": diverged,
    }


RESULTS = {
    "networks": [
        {
            "model": "lenet",
            "title": "LeNet-5",
            "optimizers": [
                optimizer("sgd", 0.05, summary(0.98, 0.975, 0.985)),
                optimizer("adagrad", None, summary(None, count=0), diverged=8),
            ],
            "comparisons": [
                {
                    "baseline": "sgd",
                    "optimizer": "adagrad",
                    "difference": summary(0.003, 0.001, 0.005),
                    "p_corrected": 0.0078125,
                    "verdict": "better",
                },
                {
                    "baseline": "sgd",
                    "optimizer": "adam",
                    "difference": summary(None, count=0),
                    "p_corrected": 1.0,
                    "verdict": "not decided",
                },
            ],
        }
    ],
    "claims": [{"sentence": "It holds."}],
}


@pytest.fixture
def seen(monkeypatch):
    """What the library function was called with."""
    calls = []

    def run_comparison(folder, **options):
        calls.append((folder, options))
        return RESULTS

    monkeypatch.setattr(runner, "run_comparison", run_comparison)
    return calls


def test_options_are_the_settings():
    own = {"jobs", "without_failed", "plan", "out", "as_json"}
    fields = {field.name for field in dataclasses.fields(CompareConfig)}
    assert {param.name for param in compare.params} - own == fields


def test_options_reach_the_library(seen, tmp_path):
    result = run(
        *("lenet", "vgg16", "--optimizer", "sgd", "--optimizer", "adam"),
        *("--epochs", "2", "--limit", "500", "--seeds", "4", "--no-tune"),
        *("--target", "0.9", "--jobs", "3", "--out", "here", "--without-failed"),
    )
    assert result.exit_code == 0, result.stderr
    [(folder, options)] = seen
    assert options.pop("reporter")
    assert options == {"jobs": 3, "without_failed": True}
    assert folder.path.resolve() == tmp_path / "here"
    assert folder.protocol == (
        CompareConfig(
            models=("lenet", "vgg16"),
            optimizers=("sgd", "adam"),
            epochs=2,
            limit=500,
            seeds=4,
            tune=False,
            target=0.9,
        ).resolve()
    )


def test_table_verdicts_and_claim_are_printed(seen):
    result = run("lenet")
    assert result.stdout.splitlines() == [
        "model  optimizer  rate  test accuracy  95 % interval     runs  diverged  "
        "seconds",
        "lenet  sgd        0.05         0.9800  0.9750 to 0.9850     8         0  "
        "     12",
        "lenet  adagrad    -                 -  -                    0         8  "
        "      -",
        "",
        "LeNet-5: adagrad is better than sgd, +0.30 points (+0.10 to +0.50), "
        "p = 0.00781 of 8 pairs",
        "LeNet-5: adam against sgd not decided, p = 1 of 0 pairs",
        "",
        "It holds.",
        "",
        "Report: comparison/report.html",
    ]


def test_json_is_all_of_standard_output(seen):
    result = run("lenet", "--json")
    assert json.loads(result.stdout) == RESULTS


def test_settings_need_not_be_repeated_and_must_not_differ(seen):
    assert run("lenet", "--seeds", "4").exit_code == 0
    assert run().exit_code == 0
    assert [folder.protocol.networks["lenet"].budget.seeds for folder, _ in seen] == [
        *(4, 4)
    ]
    result = run("lenet", "--seeds", "5")
    assert result.exit_code == 1
    assert result.stderr == (
        "Error: The comparison in comparison has seeds of lenet = 4, but 5 is asked "
        "for. Go on with it by --out comparison alone, or give another --out.\n"
    )


def test_plan_prints_commands_that_can_be_run(tmp_path):
    result = run("lenet", "--seeds", "2", "--trials", "3", "--plan", "--out", "a b")
    assert result.exit_code == 0
    *trainings, gather = result.stdout.splitlines()
    assert len(trainings) == 6
    for line in trainings:
        program, name, *arguments = shlex.split(line)
        assert (program, name) == ("kerascnn", "train")
        with train.make_context(name, arguments) as context:
            assert context.params["test"] is False
    assert shlex.split(gather) == ["kerascnn", "compare", "--out", "a b"]
    assert "follow from the tuning" in result.stderr
    assert (tmp_path / "a b" / "comparison.json").exists()


def test_plan_without_tuning_is_all_there_is(tmp_path):
    result = run("lenet", "--seeds", "2", "--no-tune", "--plan", "--json")
    plan = json.loads(result.stdout)
    assert [row["stage"] for row in plan] == ["final"] * 4 + ["gather"]
    assert [row["name"] for row in plan[:2]] == [
        *("lenet-sgd-seed-1", "lenet-adagrad-seed-1")
    ]
    assert result.stderr == ""


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["lenett"], 2, "Did you mean 'lenet'"),
        (["--optimizer", "adagard"], 2, "Did you mean 'adagrad'"),
        (["--optimizer", "sgd"], 1, "two optimizers at least"),
        (["--preset", "fulll"], 2, "Did you mean 'full'"),
        (["--jobs", "0"], 2, "--jobs"),
    ],
)
def test_bad_option_is_one_line_and_leaves_nothing(arguments, code, message, tmp_path):
    result = run(*arguments)
    assert result.exit_code == code
    assert message in result.stderr
    assert not (tmp_path / "comparison").exists()
