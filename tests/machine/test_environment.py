"""What a run is told about its machine, checked against other sources."""

import getpass
import json
import os
import platform
import socket
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import keras
import numpy as np
import pytest
import tensorflow as tf

import kerascnn
from kerascnn.machine import environment
from kerascnn.machine.environment import describe_checkout, describe_environment


def test_versions_are_those_that_are_imported():
    described = describe_environment()
    assert described["kerascnn"] == kerascnn.__version__
    assert described["python"] == platform.python_version()
    assert described["packages"]["tensorflow"] == tf.__version__
    assert described["packages"]["keras"] == keras.__version__
    assert described["packages"]["numpy"] == np.__version__
    assert all(described["packages"].values())


def test_package_that_is_not_installed_has_no_version():
    assert environment.package_version("no-such-package-anywhere") is None


def test_machine_is_this_one():
    described = describe_environment()
    assert described["platform"] == platform.platform()
    assert 1 <= described["cores"] <= os.cpu_count()
    assert described["processor"]
    if sys.platform == "linux":
        with open("/proc/meminfo") as file:
            kibibytes = int(file.readline().split()[1])
        assert described["memory_bytes"] == pytest.approx(kibibytes * 1024, rel=0.01)


CPUINFO = """\
processor\t: 0
model name\t: A Fast One: 3.0 GHz
flags\t\t: fpu avx2 avx512_vnni

processor\t: 1
model name\t: Another
flags\t\t: fpu
"""


def test_processor_is_the_first_that_linux_lists(monkeypatch, tmp_path):
    (tmp_path / "cpuinfo").write_text(CPUINFO)
    monkeypatch.setattr(environment, "PROC", tmp_path)
    assert environment.processor_name() == "A Fast One: 3.0 GHz"
    assert environment.processor_flags() == {"fpu", "avx2", "avx512_vnni"}


@pytest.mark.parametrize(
    ("machine", "line", "name"),
    [
        ("x86_64", "flags : fpu avx avx2 fma", "AVX2"),
        ("AMD64", "flags : avx2 avx512f avx512bw", "AVX-512"),
        ("x86_64", "flags : avx2 avx512f avx512_vnni avx512_bf16", "AVX-512 with bf16"),
        ("x86_64", "flags : fpu sse4_2", "x86_64"),
        ("aarch64", "Features : fp asimd sve bf16", "AArch64 with SVE"),
        ("aarch64", "Features : fp asimd", "AArch64"),
        ("arm64", "", "AArch64"),
    ],
)
def test_instruction_set_is_the_widest(monkeypatch, tmp_path, machine, line, name):
    (tmp_path / "cpuinfo").write_text(line + "\n")
    monkeypatch.setattr(environment, "PROC", tmp_path)
    monkeypatch.setattr(platform, "machine", lambda: machine)
    monkeypatch.delenv("ONEDNN_MAX_CPU_ISA", raising=False)
    assert environment.instruction_set() == name
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "AVX")
    assert environment.instruction_set() == f"{name}, oneDNN up to AVX"


def test_other_systems_are_described_as_far_as_they_tell(monkeypatch, tmp_path):
    monkeypatch.setattr(environment, "PROC", tmp_path)  # empty
    monkeypatch.setattr(platform, "processor", lambda: "arm")
    monkeypatch.setattr(os, "cpu_count", lambda: 12)
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    described = describe_environment()
    assert described["processor"] == "arm"
    assert described["cores"] == 12
    assert environment.processor_flags() == set()
    monkeypatch.setattr(platform, "processor", lambda: "")
    assert environment.processor_name() == platform.machine()


def test_settings_of_this_process_are_told(monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    monkeypatch.delenv("TF_CPP_MIN_LOG_LEVEL", raising=False)
    settings = describe_environment()["settings"]
    assert settings["KERAS_BACKEND"] == {"value": "jax", "set_by": "user"}
    assert settings["TF_CPP_MIN_LOG_LEVEL"] == {"value": None, "set_by": None}


def test_it_is_json_and_names_no_user_host_or_folder(monkeypatch):
    words = ["train", "lenet", "--out", "/srv/someone/runs", "--data=/someone", "--"]
    monkeypatch.setattr(sys, "argv", ["/srv/someone/bin/kerascnn", *words])
    monkeypatch.setenv("SECRET_TOKEN", "hunter2")
    described = describe_environment(["CPU:0"])
    assert described["command"] == ["kerascnn", "train", "--out", "--data"]
    assert described["devices"] == ["CPU:0"]
    text = json.dumps(described)
    assert json.loads(text) == described
    for secret in ("someone", "hunter2", socket.gethostname()):
        assert secret not in text
    assert f"/{getpass.getuser()}/" not in text


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["/a/kerascnn/__main__.py", "train", "x"], ["__main__.py", "train"]),
        (["kerascnn", "/srv/someone", "-n", "someone"], ["kerascnn"]),
        (["script.py", "someone", "--token=x", "--", "---"], ["script.py", "--token"]),
        (["-c"], ["-c"]),
        ([], [""]),
    ],
)
def test_command_has_no_values(arguments, expected):
    assert environment.describe_command(arguments) == expected


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("flags : avx512f avx512_bf16", True),
        ("flags : avx512f amx_tile amx_bf16", True),
        ("Features : fp asimd bf16", True),
        ("flags : avx2 avx512f avx512_vnni", False),
        ("", None),
    ],
)
def test_bfloat16_is_what_the_processor_tells(monkeypatch, tmp_path, line, found):
    (tmp_path / "cpuinfo").write_text(line + "\n")
    monkeypatch.setattr(environment, "PROC", tmp_path)
    assert environment.computes_bfloat16() is found


def test_devices_and_computation_are_left_out_where_they_are_not_known():
    assert {"devices", "computation"} & set(describe_environment()) == set()


def test_gpus_are_described_by_what_tensorflow_tells_of_them():
    build = {
        "cpu_compiler": "clang",
        "cuda_compute_capabilities": ["sm_80", "compute_90"],
        "cuda_version": "12.5.1",
        "cudnn_version": "9",
        "is_cuda_build": True,
    }
    details = [
        {"device_name": "NVIDIA A100-SXM4-40GB", "compute_capability": (8, 0)},
        {"device_name": "Tesla T4", "compute_capability": (7, 5)},
        {},
    ]
    gpus = environment.describe_gpus(details, build, tf32=True)
    assert gpus == {
        "names": ["NVIDIA A100-SXM4-40GB", "Tesla T4", None],
        "compute_capabilities": ["8.0", "7.5", None],
        "cuda": "12.5.1",
        "cudnn": "9",
        "tf32": True,
    }
    described = describe_environment(["GPU:0", "GPU:1", "GPU:2"], gpus=gpus)
    assert json.loads(json.dumps(described))["gpus"] == gpus
    assert environment.describe_gpus([], build, tf32=True) == {}
    assert "gpus" not in describe_environment(["CPU:0"], gpus={})


def test_start_is_now_in_universal_time():
    started = datetime.fromisoformat(describe_environment()["started_at"])
    assert started.utcoffset() == timedelta(0)
    assert abs(datetime.now(UTC) - started) < timedelta(minutes=1)


SETTINGS = """
import json, os
os.environ["TF_ENABLE_ONEDNN_OPTS"] = "0"
from kerascnn.machine import environment
from kerascnn.machine.tensorflow import configure
before = environment.describe_settings()
configure()
print(json.dumps([before, environment.describe_settings()]))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells who set it")
@pytest.mark.skipif(
    "TF_ENABLE_ONEDNN_OPTS" not in environment.fast_settings(),
    reason="oneDNN is for x86",
)
def test_settings_tell_the_users_from_ours(run_python):
    done = run_python(
        "-c",
        SETTINGS,
        KERAS_BACKEND="tensorflow",  # the user's, though the same as ours
        TF_CPP_MIN_LOG_LEVEL=None,
        TF_FORCE_GPU_ALLOW_GROWTH=None,
        TF_ENABLE_ONEDNN_OPTS=None,
    )
    before, after = json.loads(done.stdout)
    assert before["TF_CPP_MIN_LOG_LEVEL"] == {"value": None, "set_by": None}
    assert after == {
        "KERAS_BACKEND": {"value": "tensorflow", "set_by": "user"},
        "TF_CPP_MIN_LOG_LEVEL": {"value": "3", "set_by": "kerascnn"},
        "TF_FORCE_GPU_ALLOW_GROWTH": {"value": "true", "set_by": "kerascnn"},
        "TF_ENABLE_ONEDNN_OPTS": {"value": "0", "set_by": "user"},
    }


@pytest.fixture
def checkout(tmp_path):
    """A git checkout with one commit of one file."""

    def git(*arguments):
        identity = ("-c", "user.name=A", "-c", "user.email=a@example.org")
        command = ["git", "-C", str(tmp_path), *identity, *arguments]
        return subprocess.run(
            command, check=True, capture_output=True, text=True
        ).stdout

    git("init", "--quiet")
    (tmp_path / "file").write_text("one\n")
    git("add", "file")
    git("commit", "--quiet", "--message", "One")
    return tmp_path, git("rev-parse", "HEAD").strip()


def test_checkout_has_its_commit_and_whether_it_was_changed(checkout):
    folder, commit = checkout
    assert describe_checkout(folder) == {"commit": commit, "uncommitted_changes": False}
    (folder / "file").write_text("two\n")
    assert describe_checkout(folder) == {"commit": commit, "uncommitted_changes": True}


def test_folder_within_a_checkout_is_none_itself(checkout):
    folder, _ = checkout
    (folder / "site-packages").mkdir()
    assert describe_checkout(folder / "site-packages") == {}


def test_checkout_without_a_commit_or_without_git_is_left_out(tmp_path, monkeypatch):
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    assert describe_checkout(tmp_path) == {}
    monkeypatch.setenv("PATH", "")
    assert describe_checkout(tmp_path) == {}
