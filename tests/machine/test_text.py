"""What is printed of a name."""

import os
import shlex
from pathlib import Path

import pytest

from kerascnn.machine.text import command_line, markdown, printable


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a digit, ü 数字 $x$ \\ '\".png", "a digit, ü 数字 $x$ \\ '\".png"),
        ("a\nb\r\tc", "a\\nb\\r\\tc"),
        ("\x1b[2J\x07\x00", "\\x1b[2J\\x07\\x00"),
        ("\u202egnp.exe\u2028", "\\u202egnp.exe\\u2028"),
        (os.fsdecode(b"\xff\xfe.png"), "\\xff\\xfe.png"),
        ("\ud800", "\\ud800"),
        ("", ""),
    ],
)
def test_what_cannot_be_seen_is_escaped(text, expected):
    assert printable(text) == expected
    assert printable(expected) == expected
    printable(text).encode("utf-8")


def test_command_to_copy_has_quotes_where_a_shell_needs_them():
    assert command_line("runs") == "kerascnn runs"
    line = command_line("train", "--resume", Path("my $run's"))
    assert shlex.split(line) == ["kerascnn", "train", "--resume", "my $run's"]


def test_markdown_takes_nothing_in_a_name_for_markup():
    assert markdown("a_b*[x](y)\n<i>`") == r"a\_b\*\[x\](y)\\n\<i\>\`"
    assert markdown("T-shirt/top, 5.") == "T-shirt/top, 5."
