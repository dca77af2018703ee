"""Completion as a shell asks for it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import kerascnn
from kerascnn.data.facts import DatasetFacts
from kerascnn.models import MODELS
from kerascnn.runs.folder import create_run
from kerascnn.settings.config import TrainConfig


@pytest.fixture
def complete(run_python, tmp_path):
    """What bash is offered for the last word of a line, without the kind."""
    facts = DatasetFacts.from_table("mnist")
    for folder, name in (("saved_models", "mine"), ("elsewhere", "theirs")):
        create_run(
            TrainConfig(model="lenet"), {}, tmp_path / folder, name, dataset=facts
        )

    def ask(line, shell="bash"):
        words = line.split(" ")
        done = run_python(
            *("-m", "kerascnn"),
            _KERASCNN_COMPLETE=f"{shell}_complete",
            COMP_WORDS=line,
            COMP_CWORD=words[-1] if shell == "fish" else str(len(words) - 1),
        )
        assert done.returncode == 0, done.stderr
        assert done.stderr == ""
        return done.stdout.split()

    return ask


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("kerascnn comp", ["plain,compare"]),
        ("kerascnn train ", [f"plain,{name}" for name in MODELS]),
        ("kerascnn train lenet --optimizer adag", ["plain,adagrad"]),
        ("kerascnn train lenet --dataset fash", ["dir,fash", "plain,fashion_mnist"]),
        ("kerascnn train lenet --warm", ["plain,--warmup-epochs"]),
        ("kerascnn train --resume m", ["dir,m", "plain,mine"]),
        ("kerascnn export m", ["dir,m", "plain,mine"]),
        ("kerascnn export --to elsewhere m", ["dir,m", "plain,mine"]),
        ("kerascnn export --out elsewhere t", ["dir,t", "plain,theirs"]),
        ("kerascnn evaluate m", ["file,m", "plain,mine"]),
        ("kerascnn benchmark --out elsewhere t", ["file,t", "plain,theirs"]),
        ("kerascnn predict x.png --model m", ["file,m", "plain,mine"]),
        ("kerascnn predict x", ["file,x"]),
        ("kerascnn compare lenet vg", ["plain,vgg16"]),
        ("kerascnn runs ", ["plain,rm", "plain,show"]),
        ("kerascnn runs --sort test", ["plain,test-accuracy"]),
        ("kerascnn runs rm m", ["dir,m", "plain,mine"]),
        ("kerascnn runs show --out elsewhere t", ["dir,t", "plain,theirs"]),
        ("kerascnn trian l", []),
    ],
)
def test_names_are_offered(complete, line, offered):
    assert complete(line) == offered


def test_fish_and_zsh_are_offered_the_same(complete):
    assert complete("kerascnn runs rm m", "fish") == ["dir,m", "plain,mine"]
    assert complete("kerascnn runs rm m", "zsh")[3:5] == ["plain", "mine"]


# What bash does when the tabulator key is pressed, and what it then offers.
PRESS = """
eval "$(cat script)"
COMP_WORDS=(./kerascnn runs rm m)
COMP_CWORD=3
_kerascnn_completion ./kerascnn
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.mark.skipif(not shutil.which("bash"), reason="needs bash")
def test_bash_offers_names_of_runs(complete, run_python, tmp_path):
    script = run_python("-m", "kerascnn", _KERASCNN_COMPLETE="bash_source").stdout
    (tmp_path / "script").write_text(script)
    program = tmp_path / "kerascnn"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -P -m kerascnn "$@"\n')
    program.chmod(0o755)
    done = subprocess.run(
        ["bash", "-c", PRESS],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(Path(kerascnn.__file__).parents[1])},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "mine\n"
