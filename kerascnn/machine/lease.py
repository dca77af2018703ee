"""Leases: locks that expire, held by files in a folder that machines share.

A lock of the system (`files.locked_folder`) may not reach from one machine to another,
and a frozen machine would hold it for ever. The holder of a lease renews it every
`RENEW_SECONDS`; it has expired when others saw it unchanged for `EXPIRY_SECONDS`.

The files of a lease are numbered from 1, and the last one counts. A file can be created
once, so that of two processes that take over, one wins; and a holder that finds a later
number has lost. Clocks of two machines are never compared.
"""

from __future__ import annotations

import contextlib
import json
import os
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kerascnn.errors import RunError
from kerascnn.machine.files import translated_os_errors, write_json

RENEW_SECONDS = 5.0
EXPIRY_SECONDS = 60.0


@dataclass(frozen=True)
class Lease:
    """A lease that was taken.

    Attributes:
        path: Its file.
        token: What tells its holder from all others.
    """

    path: Path
    token: str
    _writing: threading.Lock = field(
        default_factory=threading.Lock, init=False, repr=False, compare=False
    )

    def renew(self) -> bool:
        """Show that the holder lives; false where another has taken over.

        A lease that was released stays so.

        Raises:
            OSError: The folder cannot be read.
            RunError: It cannot be written.
        """
        return self._write(released=False)

    def release(self) -> None:
        """Let others take it, if nobody has; that it cannot be written is no error."""
        with contextlib.suppress(OSError, RunError):
            self._write(released=True)

    def keep(self, lost: Callable[[], object]) -> None:
        """Renew it until another has it, or until others may take it for expired.

        Args:
            lost: Called then.
        """
        renewed = time.monotonic()
        while True:
            time.sleep(RENEW_SECONDS)
            try:
                if not self.renew():
                    break
                renewed = time.monotonic()
            except (OSError, RunError):  # a file system that is away for a moment
                if time.monotonic() - renewed > EXPIRY_SECONDS / 2:
                    break
        lost()

    def _write(self, *, released: bool) -> bool:
        with self._writing:  # it is released in one thread, and kept in another
            found = _read(self.path)
            if found.get("token") != self.token:
                return False
            if found["released"]:
                return True
            if self.path.with_name(_name(_number(self.path) + 1)).exists():
                return False
            renewals = found["renewals"] + 1
            write_json(self.path, found | {"renewals": renewals, "released": released})
            return True


def take(folder: Path, holder: str, expired: str | None = None) -> Lease | None:
    """Take a lease; `None` where another has it, or is faster.

    Args:
        folder: Where its files are, and nothing else; it is made where there is none.
        holder: Who takes it, for people.
        expired: The state that `Watch.expired` told of. If it is still the same, the
            lease is taken over.

    Raises:
        RunError: The folder cannot be written.
    """
    last = _last(folder)
    state = _state(last)
    if state is not None and state != expired:
        return None
    # The number after the one that was judged: who was faster has created it.
    number = _number(last) + 1 if last else 1
    lease = Lease(folder / _name(number), uuid.uuid4().hex)
    with translated_os_errors(lease.path):
        folder.mkdir(parents=True, exist_ok=True)
        try:
            os.close(os.open(lease.path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644))
        except FileExistsError:
            return None
    content = {"token": lease.token, "holder": holder, "renewals": 0}
    write_json(lease.path, {**content, "released": False})
    return lease


def holder_of(folder: Path) -> str | None:
    """Who has a lease, as it was taken; `None` where nobody has."""
    last = _last(folder)
    found = _read(last) if last else {}
    return None if found.get("released", True) else found["holder"]


class Watch:
    """Looks at leases of others, and remembers for how long they are unchanged."""

    def __init__(self) -> None:
        self._seen: dict[Path, tuple[str, float]] = {}

    def is_held(self, folder: Path) -> bool:
        """Whether somebody has a lease, and it has not expired."""
        state = _state(_last(folder))
        if state is None:
            self._seen.pop(folder, None)
            return False
        now = time.monotonic()
        if self._seen.get(folder, ("", 0))[0] != state:
            self._seen[folder] = state, now
        return now - self._seen[folder][1] < EXPIRY_SECONDS

    def expired(self, folder: Path) -> str | None:
        """The state of a lease that has expired, for `take`; `None` where none has."""
        if folder in self._seen and not self.is_held(folder):
            return self._seen.get(folder, (None,))[0]
        return None


def _state(last: Path | None) -> str | None:
    """What changes when a lease is renewed or taken; `None` where nobody has it."""
    if last is None:
        return None
    found = _read(last)
    return None if found.get("released") else f"{last.name} {found}"


def _last(folder: Path) -> Path | None:
    return max(folder.glob("[0-9]*.json"), key=_number, default=None)


def _name(number: int) -> str:
    return f"{number}.json"


def _number(path: Path) -> int:
    return int(path.stem)


def _read(path: Path) -> dict[str, Any]:
    """What a file says; nothing while it is being created, or is gone."""
    try:
        found = json.loads(path.read_text("utf-8") or "{}")
    except (FileNotFoundError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
