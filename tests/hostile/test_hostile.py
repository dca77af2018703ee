"""Some hostile inputs of each kind; `make hostile N=1000 SEED=1` runs others."""

import shutil
from pathlib import Path

import pytest

RUNNER = Path(__file__).with_name("run.py")


CASES = {
    "pictures": 8,
    "saved_models": 1,
    "export_reports": 8,
    "checkpoints": 2,
    "model_files": 5,
    "settings": 12,
    "command_line": 80,
}


@pytest.fixture(scope="module")
def models(lenet_run, exported, tmp_path_factory):
    """A run and its exports, as `export_models` writes them."""
    folder = tmp_path_factory.mktemp("models")
    shutil.copytree(exported, folder, dirs_exist_ok=True)
    shutil.copytree(lenet_run.path, folder / "run")
    return folder


@pytest.mark.parametrize(("kind", "cases"), CASES.items())
def test_hostile_input_is_one_line(models, run_python, kind, cases):
    """Nothing hangs, crashes, is left behind, or starts another program."""
    arguments = (kind, "--cases", str(cases), "--models", str(models))
    result = run_python("-W", "error", str(RUNNER), *arguments)
    assert result.returncode == 0, result.stdout + result.stderr
    assert result.stdout.startswith(f"{kind}: seed 0: exit codes: ")


BAD = """
import os, subprocess, sys, time
from pathlib import Path
from kerascnn.commands import runs

def prepare(models):
    return models

def make(rng, folder, shared):
    def crash():
        print("a\\tb")
        (folder / "x").write_text("")
        os.write(2, b"native words")
        subprocess.run(["gs"])
        raise RuntimeError("a bug")

    runs.runs.params.clear()
    runs.runs.callback = crash
    return ["runs"], b"", []
"""


def test_what_is_wrong_is_told_with_the_command_that_repeats_it(run_python, tmp_path):
    (tmp_path / "bad.py").write_text(BAD)
    code = f"""if True:
        import sys
        sys.path[:0] = [{str(RUNNER.parent)!r}, {str(tmp_path)!r}]
        sys.argv = ["run.py", "bad", "--seed", "7", "--only", "3", "--models", "."]
        import run
        sys.exit(run.main())
        """
    result = run_python("-W", "error", "-c", code)
    assert result.returncode == 1, result.stderr
    lines = [line.strip() for line in result.stdout.splitlines()]
    assert lines[0] == "FAILED: python -W error run.py bad --seed 7 --only 3"
    assert lines[1] == "kerascnn runs"
    assert "RuntimeError: a bug" in lines
    assert "native code wrote b'native words'" in lines
    assert "it started ['gs']" in lines
    assert sum(line.startswith("it left ") for line in lines) == 1
    assert lines[-1] == "bad: seed 7: exit codes: 1 with 1"
