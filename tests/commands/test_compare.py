"""`kerascnn compare`: settings, the plan, and what it prints."""

import dataclasses
import json
import shlex
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from kerascnn.cli import main
from kerascnn.commands.compare import compare
from kerascnn.commands.train import train
from kerascnn.comparison import run as comparison_run
from kerascnn.comparison.config import CompareConfig
from kerascnn.comparison.records import Claim, Difference, Summary


def run(*arguments):
    return CliRunner().invoke(main, ["compare", *arguments], prog_name="kerascnn")


@pytest.fixture(autouse=True)
def empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def summary(mean, low=None, high=None, count=8):
    return Summary(count=count, mean=mean, standard_deviation=None, low=low, high=high)


def optimizer(name, rate, test, diverged=0):
    return SimpleNamespace(
        optimizer=name,
        learning_rate=rate,
        test_accuracy=test,
        quickest_epoch=12.345 if test.count else None,
        diverged=diverged,
    )


def difference(mean, low, high, p, verdict):
    return Difference(
        mean=mean,
        low=low,
        high=high,
        bootstrap_low=None,
        bootstrap_high=None,
        p=p,
        p_corrected=p,
        method="exact",
        equivalence_p=1.0,
        equivalence_p_corrected=1.0,
        verdict=verdict,
    )


class Results(SimpleNamespace):
    def to_dict(self):
        return {"plain": "values"}


RESULTS = Results(
    joined_at="2026-01-01T00:00:00+00:00",
    left_out={"VGG-16": "It takes too long."},
    waiting={},
    networks=[
        SimpleNamespace(
            model="lenet",
            title="LeNet-5",
            optimizers=[
                optimizer("sgd", 0.05, summary(0.98, 0.975, 0.985)),
                optimizer("adagrad", None, summary(None, count=0), diverged=8),
            ],
            comparisons=[
                SimpleNamespace(
                    optimizer="adagrad",
                    seeds=range(8),
                    difference=difference(0.003, 0.001, 0.005, 0.0078125, "better"),
                ),
                SimpleNamespace(
                    optimizer="adam",
                    seeds=[],
                    difference=difference(None, None, None, 1.0, "not decided"),
                ),
            ],
        )
    ],
    claims=[
        Claim(
            baseline="sgd",
            optimizer="adagrad",
            networks=1,
            pairs=8,
            difference=difference(0.003, 0.001, 0.005, 0.0078125, "better"),
            answer="It holds.",
            sentence="It holds.",
        )
    ],
)


@pytest.fixture
def seen(monkeypatch):
    """What the library function was called with."""
    calls = []

    def run_comparison(folder, **options):
        calls.append((folder, options))
        return RESULTS

    monkeypatch.setattr(comparison_run, "run_comparison", run_comparison)
    return calls


def test_options_are_the_settings():
    own = {"jobs", "scheduler", "without_failed", "leave_out", "plan", "report"}
    own |= {"gather", "out", "as_json"}
    fields = {field.name for field in dataclasses.fields(CompareConfig)}
    # The arguments are models or, with --gather, folders.
    options = {param.name for param in compare.params} - own - {"names"}
    assert options == fields - {"models"}


def test_options_reach_the_library(seen, tmp_path):
    result = run(
        *("lenet", "vgg16", "--optimizer", "sgd", "--optimizer", "adam"),
        *("--epochs", "2", "--limit", "500", "--seeds", "4", "--no-tune"),
        *("--target", "0.9", "--jobs", "3", "--out", "here", "--without-failed"),
        *("--schedule", "cosine", "--margin", "0.2", "--scheduler", "local:2"),
    )
    assert result.exit_code == 0, result.stderr
    [(folder, options)] = seen
    assert options.pop("reporter")
    assert options == {"jobs": 3, "scheduler": "local:2", "without_failed": True}
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
            schedule="cosine",
            margin=0.2,
        ).resolve()
    )


def test_table_verdicts_and_claim_are_printed(seen):
    result = run("lenet")
    assert result.stdout.splitlines() == [
        "VGG-16 was planned and is left out: It takes too long.",
        "model  optimizer  rate  test accuracy      95% interval  runs  diverged  "
        "seconds an epoch",
        "lenet  sgd        0.05         98.00%  97.50% to 98.50%     8         0  "
        "            12.3",
        "lenet  adagrad       -              -                 -     0         8  "
        "               -",
        "",
        "LeNet-5: adagrad better, +0.30 points (+0.10 to +0.50), p = 0.00781 of 8 "
        "pairs",
        "LeNet-5: adam not decided, p = 1 of 0 pairs",
        "",
        "It holds.",
        "",
        "Report: comparison/report.html",
    ]


def test_json_is_all_of_standard_output(seen):
    result = run("lenet", "--json")
    assert json.loads(result.stdout) == RESULTS.to_dict()


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
    assert (tmp_path / "a b" / "plan.json").exists()


def test_plan_without_tuning_is_all_there_is(tmp_path):
    result = run("lenet", "--seeds", "2", "--no-tune", "--plan", "--json")
    plan = json.loads(result.stdout)
    assert [row["stage"] for row in plan] == ["final"] * 4 + ["gather"]
    assert [row["name"] for row in plan[:2]] == [
        *("lenet-sgd-seed-1", "lenet-adagrad-seed-1")
    ]
    assert result.stderr == (
        "Over all: 2 pairs, the smallest p-value is 0.5; it can never decide at 0.05.\n"
    )


def test_rehearsal_and_reach_are_told_before_anything_is_trained():
    result = run("lenet", "vgg16", "--preset", "quick", "--plan")
    assert "This is a rehearsal" in result.stderr
    assert "With fewer, lenet, vgg16 can never be decided." in result.stderr
    result = run("--plan", "--out", "full")
    assert "rehearsal" not in result.stderr
    assert "Over all: 40 pairs" in result.stderr
    assert "never" not in result.stderr


def test_gather_takes_folders(monkeypatch):
    calls = []

    def gather(paths, out, reporter):
        calls.append((paths, out))
        return RESULTS

    monkeypatch.setattr(comparison_run, "gather_comparisons", gather)
    result = run("--gather", "a", "b", "--out", "both")
    assert calls == [([Path("a"), Path("b")], Path("both"))]
    assert result.stdout.endswith("It holds.\n\nReport: both/report.html\n")


def test_report_takes_a_folder_and_trains_nothing(monkeypatch):
    calls = []
    waiting = {"LeNet-5": "3 of 6 tuning runs"}
    unfinished = Results(joined_at=None, left_out={}, waiting=waiting)

    def report(folder, reporter):
        calls.append(folder.path)
        return unfinished

    monkeypatch.setattr(comparison_run, "report_comparison", report)
    result = run("--report", "--out", "some")
    assert calls == [Path("some")]
    assert result.stdout == (
        "LeNet-5 is not finished: 3 of 6 tuning runs have ended.\n\n"
        "Report: some/report.html\n"
    )


def test_network_is_left_out_with_a_reason(seen):
    assert run("lenet", "vgg16", "--leave-out", "vgg16", "no time").exit_code == 0
    [(folder, _)] = seen
    assert folder.left_out() == {"vgg16": "no time"}


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--report", "lenet"], 2, "--report takes --out"),
        (["--report", "--jobs", "2"], 2, "--report takes --out"),
        (["--report", "--gather", "a"], 2, "--gather takes folders"),
        (["--report"], 1, "Cannot read comparison/plan.json"),
        (["--plan", "--leave-out", "lenet", "x"], 2, "--plan leaves nothing out"),
        (["--leave-out", "lenett", "x"], 2, "Did you mean 'lenet'"),
        (["lenett"], 2, "Did you mean 'lenet'"),
        (["--optimizer", "adagard"], 2, "Did you mean 'adagrad'"),
        (["--optimizer", "sgd"], 1, "two optimizers at least"),
        (["--preset", "fulll"], 2, "Did you mean 'full'"),
        (["--jobs", "0"], 2, "--jobs"),
        (["--gather"], 2, "--gather takes folders"),
        (["--gather", "a", "--seeds", "3"], 2, "--gather takes folders"),
        (["--gather", "a"], 1, "Cannot read a/plan.json"),
        (["--gather", "a", "--scheduler", "local:2"], 2, "--gather takes folders"),
        (["--plan", "--scheduler", "local:2"], 2, "takes no --scheduler"),
        (["--scheduler", "local:0"], 1, "local:N, tcp://HOST:PORT or tls://HOST:PORT"),
        (["--scheduler", "10.0.0.1:8786"], 1, "but got '10.0.0.1:8786'"),
    ],
)
def test_bad_option_is_one_line_and_leaves_nothing(arguments, code, message, tmp_path):
    result = run(*arguments)
    assert result.exit_code == code
    assert message in result.stderr
    assert not (tmp_path / "comparison").exists()
