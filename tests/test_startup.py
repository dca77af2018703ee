"""Light until asked: what answers at once imports nothing heavy."""

import json

import pytest

HEAVY = (
    "tensorflow",
    "keras",
    "tensorflow_datasets",
    "numpy",
    "scipy",
    "sklearn",
    "matplotlib",
    "PIL",
    "h5py",
    "jinja2",
    "rich",
    "dask",
    "distributed",
    "importlib.metadata",
)

# Runs the command line, then tells the exit code and which modules are there.
PROGRAM = """
import json, sys
from kerascnn.cli import main
try:
    main(sys.argv[1:], prog_name="kerascnn")
except SystemExit as error:
    code = error.code
print(json.dumps([code, sorted(sys.modules)]))
"""


def run(run_python, *arguments):
    """The exit code, the modules that are imported, and what was said."""
    done = run_python("-c", PROGRAM, *arguments)
    assert done.stdout, done.stderr
    said, _, last = done.stdout.rstrip("\n").rpartition("\n")
    code, modules = json.loads(last)
    return code, modules, said + done.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "answer"),
    [
        (["--help"], 0, "Usage: kerascnn"),
        (["--version"], 0, "kerascnn, version"),
        (["train", "--help"], 0, "--learning-rate"),
        (["models"], 0, "61,706"),
        (["models", "--json"], 0, "61706"),
        (["datasets"], 0, "fashion_mnist"),
        (["optimizers"], 0, "adagrad"),
        (["runs"], 0, "There are no runs in saved_models"),
        (["trian"], 2, "Did you mean 'train'"),
        (["train", "lenett"], 2, "Did you mean 'lenet'"),
        (["train", "lenet", "--learning-rate", "-1"], 1, "but got -1"),
        (["train", "mobilenet", "--model-option", "alpha=0"], 1, "in [0.03125, 8]"),
        (["train", "mobilenet", "--model-option", "alpha"], 2, "such as alpha=0.25"),
        (["train", "lenet", "--optimizer", "adagard"], 2, "Did you mean 'adagrad'"),
        (["train", "--resume", "nothing"], 1, "There is no run 'nothing'"),
        (["train", "lenet", "--data", "./none"], 2, "There is no folder '/"),
        (["train", "lenet", "--data", "tfds:a b"], 2, "no name of tensorflow-datasets"),
        (["evaluate"], 1, "There is no finished run"),
        (["compare", "lenet", "--plan"], 0, "kerascnn train lenet --momentum 0.9"),
        (
            ["compare", "lenet", "--scheduler", "x"],
            1,
            "or tls://HOST:PORT, but got 'x'",
        ),
        (["compare", "lenet", "--seeds", "1"], 1, "from 2 to 20, but got 1"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_answer_comes_without_heavy_imports(run_python, arguments, code, answer):
    got, modules, said = run(run_python, *arguments)
    assert answer in said
    assert got == code
    assert [name for name in HEAVY if name in modules] == []


def test_heavy_imports_would_be_seen(run_python):
    done = run_python("-c", "import numpy\n" + PROGRAM, "models")
    assert "numpy" in json.loads(done.stdout.splitlines()[-1])[1]
