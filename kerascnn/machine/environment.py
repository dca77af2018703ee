"""What a run was made with: versions, machine, settings, commit and command line."""

from __future__ import annotations

import contextlib
import os
import platform
import resource
import subprocess
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from kerascnn import __version__
from kerascnn.machine.computation import Computation
from kerascnn.machine.tensorflow import fast_settings

# Whose versions may change a result.
PACKAGES = (
    "tensorflow",
    "keras",
    "numpy",
    "tensorflow-datasets",
    "scipy",
    "matplotlib",
)

# Instruction sets that oneDNN and TensorFlow choose their code by, on x86 and on
# AArch64, the widest first, by the flag that Linux has for them.
INSTRUCTION_SETS = (
    {
        "amx_tile": "AVX-512 with AMX",
        "avx512_fp16": "AVX-512 with fp16",
        "avx512_bf16": "AVX-512 with bf16",
        "avx512_vnni": "AVX-512 with VNNI",
        "avx512f": "AVX-512",
        "avx_vnni": "AVX2 with VNNI",
        "avx2": "AVX2",
        "avx": "AVX",
    },
    {"sve2": "AArch64 with SVE2", "sve": "AArch64 with SVE"},
)

# Where Linux tells of processes and processors.
PROC: Path = Path("/proc")
# Where it tells what groups of processes, such as containers, may use.
CGROUP = Path("/sys/fs/cgroup")


def describe_environment(
    devices: list[str] | None = None,
    computation: Computation | None = None,
    gpus: Mapping[str, Any] | None = None,
    workers: int = 1,
) -> dict[str, Any]:
    """Describe this process and its machine, for the `environment.json` of a run.

    Nothing is imported for it. It names no host, no user and no folder: of the command
    line it has the options without their values, which `config.json` tells, and of the
    environment variables only those of `fast_settings`.

    Args:
        devices: What the training computes on; left out where `None`.
        computation: How it computes; left out where `None`.
        gpus: What `describe_gpus` says of them; left out where it is nothing.
        workers: How many processes train together, each on as many devices; left out
            where there is one.

    Returns:
        Plain values by name. `settings` says of each variable its value and whether it
        was set by the `"user"` or by `"kerascnn"`; `commit` and `uncommitted_changes`
        are there if kerascnn is imported from a git checkout.
    """
    return {
        "kerascnn": __version__,
        **describe_checkout(Path(__file__).parents[2]),
        "python": platform.python_version(),
        "packages": {name: package_version(name) for name in PACKAGES},
        "platform": platform.platform(),
        "processor": processor_name(),
        "cores": usable_cores(),
        "memory_bytes": memory_bytes(),
        **({} if devices is None else {"devices": devices}),
        **({"gpus": dict(gpus)} if gpus else {}),
        **({"workers": workers} if workers > 1 else {}),
        "settings": describe_settings(),
        **({} if computation is None else {"computation": computation.to_dict()}),
        "command": describe_command(sys.argv),
        "started_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def describe_gpus(
    details: Sequence[Mapping[str, Any]], build: Mapping[str, Any], *, tf32: bool
) -> dict[str, Any]:
    """Describe GPUs and what computes on them.

    Args:
        details: What TensorFlow's `get_device_details` tells of each.
        build: What its `get_build_info` tells.
        tf32: Whether float32 is multiplied in TF32 where a GPU can.

    Returns:
        Plain values by name; nothing where there is no GPU.
    """
    if not details:
        return {}
    capabilities = [gpu.get("compute_capability") for gpu in details]
    return {
        "names": [gpu.get("device_name") for gpu in details],
        "compute_capabilities": [
            capability and ".".join(map(str, capability)) for capability in capabilities
        ],
        "cuda": build.get("cuda_version"),
        "cudnn": build.get("cudnn_version"),
        "tf32": tf32,
    }


def describe_command(arguments: list[str]) -> list[str]:
    """The program of a command line, kerascnn's own command, and names of options."""
    program = Path(arguments[0]).name if arguments else ""
    words = [program]
    if program in {"kerascnn", "__main__.py"}:
        words += [word for word in arguments[1:2] if word.isalpha()]
    options = (word.partition("=")[0] for word in arguments if word.startswith("--"))
    return words + [name for name in options if name.strip("-")]


def package_version(name: str) -> str | None:
    """The version of an installed distribution; `None` where there is none."""
    from importlib.metadata import PackageNotFoundError, version  # takes its time

    try:
        return version(name)
    except PackageNotFoundError:
        return None


def processor_name() -> str:
    """The processor's name as its maker gives it, or its kind."""
    name = _cpu_info().get("model name")
    return name or platform.processor() or platform.machine()


def processor_flags() -> set[str]:
    """The instruction sets of the processor under Linux; elsewhere nothing."""
    info = _cpu_info()
    return set(info.get("flags", info.get("Features", "")).split())


def instruction_set() -> str:
    """The widest instruction set that oneDNN and TensorFlow find here.

    Its name, or the kind of processor where the system does not tell. The variable
    `ONEDNN_MAX_CPU_ISA` keeps oneDNN from using all of it.
    """
    on_arm = platform.machine().lower() in {"aarch64", "arm64"}
    flags = processor_flags()
    names = [name for flag, name in INSTRUCTION_SETS[on_arm].items() if flag in flags]
    name = names[0] if names else "AArch64" if on_arm else platform.machine()
    limit = os.environ.get("ONEDNN_MAX_CPU_ISA")
    return f"{name}, oneDNN up to {limit}" if limit else name


def computes_bfloat16() -> bool | None:
    """Whether the processor multiplies in bfloat16; `None` where it does not tell."""
    flags = processor_flags()
    return bool(flags & {"avx512_bf16", "amx_bf16", "bf16"}) if flags else None


def usable_cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def memory_bytes() -> int:
    """The machine's memory."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def usable_memory_bytes() -> int:
    """The memory that this process may use, in bytes.

    A container may have less than its host, and a process a limit of its own.
    """
    limits = [resource.getrlimit(kind)[0] for kind in _MEMORY_LIMITS]
    limits = [limit for limit in limits if limit != resource.RLIM_INFINITY]
    return min([memory_bytes(), *limits, *_group_limits()])


_MEMORY_LIMITS = (resource.RLIMIT_AS, resource.RLIMIT_DATA)


def _group_limits() -> list[int]:
    """The limits of the groups that Linux has this process in, from the innermost."""
    try:
        text = (PROC / "self" / "cgroup").read_text()
    except OSError:
        text = ""
    folder = CGROUP / text.partition("0::/")[2].partition("\n")[0]
    limits = []
    for group in (folder, *folder.parents):
        if group == CGROUP.parent:
            break
        with contextlib.suppress(OSError, ValueError):  # "max" is none
            limits.append(int((group / "memory.max").read_text()))
    return limits


def describe_settings() -> dict[str, dict[str, str | None]]:
    """The fast settings as they are now, each with who set it."""
    return {
        name: {"value": os.environ.get(name), "set_by": _set_by(name, fast)}
        for name, fast in fast_settings().items()
    }


def describe_checkout(folder: Path) -> dict[str, Any]:
    """The commit of a git checkout; nothing where the folder is none."""
    commit = _git(folder, "rev-parse", "HEAD") if (folder / ".git").exists() else None
    if commit is None:
        return {}
    changes = _git(folder, "status", "--porcelain")
    return {"commit": commit, "uncommitted_changes": changes != ""}


def _set_by(name: str, fast: str) -> str | None:
    """Who set a variable: if it came with the process, or is not ours, the user."""
    if name not in os.environ:
        return None
    is_ours = os.environ[name] == fast and name not in _initial_variables()
    return "kerascnn" if is_ours else "user"


def _initial_variables() -> set[str]:
    """The names of the variables that this process started with, where that is told."""
    try:
        block = (PROC / "self" / "environ").read_bytes()
    except OSError:
        return set()
    return {os.fsdecode(line.partition(b"=")[0]) for line in block.split(b"\0") if line}


def _cpu_info() -> dict[str, str]:
    """What Linux tells of the first core."""
    try:
        text = (PROC / "cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return {}
    pairs = (line.partition(":") for line in text.partition("\n\n")[0].splitlines())
    return {name.strip(): value.strip() for name, _, value in pairs}


def _git(folder: Path, *arguments: str) -> str | None:
    """What git prints; `None` where there is no git, or it refuses."""
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments],
            capture_output=True,
            text=True,
            timeout=30,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
