"""The documents keep up with the code."""

import os
import re
import shlex
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from PIL import Image

import kerascnn
from kerascnn.cli import COMMANDS as SUMMARIES
from kerascnn.cli import main

ROOT = Path(__file__).parents[1]
DOCS = sorted((ROOT / "docs").glob("*.md"))
NAMES = list(SUMMARIES)
COMMANDS = [main.get_command(click.Context(main), name) for name in NAMES]


def read(name):
    return (ROOT / name).read_text("utf-8")


def options(command):
    return [param for param in command.params if isinstance(param, click.Option)]


def help_of(*arguments):
    result = CliRunner().invoke(
        main, [*arguments, "--help"], prog_name="kerascnn", terminal_width=80
    )
    assert result.exit_code == 0
    return result.stdout


@pytest.mark.parametrize("command", COMMANDS, ids=NAMES)
def test_page_of_the_command_line_has_every_command_with_its_options(command):
    blocks = read("docs/cli.md").split("```")
    start = f"Usage: kerascnn {command.name} [OPTIONS]"
    [block] = [block for block in blocks if start in block]
    for option in options(command):
        for name in (*option.opts, *option.secondary_opts):
            assert re.search(rf"(?<![\w-]){name}(?![\w-])", block), name


@pytest.mark.parametrize("command", COMMANDS, ids=NAMES)
def test_every_command_and_option_has_help(command):
    assert command.help
    summary = command.help.splitlines()[0]
    assert summary.endswith(".")
    assert summary in help_of(command.name)
    assert [option.name for option in options(command) if not option.help] == []


@pytest.mark.parametrize("command", COMMANDS, ids=NAMES)
def test_examples_of_every_command_can_be_parsed(command, parse_command):
    _, _, text = help_of(command.name).partition("Example:\n")
    lines = [line.split("#")[0] for line in text.partition("\n\n")[0].splitlines()]
    assert lines
    for line in lines:
        program, *words = shlex.split(line)
        assert (program, words[0]) == ("kerascnn", command.name)
        parse_command(*words)


@pytest.fixture
def generated(run_python):
    """A page as the code gives it, and what docs/ has of it; `make fix` writes it.

    In a new process: Click keeps the names of --help that a command had first.
    """

    def generate(name):
        program = f"import runpy, sys; print(runpy.run_path(sys.argv[1])['{name}']())"
        done = run_python("-c", program, ROOT / "tools" / f"{name}.py")
        page = read(f"docs/{name.removesuffix('_page')}.md").partition("]]] -->\n")[2]
        return done.stdout + "<!-- [[[end]]] -->\n", page

    return generate


def test_page_of_the_command_line_is_what_the_code_says(generated):
    page, there = generated("cli_page")
    assert there == page
    for words in ("", " train", " runs", " runs show", " runs rm"):
        assert f"## kerascnn{words}\n\n```text\nUsage: kerascnn{words} [" in page
    assert "docs/cli.md" in read("README.md")


def test_completion_is_switched_on_by_commands_that_click_knows():
    from click.shell_completion import get_completion_class

    shells = re.findall(r"_KERASCNN_COMPLETE=(\w+)_source", read("docs/cli.md"))
    assert sorted(shells) == ["bash", "fish", "zsh"]
    assert all(get_completion_class(shell) for shell in shells)


def test_api_page_is_what_the_code_says(generated):
    page, there = generated("api_page")
    assert there == page
    for name in kerascnn.__all__:
        assert re.search(rf"^(### {name}|- `{name}` \(.*)$", page, re.M), name


def python_examples():
    texts = [read("README.md"), *(path.read_text("utf-8") for path in DOCS)]
    blocks = re.findall(r"```python\n(.*?)```", "\n".join(texts), re.S)
    return [block for block in blocks if "import kerascnn" in block]


def test_python_examples_name_what_there_is():
    examples = python_examples()
    assert len(examples) >= 2
    for example in examples:
        compile(example, "README.md", "exec")
        names = re.findall(r"kerascnn\.(\w+)", example)
        assert names
        assert [name for name in names if name not in kerascnn.__all__] == []


@pytest.mark.slow
def test_python_example_of_the_readme_runs(run_python, splits, tmp_path):
    Image.fromarray(splits[1].images[0, ..., 0]).save(tmp_path / "digit.png")
    done = run_python("-c", python_examples()[0])
    assert done.returncode == 0, done.stderr
    accuracy, names = done.stdout.splitlines()
    assert float(accuracy) > 0.95
    assert names == "['7']"


def test_group_lists_every_command():
    text = help_of()
    for name, summary in SUMMARIES.items():
        assert re.search(rf"^  {name} +{re.escape(summary)}$", text, re.M), name


def test_changelog_has_the_version():
    heading = rf"^## \[?{re.escape(kerascnn.__version__)}\]?"
    assert re.search(heading, read("CHANGELOG.md"), re.M)


def test_licenses_are_there():
    assert "Apache License\n" in read("LICENSE")
    assert "Version 2.0, January 2004" in read("LICENSE")
    assert "CC BY-SA 3.0" in read("kerascnn/data/mnist/LICENSE.md")


def test_ci_runs_the_tests_as_the_readme_says():
    """The same commands in this order; only the environment is elsewhere."""
    [command] = [line for line in read("README.md").splitlines() if ".[test]" in line]
    assert os.access(ROOT / ".ci" / "run", os.X_OK)
    script = re.sub("^ +", "", read(".ci/run"), flags=re.M).replace('"', "")
    script = script.replace("$venv", ".venv").replace("$python", "python3")
    lines = script.splitlines()
    for step in command.strip().split(" && "):
        lines = lines[lines.index(step) + 1 :]


def test_make_targets_of_contributing_exist():
    named = re.findall(r"`make ([\w-]+)`", read("CONTRIBUTING.md"))
    targets = re.findall(r"^([\w-]+):", read("Makefile"), re.M)
    assert set(named) == set(targets)


def project_texts():
    patterns = (
        *("*.*", "Makefile", ".ci/run", "saved_models/README.md"),
        *("kerascnn/**/*.py", "kerascnn/**/*.md", "tests/**/*.py"),
        *("docs/**/*.md", "tools/**/*.py"),
        *("benchmarks/**/*.py", "benchmarks/**/*.md", "results/**/*.md"),
    )
    paths = {path for pattern in patterns for path in ROOT.glob(pattern)}
    # A `.coverage`, or what an editor leaves, is not of the project.
    return sorted(p for p in paths if p.is_file() and not p.name.startswith("."))


BANNED = {
    "a path of one machine": r"(?<![\w.~$}])/(home|root|Users|mnt|work)/\w",
    "work that no issue tells of": r"\b(TODO|FIXME|XXX)\b(?!.*#\d)",
    "blanks at the end of a line": r"[ \t]+$",
}


@pytest.mark.parametrize("reason", BANNED)
def test_no_text_holds(reason):
    found = [
        f"{path.relative_to(ROOT)}: {match[0]!r}"
        for path in project_texts()
        for match in re.finditer(BANNED[reason], path.read_text("utf-8"), re.M)
        if path != Path(__file__)
    ]
    assert found == []


def test_what_is_banned_would_be_found():
    samples = ("see /home/a/b", "# TODO later", "x = 1  \n")
    for pattern, sample in zip(BANNED.values(), samples, strict=True):
        assert re.search(pattern, sample, re.M)
        assert not re.search(pattern, "x = a/home/b  # TODO #12", re.M)
    assert ROOT / "kerascnn" / "cli.py" in project_texts()


def test_citation_names_the_version():
    assert f"\nversion: {kerascnn.__version__}\n" in read("CITATION.cff")
