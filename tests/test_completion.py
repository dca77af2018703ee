"""Completion as a shell asks for it."""

import shutil
import subprocess

import pytest

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
        ("kerascnn train lenet --dataset fash", ["plain,fashion_mnist"]),
        ("kerascnn train lenet --warm", ["plain,--warmup-epochs"]),
        ("kerascnn train --resume m", ["plain,mine", "dir,m"]),
        ("kerascnn export m", ["plain,mine", "dir,m"]),
        ("kerascnn export --out elsewhere m", ["plain,mine", "dir,m"]),
        ("kerascnn evaluate m", ["plain,mine", "file,m"]),
        ("kerascnn benchmark --out elsewhere t", ["plain,theirs", "file,t"]),
        ("kerascnn predict x.png --model m", ["plain,mine", "file,m"]),
        ("kerascnn predict x", ["file,x"]),
        ("kerascnn compare lenet vg", ["plain,vgg16"]),
        ("kerascnn runs ", ["plain,rm", "plain,show"]),
        ("kerascnn runs --sort test", ["plain,test-accuracy"]),
        ("kerascnn runs rm m", ["plain,mine", "dir,m"]),
        ("kerascnn runs show --out elsewhere t", ["plain,theirs", "dir,t"]),
        ("kerascnn trian l", []),
    ],
)
def test_names_are_offered(complete, line, offered):
    assert complete(line) == offered


def test_fish_and_zsh_are_offered_the_same(complete):
    assert complete("kerascnn runs rm m", "fish") == ["plain,mine", "dir,m"]
    assert complete("kerascnn runs rm m", "zsh")[:2] == ["plain", "mine"]


@pytest.mark.skipif(not shutil.which("bash"), reason="needs bash")
def test_script_for_bash_is_one(run_python):
    # Click asks `bash` for its version first, and says so on a very old one.
    done = run_python("-m", "kerascnn", _KERASCNN_COMPLETE="bash_source")
    assert "complete -o nosort -F _kerascnn_completion kerascnn" in done.stdout
    check = subprocess.run(["bash", "-n"], input=done.stdout, text=True, check=False)
    assert check.returncode == 0
