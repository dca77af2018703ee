"""A wrong command line is told in one short line, with the option that is meant."""

import click
import pytest
from click.testing import CliRunner

from kerascnn.cli import COMMANDS, main
from kerascnn.commands.usage import SYNONYMS


def invoke(*arguments):
    return CliRunner().invoke(main, arguments, prog_name="kerascnn")


@pytest.mark.parametrize(
    ("command", "given", "meant"),
    [
        ("train", "--lr", "--learning-rate"),
        ("train", "--learningrate", "--learning-rate"),
        ("train", "--learning_rate", "--learning-rate"),
        ("train", "--Learning-Rate", "--learning-rate"),
        ("train", "--batch", "--batch-size"),
        ("train", "--bs", "--batch-size"),
        ("train", "-b", "--batch-size"),
        ("train", "--epoch", "--epochs"),
        ("train", "--optim", "--optimizer"),
        ("train", "--size", "--image-size"),
        ("train", "--output", "--out"),
        ("evaluate", "--batch", "--batch-size"),
        ("compare", "--workers", "--jobs"),
        ("export", "--destination", "--to"),
        ("benchmark", "--time", "--seconds"),
    ],
)
def test_option_that_is_meant_is_suggested(command, given, meant):
    for arguments in ((given, "1"), (f"{given}=1",)):
        if len(given) == 2 and "=" in arguments[0]:
            continue
        result = invoke(command, *arguments)
        assert result.exit_code == 2
        assert result.stderr == (
            f"Error: No such option: {given}. Did you mean {meant}? "
            f"See: kerascnn {command} --help\n"
        )


def test_option_that_nothing_is_like_gets_no_suggestion():
    result = invoke("runs", "--lr-x", "1")
    line = "Error: No such option: --lr-x. See: kerascnn runs --help\n"
    assert result.stderr == line


def test_synonyms_stand_for_options_that_there_are():
    options, context = set(), click.Context(main)
    for name in COMMANDS:
        for parameter in main.get_command(context, name).params:
            options |= {option.removeprefix("--") for option in parameter.opts}
    assert set(SYNONYMS.values()) <= options
    # These are options of one command, and are meant otherwise for others.
    elsewhere = {"model", "weights", "scheduler", "workers"}
    assert not set(SYNONYMS) & options - {"nesterov", "alpha"} - elsewhere


@pytest.mark.parametrize(
    "arguments",
    [
        ("train", "x" * 10**6),
        ("train", "lenet", "--epochs", "9" * 10**5),
        ("train", "lenet", "--" + "x" * 10**5),
        ("train", "lenet", "--optimizer-option", "a=" + "[" * 10**5),
        ("train", "lenet", "--out", "x\0"),
        ("train", "--config", "x" * 300),
        ("train", "--resume", "x" * 300),
        ("train", "--resume", ""),
        ("evaluate", "x" * 300),
        ("predict", "a.png", "--model", "x" * 300),
        ("export", "x" * 300),
        ("x" * 10**6,),
        ("train", "lenet", *["y"] * 10**4),
    ],
    ids=lambda words: " ".join(words)[:30].replace("\0", "0"),
)
def test_line_is_short_whatever_was_typed(arguments, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = invoke(*arguments)
    assert result.exit_code in (1, 2)
    assert isinstance(result.exception, SystemExit)
    assert result.stderr.startswith("Error: ")
    assert result.stderr.count("\n") == 1
    assert len(result.stderr) < 1000
    assert list(tmp_path.iterdir()) == []
