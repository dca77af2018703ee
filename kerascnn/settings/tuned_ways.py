"""What was measured of layers on this machine, kept for the trainings that come.

```text
~/.cache/kerascnn/layers/<digest>.json   the digest of what speed depends on: processor,
                                         its flags, threads, versions
    {"machine": {...}, "ways": {"<kind of layer>": "winograd", ...}}
```
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from kerascnn import __version__
from kerascnn.data.cache import VARIABLE, cache_root
from kerascnn.errors import RunError
from kerascnn.machine.computation import Parallelism
from kerascnn.machine.content import load_json
from kerascnn.machine.environment import (
    instruction_set,
    package_version,
    processor_flags,
    processor_name,
)
from kerascnn.machine.files import write_json


def keep_ways(ways: Mapping[str, str], parallelism: Parallelism) -> None:
    """Keep what was found on this machine, in the place of what was.

    Raises:
        RunError: It cannot be written.
    """
    path = _path(parallelism)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_json(path, {"machine": _machine(parallelism), "ways": dict(ways)})
    except OSError as error:
        raise RunError(
            f"Cannot write {path}: {error.strerror or error}. Make room, or set "
            f"{VARIABLE} to another folder."
        ) from error


def tuned_ways(parallelism: Parallelism) -> Mapping[str, str]:
    """What was found here, by the kind of layer; of a damaged file, nothing."""
    with suppress(OSError, ValueError, RunError):
        value = load_json(_path(parallelism))
        ways = value.get("ways") if isinstance(value, dict) else None
        if isinstance(ways, dict):
            return {kind: way for kind, way in ways.items() if isinstance(way, str)}
    return {}


def forget_tuning() -> int:
    """Delete all that was found; how many machines and numbers of threads it was of."""
    paths = list(_folder().glob("*.json"))
    for path in paths:
        path.unlink(missing_ok=True)
    return len(paths)


def _folder() -> Path:
    return cache_root() / "layers"


def _path(parallelism: Parallelism) -> Path:
    text = json.dumps(_machine(parallelism), sort_keys=True)
    return _folder() / f"{hashlib.sha256(text.encode()).hexdigest()[:32]}.json"


def _machine(parallelism: Parallelism) -> dict[str, Any]:
    """What the speed of layers depends on, beside themselves."""
    flags = " ".join(sorted(processor_flags()))
    return {
        "processor": processor_name(),
        "instruction_set": instruction_set(),
        "flags": hashlib.sha256(flags.encode()).hexdigest(),
        "parallelism": asdict(parallelism),
        "kerascnn": __version__,
        **{name: package_version(name) for name in ("tensorflow", "keras")},
    }
