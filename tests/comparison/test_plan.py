"""The plan of a comparison: rates, extensions, seeds, names and commands."""

import shlex
from pathlib import Path

import pytest

from kerascnn.commands.train import train
from kerascnn.comparison.config import RULES, CompareConfig
from kerascnn.comparison.plan import (
    Outcome,
    choose,
    final_runs,
    learning_rate,
    planned_runs,
    tune,
)
from kerascnn.errors import RunError
from kerascnn.settings.config import TrainConfig


def protocol_of(**settings):
    given = {"models": ("lenet",), "seeds": 2, "trials": 3} | settings
    return CompareConfig(**given).resolve()


def finished(accuracy, loss=0.1):
    return Outcome(
        status="finished", validation_accuracy=accuracy, validation_loss=loss
    )


def play(protocol, outcome):
    """Do all runs, each with the outcome given, as they become known."""
    outcomes = {}
    while left := [
        run for run in planned_runs(protocol, outcomes) if run.name not in outcomes
    ]:
        outcomes |= {run.name: outcome(run.config) for run in left}
    return outcomes


def rates(tuning, optimizer):
    return [trial.rate for trial in tuning.trials[optimizer]]


def peak(**best):
    """Outcomes whose accuracy falls with the distance from a rate, by optimizer."""

    def outcome(config):
        far = abs(learning_rate(config.learning_rate, 0) / best[config.optimizer] - 1)
        return finished(0.9 / (1 + far))

    return outcome


# Rates


@pytest.mark.parametrize(
    ("step", "rate"),
    [(0, 0.05), (1, 0.1581), (2, 0.5), (-1, 0.01581), (-2, 0.005), (-4, 0.0005)],
)
def test_rates_are_a_root_of_ten_apart(step, rate):
    assert learning_rate(0.05, step) == rate


def test_every_optimizer_begins_with_its_own_center_in_the_middle():
    protocol = protocol_of(models=("vgg16",), trials=5)
    tuning = tune(protocol, "vgg16", {})
    assert rates(tuning, "sgd") == [0.0003, 0.0009487, 0.003, 0.009487, 0.03]
    assert rates(tuning, "adagrad") == [3e-05, 9.487e-05, 0.0003, 0.0009487, 0.003]
    assert not tuning.is_complete
    assert tuning.best == {"sgd": None, "adagrad": None}


def test_even_number_of_trials_has_one_more_above():
    assert rates(tune(protocol_of(trials=4), "lenet", {}), "sgd") == [
        *(0.01581, 0.05, 0.1581, 0.5)
    ]


def test_best_inside_is_not_extended():
    protocol = protocol_of()
    outcomes = play(protocol, peak(sgd=0.05, adagrad=0.05))
    tuning = tune(protocol, "lenet", outcomes)
    assert tuning.extensions == 0
    assert rates(tuning, "sgd") == [0.01581, 0.05, 0.1581]
    assert choose(protocol, outcomes) == {"lenet": {"sgd": 0.05, "adagrad": 0.05}}


def test_best_on_the_edge_extends_every_optimizer_alike():
    protocol = protocol_of()
    outcomes = play(protocol, peak(sgd=0.05, adagrad=0.1581))
    tuning = tune(protocol, "lenet", outcomes)
    assert tuning.extensions == 1
    assert rates(tuning, "adagrad") == [0.01581, 0.05, 0.1581, 0.5]
    # In the middle, both edges are as near: the one above.
    assert rates(tuning, "sgd") == [0.01581, 0.05, 0.1581, 0.5]
    assert choose(protocol, outcomes)["lenet"] == {"sgd": 0.05, "adagrad": 0.1581}
    assert not tuning.is_on_edge("adagrad")


def test_extension_goes_to_the_edge_that_is_nearer():
    protocol = protocol_of(trials=4)
    # Of 0.01581, 0.05, 0.1581 and 0.5, the second is nearer to the lower edge.
    outcomes = play(protocol, peak(sgd=0.05, adagrad=0.01581))
    tuning = tune(protocol, "lenet", outcomes)
    assert rates(tuning, "sgd") == [0.005, 0.01581, 0.05, 0.1581, 0.5]
    assert rates(tuning, "adagrad") == [0.005, 0.01581, 0.05, 0.1581, 0.5]


def test_extensions_have_an_end():
    protocol = protocol_of()
    outcomes = play(protocol, peak(sgd=100.0, adagrad=0.05))
    tuning = tune(protocol, "lenet", outcomes)
    assert tuning.extensions == RULES.max_extensions == 4
    assert rates(tuning, "sgd") == [0.01581, 0.05, 0.1581, 0.5, 1.581, 5.0, 15.81]
    assert {len(row) for row in tuning.trials.values()} == {7}
    assert tuning.is_on_edge("sgd")
    assert not tuning.is_on_edge("adagrad")
    assert choose(protocol, outcomes)["lenet"]["sgd"] == 15.81


def test_number_of_rates_is_equal_whatever_happens():
    for sgd in (1e-4, 0.01581, 0.05, 0.1581, 1.0):
        for adagrad in (1e-4, 0.01581, 0.05, 0.1581, 1.0):
            protocol = protocol_of()
            outcomes = play(protocol, peak(sgd=sgd, adagrad=adagrad))
            tuning = tune(protocol, "lenet", outcomes)
            assert len({len(row) for row in tuning.trials.values()}) == 1


def test_networks_are_extended_each_by_itself():
    protocol = protocol_of(models=("lenet", "alexnet"))
    outcomes = play(
        protocol,
        lambda config: finished(
            0.9 if config.learning_rate in (0.1581, 0.003) else 0.8
        ),
    )
    assert tune(protocol, "lenet", outcomes).extensions == 1
    assert tune(protocol, "alexnet", outcomes).extensions == 4


# Choices


def test_equal_accuracies_are_decided_by_the_loss_then_by_the_lower_rate():
    protocol = protocol_of()
    losses = {0.01581: 0.3, 0.05: 0.2, 0.1581: 0.1}
    outcomes = play(
        protocol,
        lambda config: (
            finished(
                0.9, losses[config.learning_rate] if config.optimizer == "sgd" else 0.1
            )
            if config.learning_rate in losses
            else finished(0.5)
        ),
    )
    assert choose(protocol, outcomes)["lenet"] == {"sgd": 0.1581, "adagrad": 0.01581}


def tie(second):
    """Outcomes in which 0.05 and 0.1581 share the best accuracy; then the second."""

    def outcome(config):
        rate = config.learning_rate
        if config.seed == RULES.tie_seed:
            return second[rate]
        return finished(0.9 if rate in (0.05, 0.1581) else 0.8, 0.1 + rate)

    return outcome


def test_tied_rates_get_a_second_seed_each_and_the_mean_decides():
    protocol = protocol_of(trials=4)
    outcomes = play(protocol, tie({0.05: finished(0.91), 0.1581: finished(0.92)}))
    tuning = tune(protocol, "lenet", outcomes)
    for optimizer in ("sgd", "adagrad"):
        trials = {trial.rate: trial for trial in tuning.trials[optimizer]}
        assert [len(trial.runs) for trial in trials.values()] == [1, 2, 2, 1]
        assert trials[0.1581].accuracy(outcomes) == pytest.approx(0.91)
        first, second = trials[0.1581].runs
        assert second.name == f"{first.name}-tie"
        assert (first.config.seed, second.config.seed) == (0, 1000)
    assert choose(protocol, outcomes)["lenet"] == {"sgd": 0.1581, "adagrad": 0.1581}


def test_tie_that_stays_is_decided_by_the_mean_loss():
    protocol = protocol_of(trials=4)
    again = {0.05: finished(0.85, 0.5), 0.1581: finished(0.85, 0.1)}
    outcomes = play(protocol, tie(again))
    # Mean losses 0.325 and 0.179; others, which were behind at first, stay behind.
    assert choose(protocol, outcomes)["lenet"]["sgd"] == 0.1581


def test_tied_rate_that_diverges_with_the_second_seed_is_not_chosen():
    protocol = protocol_of(trials=4)
    again = {0.05: finished(0.85), 0.1581: Outcome(status="diverged")}
    outcomes = play(protocol, tie(again))
    assert choose(protocol, outcomes)["lenet"]["sgd"] == 0.05


def test_diverged_trial_ranks_last():
    protocol = protocol_of()
    outcomes = play(
        protocol,
        lambda config: (
            Outcome(status="diverged")
            if config.learning_rate > 0.1
            else finished(0.2 + config.learning_rate)
        ),
    )
    assert choose(protocol, outcomes)["lenet"] == {"sgd": 0.05, "adagrad": 0.05}


def test_optimizer_that_never_finishes_tries_lower_rates_and_has_no_final_runs():
    protocol = protocol_of()
    outcomes = play(
        protocol,
        lambda config: (
            Outcome(status="diverged")
            if config.optimizer == "sgd"
            else finished(0.9 if config.learning_rate == 0.05 else 0.8)
        ),
    )
    tuning = tune(protocol, "lenet", outcomes)
    assert rates(tuning, "sgd") == [
        *(0.0001581, 0.0005, 0.001581, 0.005, 0.01581, 0.05, 0.1581)
    ]
    assert choose(protocol, outcomes)["lenet"] == {"sgd": None, "adagrad": 0.05}
    finals = [run for run in planned_runs(protocol, outcomes) if run.stage == "final"]
    assert [run.name for run in finals] == [
        "lenet-adagrad-seed-1",
        "lenet-adagrad-seed-2",
    ]


def test_nothing_is_chosen_before_the_tuning_is_complete():
    protocol = protocol_of()
    runs = planned_runs(protocol, {})
    assert {run.stage for run in runs} == {"tuning"}
    # No two alike, which would be a tie to be settled.
    outcomes = {run.name: finished(0.9 + i / 100) for i, run in enumerate(runs[1:])}
    assert planned_runs(protocol, outcomes) == runs
    with pytest.raises(RunError, match="rates of lenet are not chosen yet"):
        choose(protocol, outcomes)


# Final runs


def test_final_runs_are_pairs_with_fresh_seeds_side_by_side():
    protocol = protocol_of(tune=False, trials=None)
    runs = planned_runs(protocol, {})
    assert [(run.config.seed, run.config.optimizer) for run in runs] == [
        *((1, "sgd"), (1, "adagrad"), (2, "sgd"), (2, "adagrad"))
    ]
    assert runs == final_runs(protocol, "lenet", {"sgd": 0.05, "adagrad": 0.05})
    tuning = planned_runs(protocol_of(), {})
    assert {run.config.seed for run in tuning} == {0}


def test_tuning_and_final_runs_have_budgets_of_their_own():
    protocol = protocol_of(limit=640, epochs=2, tuning_limit=320, tuning_epochs=1)
    outcomes = play(protocol, peak(sgd=0.05, adagrad=0.05))
    for run in planned_runs(protocol, outcomes):
        is_final = run.stage == "final"
        work = (run.config.limit, run.config.epochs)
        assert work == ((640, 2) if is_final else (320, 1))
        assert run.config.test is False
        assert run.config.store_predictions is is_final
        assert run.config.plan_digest == protocol.digest()


def test_names_are_different_and_plain():
    protocol = protocol_of(models=("lenet", "vgg16"))
    runs = planned_runs(protocol, play(protocol, lambda config: finished(0.9)))
    names = [run.name for run in runs]
    assert len(set(names)) == len(names)
    assert [Path(name).name for name in names] == names
    assert "vgg16-adagrad-rate-9.487e-05" in names


def test_command_trains_what_was_planned():
    protocol = protocol_of(models=("lenet", "vgg16"), optimizers=("sgd", "adamw"))
    runs = planned_runs(protocol, play(protocol, lambda config: finished(0.9)))
    assert len(runs) > 12
    for run in runs:
        line = shlex.join(run.command(Path("a folder") / "runs"))
        program, name, *arguments = shlex.split(line)
        assert (program, name) == ("kerascnn", "train")
        with train.make_context(name, arguments) as context:
            given = {k: v for k, v in context.params.items() if v not in (None, ())}
        assert given.pop("name") == run.name
        assert given.pop("out") == Path("a folder/runs")
        assert not given.pop("no_augment")
        given.pop("as_json", None)
        given["optimizer_options"] = dict(given["optimizer_options"])
        assert TrainConfig(**given) == run.config
