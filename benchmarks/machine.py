"""The machine that `results/` is of: one at a time, since ratios differ by machine."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from rows import RESULTS

from kerascnn.machine.environment import (
    describe_environment,
    instruction_set,
    package_version,
)

PATTERNS = ("*.csv", "*.part.md")
MOST_BUSY = 0.1


def begin() -> None:
    """Write down what this machine is; what another one measured is removed.

    A line says if others compute here: PyTorch's threads, which wait for each other
    many times a step, were thirty times as slow beside a training of low priority.
    """
    if (busy := busy_share()) > MOST_BUSY:
        print(f"Others use {busy:.0%} of the processor: measure when they do not.")
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / "machine.json"
    here = this_machine()
    there = json.loads(path.read_text()) if path.exists() else {}
    if there.get("machine") != here["machine"]:
        for pattern in PATTERNS:
            for old in RESULTS.glob(pattern):
                old.unlink()
        there = {"versions": {}}
    # A part of the benchmarks may run without what another part needs.
    here["versions"] = there["versions"] | here["versions"]
    path.write_text(json.dumps(here, indent=2) + "\n")


def busy_share(seconds: float = 1.0, stat: Path = Path("/proc/stat")) -> float:
    """The share of the processor's time that is used; 0 where Linux does not tell."""
    if not stat.exists():
        return 0.0
    times = []
    for pause in (seconds, 0):
        times.append([int(field) for field in stat.read_text().split()[1:9]])
        time.sleep(pause)
    passed = [after - before for before, after in zip(*times, strict=True)]
    return 1 - sum(passed[3:5]) / max(1, sum(passed))  # idle, or waiting for a disk


def this_machine() -> dict[str, dict[str, Any]]:
    """What this machine is, and the versions that are installed."""
    here = describe_environment()
    found = {name: package_version(name) for name in ("torch", "jax")}
    return {
        "machine": {
            **{name: here[name] for name in ("processor", "cores")},
            "instruction_set": instruction_set(),
            "memory": round(here["memory_bytes"] / 2**30, 1),
        },
        "versions": {
            "python": here["python"],
            **{name: here["packages"][name] for name in ("tensorflow", "keras")},
            **{name: version for name, version in found.items() if version},
        },
    }
