"""The results of made-up comparisons, worked out by hand."""

import json
import shutil

import pytest

from kerascnn.comparison.results import derive_results, preview_results
from kerascnn.errors import ConfigError, RunError

# Eight pairs, all of which differ by 0.002 to 0.004 in one direction.
SGD = (0.980, 0.982, 0.981, 0.979, 0.983, 0.980, 0.982, 0.981)
PLANTED = (0.983, 0.984, 0.985, 0.982, 0.986, 0.982, 0.986, 0.984)


def table(sgd, adagrad):
    """Test accuracies by optimizer and seed."""
    rows = {"sgd": sgd, "adagrad": adagrad}
    return lambda run: rows[run.config.optimizer][run.config.seed - 1]


def compared(made, accuracy, *, status=lambda run: "finished", **settings):
    folder = made.make(**settings)
    made.do_runs(folder, made.inside, status, accuracy)
    made.join(folder)
    return derive_results([folder])


def only(results):
    """The one comparison of the one network."""
    (network,) = results.networks
    (row,) = network.comparisons
    return row


def test_planted_difference_is_found(made):
    results = compared(made, table(SGD, PLANTED), seeds=8)
    row = only(results)
    assert row.differences == [30, 20, 40, 30, 30, 20, 40, 30]
    found = row.difference
    assert found.mean == pytest.approx(0.003)
    # t of 7 degrees 2.364624 * sqrt(4e-6 / 7) / sqrt(8)
    assert found.low == pytest.approx(0.003 - 0.000631972, abs=1e-8)
    assert found.p == found.p_corrected == 2 / 256
    assert (found.method, found.verdict) == ("exact", "better")
    assert found.bootstrap_low < found.low
    assert row.seeds == [1, 2, 3, 4, 5, 6, 7, 8]
    (claim,) = results.claims
    assert (claim.networks, claim.pairs) == (1, 8)
    assert claim.difference.p == 2 / 256
    assert claim.sentence == (
        '"adagrad instead of sgd raises the accuracy at the same number of epochs" '
        "holds: LeNet-5 (+0.30 points, 95% interval +0.24 to +0.36; 3 epochs of 54,000 "
        "images, 12 steps, 28x28 pixels)."
    )
    assert claim.answer == claim.sentence
    assert json.loads(json.dumps(results.to_dict(), allow_nan=False))


def test_planted_loss_is_found(made):
    results = compared(made, table(PLANTED, SGD), seeds=8)
    assert only(results).difference.verdict == "worse"
    assert "does not hold, the accuracy falls" in results.claims[0].sentence


def test_identical_optimizers_are_equal_within_the_margin(made):
    results = compared(made, table(SGD, SGD), seeds=8)
    found = only(results).difference
    assert (found.p, found.mean) == (1, 0)
    assert found.verdict == "equal within the margin"
    assert "does not hold, the two are equal within 0.1 points" in (
        results.claims[0].sentence
    )


def test_small_difference_is_equal_only_within_a_margin_that_is_larger(made):
    # 3 images of 10,000, every time: certainly not zero, certainly below 0.1 points.
    ahead = tuple(accuracy + 0.0003 for accuracy in SGD)
    found = only(compared(made, table(SGD, ahead), seeds=8)).difference
    assert found.p == 2 / 256
    assert found.verdict == "equal within the margin"
    narrow = only(
        compared(made, table(SGD, ahead), seeds=8, margin=0.02, name="narrow")
    )
    assert narrow.difference.verdict == "better"


def test_difference_in_too_few_pairs_is_not_decided(made):
    row = only(compared(made, table(SGD, PLANTED), seeds=5))
    assert row.difference.p == row.smallest_p == 2 / 32
    assert row.difference.low > 0
    assert row.difference.verdict == "not decided"
    assert row.pairs_needed == 6


@pytest.mark.slow
def test_p_values_are_corrected_for_the_number_of_networks(made):
    results = compared(
        made,
        lambda run: 0.5 if run.config.model == "vgg16" else table(SGD, PLANTED)(run),
        models=("lenet", "resnet18", "vgg16"),
        seeds=6,
    )
    rows = [network.comparisons[0] for network in results.networks]
    assert [row.difference.p for row in rows] == [2 / 64, 2 / 64, 1]
    # 3 * 2/64 is above 0.05: six pairs cannot decide alone.
    assert [row.difference.p_corrected for row in rows] == [6 / 64, 6 / 64, 1]
    assert [row.difference.verdict for row in rows] == [
        *("not decided", "not decided", "equal within the margin")
    ]
    assert {row.pairs_needed for row in rows} == {7}
    # All together: of 18 pairs, 6 are ties and 12 point one way.
    (claim,) = results.claims
    assert (claim.networks, claim.pairs) == (3, 18)
    assert claim.difference.mean == pytest.approx(2 * (0.0170 / 6) / 3)
    assert claim.difference.p == 2 / 2**12
    assert claim.difference.verdict == "better"
    assert "holds over 3 networks (+0.19 points" in claim.sentence
    budget = "; 3 epochs of 54,000 images, 12 steps, 28x28 pixels"
    points = "+0.28 points, 95% interval +0.20 to +0.36"
    small = budget.replace("28x28 pixels", "32x32 pixels, paper stem")
    assert claim.sentence.endswith(
        f"; not decided on LeNet-5 ({points}{budget}) and ResNet-18 ({points}{small})."
    )
    assert claim.sentence.startswith(f"{claim.answer} Alone: equal within 0.1 points")


def test_every_optimizer_is_compared_with_the_first(made):
    results = compared(
        made,
        lambda run: {"sgd": 0.9, "adam": 0.8, "adagrad": 0.95}[run.config.optimizer],
        optimizers=("sgd", "adam", "adagrad"),
    )
    rows = results.networks[0].comparisons
    assert [row.optimizer for row in rows] == ["adam", "adagrad"]
    assert [row.difference.mean for row in rows] == pytest.approx([-0.1, 0.05])
    assert [row.tests for row in rows] == [2, 2]
    assert [claim.optimizer for claim in results.claims] == ["adam", "adagrad"]


def test_diverged_run_is_counted_and_its_pair_dropped(made):
    def status(run):
        lost = run.config.optimizer == "adagrad" and run.config.seed == 2
        return "diverged" if lost else "finished"

    results = compared(made, table((0.9, 0.1, 0.8), (0.93, 0.99, 0.84)), status=status)
    (network,) = results.networks
    sgd, adagrad = network.optimizers
    assert (sgd.diverged, adagrad.diverged) == (0, 1)
    assert sgd.test_accuracy.count == 3
    assert adagrad.test_accuracy.count == 2
    assert adagrad.test_accuracy.mean == pytest.approx(0.885)
    assert adagrad.runs[1].test_accuracy is None
    (row,) = network.comparisons
    assert row.seeds == [1, 3]
    assert row.dropped_pairs == 1
    assert row.differences == [300, 400]


def test_optimizer_that_never_finishes_has_no_numbers(made):
    results = compared(
        made,
        lambda run: 0.9,
        status=lambda run: (
            "diverged" if run.config.optimizer == "adagrad" else "finished"
        ),
    )
    _, adagrad = results.networks[0].optimizers
    assert adagrad.learning_rate is None
    assert adagrad.runs == []
    assert adagrad.test_accuracy.mean is None
    assert adagrad.tuning.best_is_on_edge
    row = only(results)
    assert row.difference.p == 1
    assert row.difference.verdict == "not decided"
    assert row.dropped_pairs == 3
    assert results.claims[0].sentence.endswith(": no pair of runs finished.")


def test_epochs_to_the_target_and_the_quickest_epoch(made):
    # Epochs end at 0.90, 0.925 and 0.95, with 2 s each.
    results = compared(made, lambda run: 0.9, tune=False, trials=None, target=0.92)
    for row in results.networks[0].optimizers:
        assert {run.epochs_to_target for run in row.runs} == {2}
        assert row.epochs_to_target.count == 3
        assert {run.seconds for run in row.runs} == {6.0}
        assert row.quickest_epoch == 2.0
        assert row.seconds_to_target == 4.0
        assert row.tuning is None


def test_epochs_have_means_and_paired_differences(made):
    results = compared(made, lambda run: 0.9)
    _, adagrad = results.networks[0].optimizers
    # At the rates that were chosen, epochs end at 0.9, 0.925 and 0.95.
    assert [row.mean for row in adagrad.validation_by_epoch] == pytest.approx(
        [0.9, 0.925, 0.95]
    )
    assert [row.count for row in adagrad.validation_by_epoch] == [3, 3, 3]
    assert [(row.count, row.mean) for row in only(results).by_epoch] == [(3, 0.0)] * 3


def test_target_that_is_not_reached_has_no_number(made):
    results = compared(made, lambda run: 0.9, target=0.97)
    row = results.networks[0].optimizers[0]
    assert (row.epochs_to_target.count, row.epochs_to_target.mean) == (0, None)


def test_run_that_is_left_out_is_counted(made):
    folder = made.make()
    lost = "lenet-sgd-seed-2"
    made.do_runs(folder, made.inside)
    shutil.rmtree(folder.runs_path / lost)
    folder.write_json("failed.json", {lost: "out of memory"})
    made.join(folder)
    results = derive_results([folder])
    sgd = results.networks[0].optimizers[0]
    assert sgd.failed == 1
    assert sgd.test_accuracy.count == 2
    assert only(results).dropped_pairs == 1


def test_results_need_no_model_and_no_steps(made):
    results = compared(made, table(SGD, PLANTED), seeds=8)
    folder = made.make(seeds=8)
    for run in folder.runs_path.iterdir():
        (run / "model.keras").unlink()
        (run / "steps.csv").unlink()
        (run / "environment.json").unlink()
    again = derive_results([folder])
    for network in (*results.networks, *again.networks):
        for row in network.optimizers:
            kept = {run.first_loss for run in row.runs}
            assert kept == ({2.0} if network in results.networks else {None})
    assert again.claims == results.claims


# Files that do not fit together


@pytest.fixture
def folder(made):
    folder = made.make()
    made.do_runs(folder, made.inside)
    made.join(folder)
    return folder


def test_choice_that_was_changed_is_seen(folder):
    text = (folder.path / "chosen.json").read_text()
    (folder.path / "chosen.json").write_text(text.replace("0.05", "0.06"))
    with pytest.raises(RunError, match=r"rates in .*chosen\.json are not those"):
        derive_results([folder])
    (folder.path / "chosen.json").write_text(text + "\n")
    with pytest.raises(RunError, match=r"rates in .*chosen\.json are not those"):
        derive_results([folder])


def test_tuning_that_was_changed_is_seen(folder, made):
    for run in folder.planned():
        if run.stage == "tuning":
            accuracy = 0.9 if run.config.learning_rate == 0.05 else 0.5
            if run.config.learning_rate > 0.1:
                accuracy = 0.8
            made.write_run(folder.runs_path, run, accuracy=accuracy)
    assert derive_results([folder])
    run = folder.planned()[0]
    made.write_run(folder.runs_path, run, accuracy=0.99)
    with pytest.raises(RunError):
        derive_results([folder])


def test_predictions_that_were_changed_are_seen(folder, made):
    run = folder.run(folder.planned()[-1])
    run.write_predictions(made.predict(9_001))
    with pytest.raises(RunError, match=r"are not those that .*test\.json was made of"):
        derive_results([folder])


def test_runs_of_one_seed_that_start_otherwise_are_no_pair(folder):
    path = folder.runs_path / "lenet-adagrad-seed-3" / "steps.csv"
    path.write_text(path.read_text().replace("1,1,2.0,", "1,1,2.1,"))
    message = (
        "lenet-sgd-seed-3 starts with a loss of 2, but lenet-adagrad-seed-3 with 2.1"
    )
    with pytest.raises(RunError, match=message):
        derive_results([folder])


def test_results_before_the_labels_are_an_error(made):
    folder = made.make()
    made.do_runs(folder, made.inside)
    with pytest.raises(RunError, match="Cannot read"):
        derive_results([folder])


# Before the labels are joined, and networks that are left out


def test_preview_tells_what_is_missing_and_nothing_of_tests(made):
    folder = made.make(models=("lenet", "vgg16"))
    made.do_runs(folder, made.inside)
    shutil.rmtree(folder.runs_path / "vgg16-adagrad-seed-2")
    results = preview_results(folder)
    assert results.waiting == {"VGG-16": "5 of 6 final runs"}
    [network] = results.networks
    assert (network.model, network.comparisons, results.claims) == ("lenet", [], [])
    for row in network.optimizers:
        assert row.validation_accuracy.count == 3
        assert row.test_accuracy.count == 0
        assert {run.test_correct for run in row.runs} == {None}
    for path in folder.runs_path.glob("vgg16-adagrad-rate-*"):
        shutil.rmtree(path)
    # The three rates of SGD were tied, and each has had a second run.
    assert preview_results(folder).waiting == {"VGG-16": "6 of 9 tuning runs"}
    assert (results.joined_at, results.test_images) == (None, None)


def test_network_that_is_left_out_is_told_and_not_counted(made):
    folder = made.make(models=("lenet", "vgg16"))
    digest = folder.protocol.digest()
    folder.leave_out({"vgg16": "It takes too long."})
    assert {run.config.model for run in folder.planned()} == {"lenet"}
    assert folder.protocol.digest() == digest
    made.do_runs(folder, made.inside, test=table(SGD, PLANTED))
    made.join(folder)
    results = derive_results([folder])
    assert results.left_out == {"VGG-16": "It takes too long."}
    assert [network.model for network in results.networks] == ["lenet"]
    assert only(results).tests == 1
    assert list(results.protocol["networks"]) == ["lenet", "vgg16"]
    (folder.path / "left_out.json").unlink()
    with pytest.raises(RunError, match="learning rates of vgg16 are not chosen"):
        derive_results([folder])


# Comparisons gathered


def joined(made, name, **settings):
    folder = made.make(name=name, **settings)
    made.do_runs(folder, made.inside, test=table(SGD, PLANTED))
    made.join(folder)
    return folder


@pytest.mark.slow
def test_gathered_networks_give_what_they_give_in_one_comparison(made):
    both = joined(made, "both", models=("lenet", "vgg16"))
    parts = [joined(made, model, models=(model,)) for model in ("lenet", "vgg16")]
    whole, gathered = derive_results([both]), derive_results(parts)
    assert gathered.networks == whole.networks
    assert gathered.claims == whole.claims
    assert gathered.plans == {part.path.name: part.protocol.digest() for part in parts}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"margin": 0.2}, "b has margin = 0.2, but .*a has 0.1. They cannot be"),
        ({"models": ("lenet",)}, "compares lenet, which another folder has as well"),
        ({"schedule": "cosine"}, "has schedule = cosine"),
    ],
)
def test_comparisons_that_differ_are_not_gathered(made, settings, message):
    parts = [
        joined(made, "a"),
        joined(made, "b", **{"models": ("vgg16",)} | settings),
    ]
    with pytest.raises(ConfigError, match=message):
        derive_results(parts)
