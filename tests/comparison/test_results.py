"""The results of made-up comparisons, worked out by hand."""

import json

import pytest

from kerascnn.comparison.results import derive_results
from kerascnn.errors import RunError

# Eight pairs, all of which differ by 0.002 to 0.004 in one direction.
SGD = (0.980, 0.982, 0.981, 0.979, 0.983, 0.980, 0.982, 0.981)
PLANTED = (0.983, 0.984, 0.985, 0.982, 0.986, 0.982, 0.986, 0.984)


def table(sgd, adagrad):
    """Test accuracies by optimizer and seed."""
    rows = {"sgd": sgd, "adagrad": adagrad}
    return lambda run: rows[run.config.optimizer][run.config.seed - 1]


def compared(made, accuracy, *, status=lambda run: "finished", **settings):
    folder = made.make(**settings)
    made.do_runs(folder, made.inside, status)
    made.read_test(folder, accuracy)
    return derive_results(folder)


def test_planted_difference_is_found(made):
    results = compared(made, table(SGD, PLANTED), seeds=8)
    (network,) = results["networks"]
    (row,) = network["comparisons"]
    assert row["differences"] == pytest.approx(
        [0.003, 0.002, 0.004, 0.003, 0.003, 0.002, 0.004, 0.003]
    )
    assert row["difference"]["mean"] == pytest.approx(0.003)
    # t of 7 degrees 2.364624 * sqrt(4e-6 / 7) / sqrt(8)
    assert row["difference"]["low"] == pytest.approx(0.003 - 0.000631972, abs=1e-8)
    assert row["p"] == row["p_corrected"] == 2 / 256
    assert row["verdict"] == "better"
    assert row["seeds"] == [1, 2, 3, 4, 5, 6, 7, 8]
    assert results["claims"] == [
        {
            "optimizer": "adagrad",
            "baseline": "sgd",
            "verdict": "holds",
            "sentence": '"adagrad instead of sgd raises the accuracy at the same '
            'number of epochs" holds: it raises the test accuracy of LeNet-5 '
            "(+0.30 points, 95 % interval +0.24 to +0.36).",
        }
    ]
    assert json.loads(json.dumps(results, allow_nan=False)) == results


def test_planted_loss_is_found(made):
    results = compared(made, table(PLANTED, SGD), seeds=8)
    assert results["networks"][0]["comparisons"][0]["verdict"] == "worse"
    assert results["claims"][0]["verdict"] == "does not hold"


def test_identical_optimizers_are_not_decided(made):
    results = compared(made, table(SGD, SGD), seeds=8)
    (row,) = results["networks"][0]["comparisons"]
    assert row["p"] == 1
    assert row["difference"]["mean"] == 0
    assert row["verdict"] == "not decided"
    assert results["claims"][0]["verdict"] == "is not decided"
    assert results["claims"][0]["sentence"].endswith(
        "is not decided: it is open for LeNet-5."
    )


def test_difference_in_too_few_pairs_is_not_decided(made):
    results = compared(made, table(SGD, PLANTED), seeds=5)
    (row,) = results["networks"][0]["comparisons"]
    assert row["p"] == row["smallest_p"] == 2 / 32
    assert row["difference"]["low"] > 0
    assert row["verdict"] == "not decided"
    assert row["pairs_needed"] == 6


def test_p_values_are_corrected_for_the_number_of_networks(made):
    results = compared(
        made,
        lambda run: 0.5 if run.config.model == "vgg16" else table(SGD, PLANTED)(run),
        models=("lenet", "resnet18", "vgg16"),
        seeds=6,
    )
    rows = [network["comparisons"][0] for network in results["networks"]]
    assert [row["p"] for row in rows] == [2 / 64, 2 / 64, 1]
    # 3 * 2/64 is above 0.05: six pairs cannot decide alone.
    assert [row["p_corrected"] for row in rows] == [6 / 64, 6 / 64, 1]
    assert {row["verdict"] for row in rows} == {"not decided"}
    assert {row["pairs_needed"] for row in rows} == {7}


def test_claim_that_holds_in_part_says_where(made):
    results = compared(
        made,
        lambda run: 0.5 if run.config.model == "vgg16" else table(SGD, PLANTED)(run),
        models=("lenet", "vgg16"),
        seeds=8,
    )
    claim = results["claims"][0]
    assert claim["verdict"] == "holds in part"
    assert "raises the test accuracy of LeNet-5" in claim["sentence"]
    assert claim["sentence"].endswith("; it is open for VGG-16.")


def test_every_optimizer_is_compared_with_the_first(made):
    results = compared(
        made,
        lambda run: {"sgd": 0.9, "adam": 0.8, "adagrad": 0.95}[run.config.optimizer],
        optimizers=("sgd", "adam", "adagrad"),
    )
    rows = results["networks"][0]["comparisons"]
    assert [row["optimizer"] for row in rows] == ["adam", "adagrad"]
    assert [row["difference"]["mean"] for row in rows] == pytest.approx([-0.1, 0.05])
    assert [row["tests"] for row in rows] == [2, 2]


def test_diverged_run_is_counted_and_its_pair_dropped(made):
    def status(run):
        lost = run.config.optimizer == "adagrad" and run.config.seed == 2
        return "diverged" if lost else "finished"

    results = compared(made, table((0.9, 0.1, 0.8), (0.93, 0.99, 0.84)), status=status)
    (network,) = results["networks"]
    sgd, adagrad = network["optimizers"]
    assert (sgd["diverged"], adagrad["diverged"]) == (0, 1)
    assert sgd["test_accuracy"]["count"] == 3
    assert adagrad["test_accuracy"]["count"] == 2
    assert adagrad["test_accuracy"]["mean"] == pytest.approx(0.885)
    assert adagrad["runs"][1]["test_accuracy"] is None
    (row,) = network["comparisons"]
    assert row["seeds"] == [1, 3]
    assert row["dropped_pairs"] == 1
    assert row["differences"] == pytest.approx([0.03, 0.04])


def test_optimizer_that_never_finishes_has_no_numbers(made):
    results = compared(
        made,
        lambda run: 0.9,
        status=lambda run: (
            "diverged" if run.config.optimizer == "adagrad" else "finished"
        ),
    )
    _, adagrad = results["networks"][0]["optimizers"]
    assert adagrad["learning_rate"] is None
    assert adagrad["runs"] == []
    assert adagrad["test_accuracy"]["mean"] is None
    assert adagrad["tuning"]["best_is_on_edge"]
    (row,) = results["networks"][0]["comparisons"]
    assert row["p"] == 1
    assert row["verdict"] == "not decided"
    assert row["dropped_pairs"] == 3


def test_epochs_and_seconds_to_the_target(made):
    # Epochs end at 0.90, 0.925 and 0.95, with 2 s each.
    results = compared(made, lambda run: 0.9, tune=False, trials=None, target=0.92)
    for row in results["networks"][0]["optimizers"]:
        assert {run["epochs_to_target"] for run in row["runs"]} == {2}
        assert {run["seconds_to_target"] for run in row["runs"]} == {4.0}
        assert row["epochs_to_target"]["count"] == 3
        assert row["seconds"]["mean"] == 6.0
        assert row["tuning"] is None


def test_target_that_is_not_reached_has_no_number(made):
    results = compared(made, lambda run: 0.9, target=0.97)
    row = results["networks"][0]["optimizers"][0]
    assert row["epochs_to_target"] == {
        "count": 0,
        **dict.fromkeys(("mean", "standard_deviation", "low", "high")),
    }


def test_run_done_without_is_counted(made):
    folder = made.make()
    lost = "lenet-sgd-seed-2"
    made.do_runs(folder, made.inside)
    import shutil

    shutil.rmtree(folder.runs_path / lost)
    folder.write_json("failed.json", {lost: "out of memory"})
    made.read_test(folder, table((0.9, 0.9, 0.9), (0.9, 0.9, 0.9)))
    results = derive_results(folder)
    sgd = results["networks"][0]["optimizers"][0]
    assert sgd["failed"] == 1
    assert sgd["test_accuracy"]["count"] == 2
    assert results["networks"][0]["comparisons"][0]["dropped_pairs"] == 1


def test_results_need_no_model_and_no_steps(made):
    results = compared(made, table(SGD, PLANTED), seeds=8)
    folder = made.make(seeds=8)
    for run in folder.runs_path.iterdir():
        (run / "model.keras").unlink()
        (run / "steps.csv").unlink()
        (run / "environment.json").unlink()
    assert derive_results(folder) == results


# Files that do not fit together


@pytest.fixture
def folder(made):
    folder = made.make()
    made.do_runs(folder, made.inside)
    made.read_test(folder, lambda run: 0.9)
    return folder


def test_choice_that_was_changed_is_seen(folder):
    text = (folder.path / "chosen.json").read_text()
    (folder.path / "chosen.json").write_text(text.replace("0.05", "0.06"))
    with pytest.raises(RunError, match=r"rates in .*chosen\.json are not those"):
        derive_results(folder)
    (folder.path / "chosen.json").write_text(text + "\n")
    with pytest.raises(RunError, match=r"rates in .*chosen\.json are not those"):
        derive_results(folder)


def test_tuning_that_was_changed_is_seen(folder, made):
    for run in folder.planned():
        if run.stage == "tuning":
            accuracy = 0.9 if run.config.learning_rate == 0.05 else 0.5
            if run.config.learning_rate > 0.1:
                accuracy = 0.8
            made.write_run(folder.runs_path, run, accuracy=accuracy)
    assert derive_results(folder)
    run = folder.planned()[0]
    made.write_run(folder.runs_path, run, accuracy=0.99)
    with pytest.raises(RunError):
        derive_results(folder)


def test_runs_of_different_kinds_are_not_compared(folder):
    path = folder.runs_path / "lenet-adagrad-seed-3" / "config.json"
    text = path.read_text()
    path.write_text(text.replace('"batch_size": 64', '"batch_size": 32'))
    with pytest.raises(RunError, match="batch_size = 32, but other runs of lenet have"):
        derive_results(folder)


def test_results_before_the_test_are_an_error(made):
    folder = made.make()
    made.do_runs(folder, made.inside)
    with pytest.raises(RunError, match="Cannot read"):
        derive_results(folder)
