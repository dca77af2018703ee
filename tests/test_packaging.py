"""The wheel and the source archive: what they carry, and that the wheel installs."""

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

import kerascnn
from kerascnn.data.idx import ARCHIVES

pytestmark = pytest.mark.slow
pytest.importorskip("build", reason="comes with the extra dev")

ROOT = Path(__file__).parents[1]
NOT_COPIED = (
    ".git",
    ".venv*",
    ".*_cache",
    "__pycache__",
    "build",
    "dist",
    "*.egg-info",
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder of the two archives, and of what was said while they were built."""
    folder = tmp_path_factory.mktemp("packaging")
    source = folder / "source"
    shutil.copytree(ROOT, source, ignore=shutil.ignore_patterns(*NOT_COPIED))
    command = [sys.executable, "-m", "build", "--outdir", str(folder), str(source)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    (folder / "log").write_text(done.stdout + done.stderr)
    return folder


@pytest.fixture(scope="module")
def wheel(folder):
    return next(folder.glob("*.whl"))


def test_wheel_carries_the_data_as_they_are(wheel):
    with zipfile.ZipFile(wheel) as file:
        for archive in ARCHIVES:
            packed = file.read(f"kerascnn/data/mnist/{archive.name}")
            assert hashlib.sha256(packed).hexdigest() == archive.sha256
        names = file.namelist()
    assert "kerascnn/data/mnist/LICENSE.md" in names
    assert "kerascnn/comparison/templates/report.html" in names
    assert "kerascnn/comparison/templates/report.md" in names
    assert "kerascnn/data/templates/checkup.html" in names
    assert "kerascnn/exporting/micro/templates/self_test.cc" in names
    assert "kerascnn/evaluation/templates/mistakes.html" in names
    assert "kerascnn/exporting/html/templates/model_page.html" in names
    assert "kerascnn/exporting/html/templates/fit.js" in names
    assert "kerascnn/machine/templates/page.css" in names
    assert "kerascnn/model_files/runtimes/html_runner.js" in names
    assert "kerascnn/py.typed" in names


def test_wheel_carries_the_package_and_nothing_else(wheel):
    with zipfile.ZipFile(wheel) as file:
        names = set(file.namelist())
    info = f"kerascnn-{kerascnn.__version__}.dist-info"
    assert {name.split("/")[0] for name in names} == {"kerascnn", info}
    modules = {str(path.relative_to(ROOT)) for path in ROOT.glob("kerascnn/**/*.py")}
    assert {name for name in names if name.endswith(".py")} == modules


def test_source_archive_carries_what_the_tests_need(folder):
    root = f"kerascnn-{kerascnn.__version__}"
    with tarfile.open(next(folder.glob("*.tar.gz"))) as file:
        names = {Path(name).relative_to(root).as_posix() for name in file.getnames()}
    tests = {path.relative_to(ROOT).as_posix() for path in ROOT.glob("tests/**/*.py")}
    documents = {"README.md", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE"}
    documents |= {"CITATION.cff", "SECURITY.md", "docs/security.md"}
    tools = {"Makefile", ".ci/run", "setup.cfg", "pyproject.toml", "cli.py"}
    data = {f"kerascnn/data/mnist/{archive.name}" for archive in ARCHIVES}
    assert tests | documents | tools | data | {"saved_models/README.md"} <= names


def test_build_uses_nothing_that_will_go_away(folder):
    assert "deprecat" not in (folder / "log").read_text().lower()


PROGRAM = """
from typing import assert_type
import kerascnn

run = kerascnn.train("lenet", optimizer="adagrad", epochs=1)
assert_type(run, kerascnn.Run)
assert_type(run.history["accuracy"], list[float])
assert_type(kerascnn.evaluate(run).metrics["accuracy"], float)
assert_type(kerascnn.predict("digit.png", model=run).names, list[str])
assert_type(kerascnn.export(run, formats=["tflite"])[0].problem, str)
assert_type(kerascnn.benchmark(run).models[0].latency_ms, float)
assert_type(kerascnn.compare(["lenet"], preset="quick"), kerascnn.Results)
assert_type(kerascnn.open_run("lenet-sgd-1"), kerascnn.Run)
assert_type(kerascnn.MODELS["lenet"].title, str)
try:
    kerascnn.resume(run)
except kerascnn.KerasCNNError as error:
    print(error)
"""
MISTAKES = {
    'kerascnn.train("lenet", epoch=1)': "epoch",
    'kerascnn.train("lenet", epochs="1")': "epochs",
    "kerascnn.trian": "trian",
    'kerascnn.compare("lenet", preset=1)': "preset",
}


def test_types_of_the_wheel_are_seen(wheel, tmp_path):
    pytest.importorskip("mypy", reason="comes with the extra dev")
    venv.create(tmp_path / "venv", with_pip=True)
    python = str(tmp_path / "venv" / "bin" / "python")
    install = [python, "-m", "pip", "install", "--no-deps", str(wheel)]
    subprocess.run(install, check=True, capture_output=True)

    def check(program):
        (tmp_path / "program.py").write_text(program)
        command = [sys.executable, "-P", "-m", "mypy", "--strict", "program.py"]
        done = subprocess.run(
            [*command, "--python-executable", python],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env={name: v for name, v in os.environ.items() if name != "PYTHONPATH"},
        )
        return done.stdout + done.stderr

    assert check(PROGRAM) == "Success: no issues found in 1 source file\n"
    for line, word in MISTAKES.items():
        said = check(f"import kerascnn\n{line}\n")
        assert "Found 1 error" in said
        assert word in said


def test_wheel_installs_into_an_empty_environment(wheel, tmp_path):
    venv.create(tmp_path, with_pip=True)
    python = str(tmp_path / "bin" / "python")
    install = [python, "-m", "pip", "install", "--no-deps", str(wheel)]
    subprocess.run(install, check=True, capture_output=True)
    program = "import kerascnn.data as data; print(data.__file__, *data.DATASETS)"
    done = subprocess.run(
        [python, "-P", "-c", program],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={},
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(str(tmp_path))
    assert "mnist" in done.stdout.split()
    assert (tmp_path / "bin" / "kerascnn").is_file()
