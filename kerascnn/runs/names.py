"""Names of runs: those that any file system, figure and command line can take."""

from __future__ import annotations

import os

from kerascnn.errors import RunError, shown

# Of the 255 bytes that a file system has for a name; `.part-` and numbers go before and
# after it.
MAX_BYTES = 200


def check_run_name(name: str) -> None:
    """Refuse what cannot be the name of a run's folder.

    Raises:
        RunError: With what is wrong.
    """
    if not isinstance(name, str):
        problem = "it is no text"
    elif len(os.fsencode(name)) > MAX_BYTES:
        problem = f"it has more than {MAX_BYTES} bytes"
    elif "/" in name or os.sep in name:
        problem = "it is a path; choose the folder that it goes into with --out"
    elif not name.strip() or name != name.strip():
        problem = "it begins or ends in spaces, or has nothing else"
    elif name[0] in ".-":
        problem = f"it begins with {name[0]!r}"
    elif not name.isprintable():
        problem = "it has signs that cannot be printed"
    else:
        return
    raise RunError(
        f"A run is named by a plain folder name, but got {shown(name)}: {problem}."
    )
