"""Text from outside, such as the names of files, made safe to print."""

from __future__ import annotations

import os
import re
import shlex

_MARKS = re.compile(r"[\\`*_\[\]<>|&~$]")


def printable(text: str) -> str:
    """Text on one line, with an escape for each character that cannot be seen.

    A name may hold line breaks, the codes that move a terminal's cursor, marks that
    turn the direction of what follows, or bytes that are not UTF-8.
    """
    return "".join(sign if sign.isprintable() else _escape(sign) for sign in text)


def markdown(text: str) -> str:
    """Text on one line of Markdown, with nothing in it that Markdown would take."""
    return _MARKS.sub(r"\\\g<0>", printable(text))


def command_line(*words: str | os.PathLike[str]) -> str:
    """A command of kerascnn to copy into a shell, with quotes where it needs them.

    Example:
        >>> command_line("train", "--resume", "my run")
        "kerascnn train --resume 'my run'"
    """
    return shlex.join(["kerascnn", *(os.fspath(word) for word in words)])


def _escape(sign: str) -> str:
    # How Python keeps the bytes of a name that are not UTF-8.
    if "\udc80" <= sign <= "\udcff":
        return f"\\x{ord(sign) - 0xDC00:02x}"
    return sign.encode("unicode_escape").decode("ascii")
