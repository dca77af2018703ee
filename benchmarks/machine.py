"""The machines that `results/` is of: one for each instruction set."""

from __future__ import annotations

import csv
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

MOST_BUSY = 0.1
IMITATED = ", imitated"


def begin() -> None:
    """Write down what this machine is.

    Rows of another machine of the same instruction set are removed, since ratios differ
    by machine; what an older processor was imitated on goes with it. A line says if
    others compute here: PyTorch's threads, which wait for each other many times a step,
    were thirty times as slow beside a training of low priority.
    """
    if (busy := busy_share()) > MOST_BUSY:
        print(f"Others use {busy:.0%} of the processor: measure when they do not.")
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / "machines.json"
    known = json.loads(path.read_text()) if path.exists() else {}
    name, here = instruction_set(), this_machine()
    before = known.get(name)
    if before and before["machine"] != here["machine"]:
        remove_rows(name)
        before = None
    # A part of the benchmarks may run without what another part needs.
    versions = (before or {}).get("versions", {}) | here["versions"]
    known[name] = here | {"versions": versions}
    path.write_text(json.dumps(known, indent=2) + "\n")


def remove_rows(name: str) -> None:
    """Remove what a machine of an instruction set measured."""
    for path in RESULTS.glob("*.csv"):
        with open(path, newline="") as file:
            reader = csv.DictReader(file)
            columns, rows = list(reader.fieldnames or ()), list(reader)
        if "instruction_set" not in columns:
            continue
        kept = [
            row
            for row in rows
            if row["instruction_set"] != name
            and not row["instruction_set"].endswith(IMITATED)
        ]
        with open(path, "w", newline="") as file:
            writer = csv.DictWriter(file, columns)
            writer.writeheader()
            writer.writerows(kept)


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
            "memory": round(here["memory_bytes"] / 2**30, 1),
        },
        "versions": {
            "python": here["python"],
            **{name: here["packages"][name] for name in ("tensorflow", "keras")},
            **{name: version for name, version in found.items() if version},
        },
    }
