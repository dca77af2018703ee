"""Tables fit the terminal; numbers stand to the right; nothing is cut."""

import click
import pytest
from click.testing import CliRunner

from kerascnn.commands.table import Column, echo_table

COLUMNS = (
    Column("name"),
    Column("test accuracy", is_number=True),
    Column("seed", is_number=True, extra=1),
    Column("image size", is_number=True, extra=2),
    Column("summary"),
)
ROWS = [
    ("one", "99.10%", 3, 28, "Some words of a summary that is long."),
    ("eleven", None, 12_000, None, "Few."),
]


def printed(columns=COLUMNS, rows=ROWS, width=None):
    """The lines of a table, and what is said beside it."""
    command = click.command()(lambda: echo_table(columns, rows))
    environment = {} if width is None else {"COLUMNS": str(width)}
    result = CliRunner().invoke(command, env=environment)
    assert result.exit_code == 0, result.exception
    return result.stdout.splitlines(), result.stderr


def test_wide_terminal_has_all_on_one_line_each():
    lines, said = printed(width=200)
    assert lines == [
        "name    test accuracy    seed  image size  summary",
        "one            99.10%       3          28  Some words of a summary that is "
        "long.",
        "eleven              -  12,000           -  Few.",
    ]
    assert said == ""


def test_titles_are_broken_before_columns_are_left_out():
    lines, said = printed(width=75)
    assert lines == [
        "            test          image",
        "name    accuracy    seed   size  summary",
        "one       99.10%       3     28  Some words of a summary that is long.",
        "eleven         -  12,000      -  Few.",
    ]
    assert said == ""


@pytest.mark.parametrize(
    ("width", "left_out"), [(65, "image size"), (57, "seed, image size")]
)
def test_columns_that_are_left_out_are_named(width, left_out):
    lines, said = printed(width=width)
    assert said == f"Not shown in {width} columns: {left_out}. --json has all.\n"
    assert max(map(len, lines)) <= width
    assert lines[-2].startswith("one")


def test_last_column_is_wrapped_under_itself():
    lines, _ = printed(width=45)
    assert lines == [
        "            test",
        "name    accuracy  summary",
        "one       99.10%  Some words of a summary",
        "                  that is long.",
        "eleven         -  Few.",
    ]


def test_without_a_terminal_no_column_is_left_out_and_every_row_is_one_line():
    rows = [("a" * 120, "99.10%", 3, 28, "Few.")]
    lines, said = printed(rows=rows)
    assert len(lines) == 2
    assert lines[1].split() == ["a" * 120, "99.10%", "3", "28", "Few."]
    assert said == ""


def test_signs_of_two_cells_keep_columns_straight():
    columns = (Column("class"), Column("images", is_number=True))
    lines, _ = printed(columns, [("数字", 5), ("seven", 980)])
    assert lines == ["class  images", "数字        5", "seven     980"]


def test_table_without_rows_is_its_titles():
    lines, _ = printed(COLUMNS[:2], [])
    assert lines == ["name  test accuracy"]
