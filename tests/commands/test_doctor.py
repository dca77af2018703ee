"""`kerascnn doctor`: what is found, what is broken on purpose, and the exit code."""

import email
import json
import re
import shutil
import sys

import pytest
from click.testing import CliRunner

from kerascnn import doctor
from kerascnn.commands.doctor import doctor as command
from kerascnn.data import idx
from kerascnn.machine.tensorflow import fast_settings

on_x86 = pytest.mark.skipif(
    "TF_ENABLE_ONEDNN_OPTS" not in fast_settings(), reason="oneDNN is for x86"
)


@pytest.fixture
def declared(monkeypatch):
    """Let kerascnn declare what a test says, whether it is installed or not."""

    def declare(text):
        message = email.message_from_string(text)
        monkeypatch.setattr(doctor, "metadata", lambda name: message)

    return declare


def checks(out):
    return {check.name: check for check in doctor.diagnose(out)}


def test_sound_machine_has_no_problem(tmp_path):
    found = checks(tmp_path / "runs")
    assert [check for check in found.values() if check.status == "problem"] == []
    assert found["MNIST"].found == "4 archives, every byte as it should be"
    assert "CPU:0" in found["devices"].found
    assert found["import"].status == "ok"
    assert found["KERAS_BACKEND"].found.startswith("tensorflow (set by ")
    assert found[f"{tmp_path / 'runs'}/"].status == "ok"
    assert not (tmp_path / "runs").exists()
    assert list(tmp_path.iterdir()) == []


DECLARED = """\
Classifier: Programming Language :: Python :: 3
Classifier: Programming Language :: Python :: 3.{minor}
Requires-Dist: keras<4,>=3.15
Requires-Dist: {requirement}
Requires-Dist: no-such-extra; extra == "tensorboard"
"""


@pytest.mark.parametrize(
    ("requirement", "status", "found", "advice"),
    [
        ("click>=8.1", "ok", r"8\.\d.*", ""),
        ("click>=99", "problem", r"8\.\S+, but click>=99 is needed", "'click>=99'"),
        ("click<2", "problem", r"8\.\S+, but click<2 is needed", "'click<2'"),
        (
            "no-such-package>=1",
            "problem",
            "not installed",
            "pip install 'no-such-package>=1'",
        ),
        ("no_such_package", "problem", "not installed", "'no_such_package'"),
    ],
)
def test_dependencies_are_those_that_are_declared(
    declared, requirement, status, found, advice
):
    declared(DECLARED.format(minor=sys.version_info.minor, requirement=requirement))
    rows = list(doctor._check_versions())
    assert [row.name for row in rows][:2] == ["Python", "keras"]
    assert [row.status for row in rows] == ["ok", "ok", status]
    assert len(rows) == 3
    assert re.fullmatch(found, rows[2].found)
    assert advice in rows[2].advice


def test_python_that_is_not_tested_is_a_warning(declared):
    declared(DECLARED.format(minor="7", requirement="click"))
    python = next(doctor._check_versions())
    assert python.status == "warning"
    assert "with which kerascnn is not tested" in python.found
    assert python.advice == "Use one of: 3.7."


def test_checkout_that_is_not_installed_is_a_warning(monkeypatch):
    def missing(name):
        raise doctor.PackageNotFoundError(name)

    monkeypatch.setattr(doctor, "metadata", missing)
    [check] = doctor._check_versions()
    assert check.status == "warning"
    assert check.advice.endswith("pip install -e .")


def test_tensorflow_that_cannot_be_imported_is_a_problem(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    found = checks(tmp_path)
    assert found["import"].status == "problem"
    assert "cannot be imported: " in found["import"].found
    assert "devices" not in found
    assert found["MNIST"].status == "ok"


@pytest.mark.parametrize(
    ("visible", "with_cuda", "found", "advice"),
    [
        (None, True, "does not find CUDA's libraries", "pip install 'kerascnn[gpu]'"),
        ("0,1", True, "does not find CUDA's libraries", "nvidia-smi"),
        (None, False, "built without CUDA", "pip uninstall tensorflow-cpu"),
        ("-1", True, "CUDA_VISIBLE_DEVICES=-1 hides", "unset CUDA_VISIBLE_DEVICES"),
        ("", True, "CUDA_VISIBLE_DEVICES= hides", "unset CUDA_VISIBLE_DEVICES"),
        ("2", True, "CUDA_VISIBLE_DEVICES=2 hides", "the number of a GPU, such as 0"),
    ],
)
def test_gpu_that_tensorflow_does_not_see_is_a_warning(
    monkeypatch, visible, with_cuda, found, advice
):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    names = ["/physical_device:CPU:0"]
    check = doctor._check_devices(names, 2, with_cuda=with_cuda)
    assert check.status == "warning"
    assert found in check.found
    assert advice in check.advice
    check = doctor._check_devices(names, 0, with_cuda=with_cuda)
    assert (check.status, check.advice) == ("ok", "")
    names.append("/physical_device:GPU:0")
    check = doctor._check_devices(names, 2, with_cuda=with_cuda)
    assert (check.status, check.found) == ("ok", "CPU:0, GPU:0")


@pytest.mark.slow
@on_x86
def test_onednn_that_the_user_switched_off_is_a_warning(run_python):
    done = run_python("-m", "kerascnn", "doctor", "--json", TF_ENABLE_ONEDNN_OPTS="0")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    found = {check["name"]: check for check in json.loads(done.stdout)}
    assert found["oneDNN"]["status"] == "warning"
    assert found["oneDNN"]["found"].startswith("off; processor with ")
    assert found["oneDNN"]["advice"].startswith("unset TF_ENABLE_ONEDNN_OPTS")
    assert found["TF_ENABLE_ONEDNN_OPTS"]["found"].startswith("0 (set by ")


def test_backend_that_is_not_installed_is_told_and_the_rest_is_looked_at(run_python):
    done = run_python("-m", "kerascnn", "doctor", "--json", KERAS_BACKEND="nobackend")
    assert done.returncode == 1
    assert done.stderr == ""
    found = {check["name"]: check for check in json.loads(done.stdout)}
    assert found["KERAS_BACKEND"]["advice"] == "unset KERAS_BACKEND"
    assert found["MNIST"]["status"] == "ok"


@on_x86
def test_onednn_is_on_by_default(tmp_path):
    check = checks(tmp_path)["oneDNN"]
    assert check.status == "ok"
    assert check.found.startswith("on; processor with ")


def test_damaged_archive_is_a_problem_with_its_name(monkeypatch, tmp_path):
    folder = tmp_path / "mnist"
    shutil.copytree(idx.mnist_folder(), folder)
    path = folder / idx.TEST_LABELS.name
    path.write_bytes(path.read_bytes()[:-100])
    monkeypatch.setattr(idx, "mnist_folder", lambda: folder)
    check = checks(tmp_path)["MNIST"]
    assert check.status == "problem"
    assert check.found.startswith(f"{path} is damaged")
    assert check.advice == ("Reinstall it: pip install --force-reinstall kerascnn")


def test_folder_that_cannot_be_written_is_a_problem(tmp_path):
    (tmp_path / "file").touch()
    out = tmp_path / "file" / "runs"
    check = checks(out)[f"{out}/"]
    assert check.status == "problem"
    assert check.found == f"cannot be written: Not a directory: {tmp_path / 'file'}"
    assert "--out" in check.advice


def test_little_disk_and_memory_are_warnings(monkeypatch, tmp_path):
    usage = shutil.disk_usage(tmp_path)._replace(free=10**8)
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: usage)
    monkeypatch.setattr(doctor, "memory_bytes", lambda: 10**9)
    found = checks(tmp_path)
    assert found["disk"].status == found["machine"].status == "warning"
    assert found["disk"].found == "0.1 GiB free, but VGG-16 can take 2.0 GiB"
    assert "0.9 GiB of memory" in found["machine"].found


def test_tensorboard_is_told_either_way(monkeypatch, tmp_path):
    for version in ("2.20.0", None):
        monkeypatch.setattr(doctor, "package_version", lambda name, v=version: v)
        check = doctor._check_tensorboard()
        assert check.status == "ok"
        assert bool(check.advice) == (version is None)


def test_problem_is_exit_code_1_and_stands_beside_its_mark(monkeypatch, tmp_path):
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    result = CliRunner().invoke(command, ["--out", str(tmp_path)])
    assert result.exit_code == 1
    lines = result.stdout.splitlines()
    index = next(i for i, line in enumerate(lines) if line.startswith("PROBLEM"))
    assert lines[index].split(maxsplit=2)[1:] == ["KERAS_BACKEND", "jax (set by user)"]
    assert lines[index + 1].strip() == "unset KERAS_BACKEND"
    assert sum(line.startswith("PROBLEM") for line in lines) == 1


def test_no_problem_is_exit_code_0_and_json(tmp_path):
    result = CliRunner().invoke(command, ["--out", str(tmp_path), "--json"])
    assert result.exit_code == 0
    rows = json.loads(result.stdout)
    assert {row["status"] for row in rows} <= {"ok", "warning"}
    assert all(row.keys() == {"name", "status", "found", "advice"} for row in rows)
