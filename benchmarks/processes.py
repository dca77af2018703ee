"""New Python processes, and how long they take."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path


def timed(
    arguments: list[str],
    *,
    check: bool = True,
    variables: Mapping[str, str] = os.environ,
) -> tuple[float, str]:
    """Seconds of a new Python from its start to its end, and what it printed.

    Args:
        arguments: Of Python, such as a script and its own.
        check: Whether a failure is an error.
        variables: Its environment.
    """
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, *arguments],
        check=check,
        capture_output=True,
        text=True,
        env={**variables, "PYTHONPATH": str(Path(__file__).parent.parent)},
    )
    return time.perf_counter() - started, done.stdout
