"""What is there, what is missing, and what to do about it."""

from __future__ import annotations

import os
import platform
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path
from typing import Literal

from kerascnn.errors import DatasetError
from kerascnn.machine.environment import (
    describe_settings,
    memory_bytes,
    package_version,
    processor_flags,
    processor_name,
    usable_cores,
)
from kerascnn.machine.gpus import VISIBLE, count_gpus, visible_gpus
from kerascnn.machine.tensorflow import configure, fast_settings, load_tensorflow
from kerascnn.runs.folder import DEFAULT_FOLDER

# VGG-16 with its optimizer, one checkpoint beside the one that it replaces, is a
# gigabyte on disk; training it takes three in memory.
ENOUGH_DISK_BYTES = 2 * 1024**3
ENOUGH_MEMORY_BYTES = 4 * 1024**3


@dataclass(frozen=True)
class Check:
    """One thing looked at.

    Attributes:
        name: What was looked at.
        status: `"problem"` where kerascnn cannot work, `"warning"` where it works less
            well than it could.
        found: What there is.
        advice: What to do about it; empty where there is nothing to do.
    """

    name: str
    status: Literal["ok", "warning", "problem"]
    found: str
    advice: str = ""


def diagnose(out: Path = DEFAULT_FOLDER) -> list[Check]:
    """Look at everything that training needs.

    TensorFlow is imported, with the fast settings, and all of MNIST is read.

    Args:
        out: The folder that runs are to be written to.

    Returns:
        The checks, in an order for reading.
    """
    configure()
    return [
        *_check_versions(),
        *_check_settings(),
        *_check_tensorflow(),
        _check_mnist(),
        _check_folder(out),
        _check_disk(out),
        _check_machine(),
        _check_tensorboard(),
    ]


def _check_versions() -> Iterator[Check]:
    """Compare Python and each dependency with what kerascnn itself declares."""
    try:
        declared = metadata("kerascnn")
    except PackageNotFoundError:
        yield Check(
            "kerascnn",
            "warning",
            "not installed, so its dependencies are not known",
            "From the checkout: pip install -e .",
        )
        return
    yield _check_python(declared.get_all("Classifier") or [])
    for line in declared.get_all("Requires-Dist") or []:
        yield from _check_requirement(line)


def _check_python(classifiers: list[str]) -> Check:
    prefix = "Programming Language :: Python :: 3."
    minors = [line.removeprefix(prefix) for line in classifiers if prefix in line]
    python = platform.python_version()
    if python.split(".")[1] in minors:
        return Check("Python", "ok", python)
    return Check(
        "Python",
        "warning",
        f"{python}, with which kerascnn is not tested",
        f"Use one of: {', '.join(f'3.{minor}' for minor in minors)}.",
    )


def _check_requirement(line: str) -> Iterator[Check]:
    from packaging.requirements import Requirement

    requirement = Requirement(line)
    if requirement.marker and not requirement.marker.evaluate({"extra": ""}):
        return
    name, found = requirement.name, package_version(requirement.name)
    if found is not None and requirement.specifier.contains(found, prereleases=True):
        yield Check(name, "ok", found)
        return
    wanted = f"{name}{requirement.specifier}"
    what = "not installed" if found is None else f"{found}, but {wanted} is needed"
    yield Check(name, "problem", what, f"pip install '{wanted}'")


def _check_tensorflow() -> Iterator[Check]:
    """Import TensorFlow with Keras, and look at what it computes with."""
    try:
        load_tensorflow()
        import tensorflow as tf
    except (ImportError, ValueError) as error:  # Keras's: no such backend
        yield Check(
            "import",
            "problem",
            f"TensorFlow with Keras cannot be imported: {error}",
            "Mend what is above; then pip install --force-reinstall tensorflow keras.",
        )
        return
    yield Check("import", "ok", "TensorFlow with Keras can be imported")
    yield _check_devices(
        [device.name for device in tf.config.list_physical_devices()],
        count_gpus(),
        with_cuda=tf.sysconfig.get_build_info().get("is_cuda_build", False),
    )
    yield from _check_onednn()


def _check_devices(names: list[str], num_gpus: int, *, with_cuda: bool) -> Check:
    """Compare the devices that TensorFlow sees with the GPUs that there are."""
    found = ", ".join(name.removeprefix("/physical_device:") for name in names)
    if "GPU" in found:
        return Check("devices", "ok", found)
    if not num_gpus:
        return Check("devices", "ok", f"{found} (no GPU, and none is needed for MNIST)")
    if not visible_gpus(num_gpus):
        return Check(
            "devices",
            "warning",
            f"{found}; {VISIBLE}={os.environ[VISIBLE]} hides the NVIDIA GPUs",
            f"unset {VISIBLE}, or set it to the number of a GPU, such as 0.",
        )
    advice = "pip install 'kerascnn[gpu]' (in a checkout: '.[gpu]')"
    if not with_cuda:
        return Check(
            "devices",
            "warning",
            f"{found}; there is an NVIDIA GPU, but this TensorFlow is built without "
            "CUDA",
            f"pip uninstall tensorflow-cpu; then {advice}, on Linux on x86-64.",
        )
    return Check(
        "devices",
        "warning",
        f"{found}; there is an NVIDIA GPU, but TensorFlow does not find CUDA's "
        "libraries or a driver that is new enough",
        f"{advice}. Then compare the driver's version (nvidia-smi) with "
        "https://www.tensorflow.org/install/pip.",
    )


def _check_onednn() -> Iterator[Check]:
    """See whether TensorFlow really uses oneDNN, which is for x86 processors."""
    name = "TF_ENABLE_ONEDNN_OPTS"
    if name not in fast_settings():
        return
    # TensorFlow has no public way to ask.
    from tensorflow.python.util import _pywrap_util_port

    flags = processor_flags()
    sets = [flag for flag in ("avx2", "avx512_vnni", "avx_vnni") if flag in flags]
    sets_of = f"processor with {', '.join(sets) or 'neither AVX2 nor VNNI'}"
    if _pywrap_util_port.IsMklEnabled():
        yield Check("oneDNN", "ok", f"on; {sets_of}")
    else:
        yield Check(
            "oneDNN",
            "warning",
            f"off; {sets_of}. Training is two to five times as slow",
            f"unset {name}, or set it to 1, before TensorFlow is imported.",
        )


def _check_settings() -> Iterator[Check]:
    """Show the fast settings; kerascnn runs on one of Keras's backends alone."""
    for name, setting in describe_settings().items():
        found = f"{setting['value']} (set by {setting['set_by']})"
        if name == "KERAS_BACKEND" and setting["value"] != "tensorflow":
            yield Check(name, "problem", found, f"unset {name}")
        else:
            yield Check(name, "ok", found)


def _check_mnist() -> Check:
    try:
        from kerascnn.data.idx import ARCHIVES, check_mnist

        check_mnist()
    except ImportError as error:
        return Check(
            "MNIST", "problem", f"cannot be read: {error}", "pip install numpy"
        )
    except DatasetError as error:
        found, _, advice = str(error).rpartition(". ")
        return Check("MNIST", "problem", found, advice)
    return Check("MNIST", "ok", f"{len(ARCHIVES)} archives, every byte as it should be")


def _check_folder(out: Path) -> Check:
    """Write a file without a name where runs will be; `out` itself is not made."""
    name, folder = f"{out}/", _existing(out)
    try:
        with tempfile.TemporaryFile(dir=folder):
            return Check(name, "ok", "can be written")
    except OSError as error:
        return Check(
            name,
            "problem",
            f"cannot be written: {error.strerror}: {folder}",
            "Give another folder with --out.",
        )


def _check_disk(out: Path) -> Check:
    free = shutil.disk_usage(_existing(out)).free
    if free >= ENOUGH_DISK_BYTES:
        return Check("disk", "ok", f"{_gib(free)} free")
    return Check(
        "disk",
        "warning",
        f"{_gib(free)} free, but VGG-16 can take {_gib(ENOUGH_DISK_BYTES)}",
        "Make room, or give another folder with --out.",
    )


def _check_machine() -> Check:
    memory = memory_bytes()
    machine = f"{processor_name()}, {usable_cores()} cores"
    found = f"{machine}, {_gib(memory)} of memory"
    if memory >= ENOUGH_MEMORY_BYTES:
        return Check("machine", "ok", found)
    return Check(
        "machine",
        "warning",
        f"{found}, but VGG-16 can take {_gib(ENOUGH_MEMORY_BYTES)}",
        "Train lenet or mobilenet, or with a smaller --batch-size.",
    )


def _check_tensorboard() -> Check:
    found = package_version("tensorboard")
    if found:
        return Check("TensorBoard", "ok", found)
    return Check(
        "TensorBoard",
        "ok",
        "not installed; only --tensorboard needs it",
        "pip install 'kerascnn[tensorboard]'",
    )


def _existing(folder: Path) -> Path:
    """The folder, or the nearest one above it that exists."""
    return next(path for path in (folder, *folder.absolute().parents) if path.exists())


def _gib(num_bytes: int) -> str:
    return f"{num_bytes / 1024**3:.1f} GiB"
