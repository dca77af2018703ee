"""Text from outside, such as the names of files, made safe to print."""

from __future__ import annotations


def printable(text: str) -> str:
    """Text on one line, with an escape for each character that cannot be seen.

    A name may hold line breaks, the codes that move a terminal's cursor, marks that
    turn the direction of what follows, or bytes that are not UTF-8.
    """
    return "".join(sign if sign.isprintable() else _escape(sign) for sign in text)


def _escape(sign: str) -> str:
    # How Python keeps the bytes of a name that are not UTF-8.
    if "\udc80" <= sign <= "\udcff":
        return f"\\x{ord(sign) - 0xDC00:02x}"
    return sign.encode("unicode_escape").decode("ascii")
