"""kerascnn under a lease: `python -m kerascnn.comparison.executors.leased ...`.

The arguments are the file of the lease, its token, and the words after `kerascnn`.

The lease is kept by the process that trains, so that one cannot be there without the
other. When the lease is lost, it ends at once, since another trains the run by then.
When standard input ends, the worker that started it is gone, or wants it to stop: it
ends as by SIGTERM, with a checkpoint.
"""

from __future__ import annotations

import os
import runpy
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from kerascnn.machine.lease import Lease
from kerascnn.machine.signals import clean_up_on_sigterm

# What the process exits with when it lost the lease: EX_TEMPFAIL of sysexits.h.
LOST = 75


def main(path: str, token: str, *words: str) -> None:
    """Run kerascnn on some words, as long as the lease is held."""
    clean_up_on_sigterm()
    lease = Lease(Path(path), token)
    _watch(lambda: lease.keep(lambda: os._exit(LOST)))
    _watch(_stop_with_the_worker)
    sys.argv = ["kerascnn", *words]
    try:
        runpy.run_module("kerascnn", run_name="__main__", alter_sys=True)
    finally:
        lease.release()


def _watch(function: Callable[[], None]) -> None:
    threading.Thread(target=function, daemon=True).start()


def _stop_with_the_worker() -> None:
    os.read(0, 1)  # nothing is ever written: it returns at the end
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    main(*sys.argv[1:])
