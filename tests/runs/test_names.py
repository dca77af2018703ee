"""Names of runs: what is taken, and what is refused before anything is done."""

import pytest

from kerascnn import train
from kerascnn.errors import RunError
from kerascnn.runs.names import MAX_BYTES, check_run_name


@pytest.mark.parametrize(
    "name", ["a", "lenet-sgd-1", "my run", r"$\foo$", "七", "x" * MAX_BYTES, "a.b", "~"]
)
def test_name_of_a_folder_is_taken(name):
    check_run_name(name)


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("x" * 300, "more than 200 bytes"),
        ("七" * 70, "more than 200 bytes"),
        ("a/b", "it is a path"),
        ("", "nothing else"),
        ("   ", "nothing else"),
        ("a ", "begins or ends in spaces"),
        (".hidden", "begins with '.'"),
        ("..", "begins with '.'"),
        ("--resume", "begins with '-'"),
        ("a\nb", "cannot be printed"),
        ("a\0b", "cannot be printed"),
        ("\x1b[31m", "cannot be printed"),
        ("a\udcffb", "cannot be printed"),
        (3, "no text"),
    ],
)
def test_other_names_are_one_line(tmp_path, name, problem):
    with pytest.raises(RunError, match=problem) as caught:
        train("lenet", name=name, out=tmp_path)
    assert str(caught.value).isprintable()
    assert list(tmp_path.iterdir()) == []
