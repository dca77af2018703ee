"""The command line as a whole: mistakes are one line, bugs keep their traceback."""

import signal
import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

from kerascnn import __version__
from kerascnn.cli import COMMANDS, ErrorBoundary, main
from kerascnn.errors import ConfigError, TrainingInterruptedError


def run(*arguments):
    return CliRunner().invoke(main, arguments, prog_name="kerascnn")


@pytest.mark.parametrize(
    ("arguments", "code", "line"),
    [
        (["trian"], 2, "There is no command 'trian'. Did you mean 'train'?"),
        (["train", "lenett"], 2, "There is no model 'lenett'. Did you mean 'lenet'?"),
        (["train"], 2, "Name a MODEL (lenet, alexnet, vgg16, resnet18, mobilenet)"),
        (["train", "lenet", "--epochs", "x"], 2, "Invalid value for '--epochs'"),
        (["train", "lenet", "--epochs", "0"], 1, "epochs has to be a whole number"),
        (["train", "lenet", "--optimizer", "adagard"], 2, "Did you mean 'adagrad'?"),
        (
            ["train", "lenet", "--optimizer", "adagrad", "--momentum", "0.9"],
            1,
            "momentum does not apply to adagrad.",
        ),
        (
            ["train", "lenet", "--optimizer-option", "nesterov"],
            2,
            "'nesterov' is not NAME=VALUE",
        ),
        (
            ["train", "lenet", "--optimizer-option", "nesterof=true"],
            1,
            "Did you mean 'nesterov'?",
        ),
        (["train", "lenet", "--resume", "x"], 2, "--resume goes on with the run's own"),
        (["train", "--resume", "no-such-run"], 1, "There is no run 'no-such-run'"),
        (
            ["train", "--config", "none.json"],
            1,
            "Cannot read the settings in none.json",
        ),
        (["train", "vgg16", "--stem", "small"], 1, "There is no vgg16 stem 'small'."),
        (["evaluate"], 1, "There is no finished run in saved_models."),
        (["train", "lenet", "--epoch", "3"], 2, "--epochs"),
    ],
)
def test_mistake_is_one_line(tmp_path, monkeypatch, arguments, code, line):
    monkeypatch.chdir(tmp_path)
    result = run(*arguments)
    assert result.exit_code == code
    assert line in result.stderr
    assert result.stderr.startswith("Error: ")
    assert result.stderr.count("\n") == 1
    assert result.stdout == ""
    assert list(tmp_path.iterdir()) == []


def test_error_of_ours_is_shown_and_a_bug_is_not_hidden():
    group = ErrorBoundary("group")

    @group.command()
    def ours():
        raise ConfigError("so it is")

    @group.command()
    def bug():
        raise RuntimeError("oh")

    ours_result = CliRunner().invoke(group, ["ours"])
    assert (ours_result.exit_code, ours_result.stderr) == (1, "Error: so it is\n")
    assert isinstance(CliRunner().invoke(group, ["bug"]).exception, RuntimeError)


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (KeyboardInterrupt(), 130, "Stopped.\n"),
        (TrainingInterruptedError("Go on so."), 130, "Go on so.\n"),
        (TrainingInterruptedError("Go on so.", signal.SIGTERM), 143, "Go on so.\n"),
    ],
)
def test_command_that_is_stopped_has_the_exit_code_of_shells(error, code, line):
    group = ErrorBoundary("group")

    @group.command()
    def command():
        raise error

    result = CliRunner().invoke(group, ["command"])
    assert (result.exit_code, result.stdout, result.stderr) == (code, "", line)


def test_version_and_help():
    assert run("--version").stdout == f"kerascnn, version {__version__}\n"
    assert run("-V").stdout == run("--version").stdout
    assert run("-h").stdout == run("--help").stdout
    for name in COMMANDS:
        command = main.get_command(click.Context(main), name)
        assert isinstance(command, click.Command)
        assert command.name == name


def test_module_and_console_agree():
    result = subprocess.run(
        [sys.executable, "-m", "kerascnn", "--version"],
        capture_output=True,
        check=True,
        text=True,
    )
    assert result.stdout == run("--version").stdout


def test_hint_follows_a_whole_sentence():
    result = CliRunner().invoke(main, ["train", "lenet", "resnet18"])
    assert result.exit_code == 2
    assert "argument (resnet18). See: " in result.stderr
