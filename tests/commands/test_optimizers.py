"""`kerascnn optimizers`: rates and options, in words that `train` takes."""

import json

import pytest
from click.testing import CliRunner

from kerascnn.commands.optimizers import optimizers
from kerascnn.commands.params import NameValue
from kerascnn.settings.optimizers import OPTIMIZERS


def test_people_get_a_table():
    result = CliRunner().invoke(optimizers)
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines[1].split() == ["sgd", "0.01", "momentum=0.9,", "nesterov=false"]
    first = [line.split()[0] for line in lines[1:-2] if not line.startswith(" ")]
    assert first == list(OPTIMIZERS)
    assert max(map(len, lines)) <= 100
    assert lines[-1] == (
        "Each also takes: weight_decay, clipnorm, clipvalue, global_clipnorm."
    )


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_options_are_written_as_train_reads_them(name):
    result = CliRunner().invoke(optimizers, env={"COLUMNS": "400"})
    lines = result.stdout.splitlines()
    line = next(line for line in lines if line.split()[0] == name)
    words = line.split(maxsplit=2)[2].split(", ")
    options = dict(
        NameValue("weight_decay=0.01").convert(word, None, None) for word in words
    )
    assert options == OPTIMIZERS[name].options


def test_programs_get_the_values_that_are_used():
    result = CliRunner().invoke(optimizers, ["--json"])
    rows = {row["name"]: row for row in json.loads(result.stdout)}
    assert list(rows) == list(OPTIMIZERS)
    assert rows["adagrad"]["learning_rate"] == 0.01
    assert rows["adagrad"]["options"] == {
        "initial_accumulator_value": 0.0,
        "epsilon": 1e-14,
        "weight_decay": None,
        "clipnorm": None,
        "clipvalue": None,
        "global_clipnorm": None,
    }
    # What an optimizer has of its own is not hidden by what all have.
    assert rows["adamw"]["options"]["weight_decay"] == 0.004
