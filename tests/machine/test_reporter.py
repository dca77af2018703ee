"""What a training says: a live line on a terminal, one line an epoch elsewhere."""

import io

import pytest

from kerascnn.machine.reporter import LineReporter, format_seconds

STEPS = {
    "epoch": "1/2",
    "done": 5,
    "total": 10,
    "loss": 0.25,
    "accuracy": 0.9,
    "images_per_second": 1234.5,
    "seconds_left": 75.0,
}
ROW = {"loss": 0.5, "accuracy": 0.8, "images_per_second": 10.0, "seconds": 3.0}


class Terminal(io.StringIO):
    def isatty(self):
        return True


class Cell(io.StringIO):
    """A stream of a notebook's kernel, which says that it is no terminal."""

    __module__ = "ipykernel.iostream"


def test_notebook_has_the_live_line_of_a_terminal():
    said = []
    for stream in (Cell(), Terminal()):
        LineReporter(stream).steps(**STEPS)
        said.append(stream.getvalue())
    assert said[0] == said[1] != ""


def test_terminal_has_a_live_line_that_the_epoch_replaces():
    terminal = Terminal()
    reporter = LineReporter(terminal)
    reporter.steps(**STEPS)
    line = (
        "\repoch 1/2 [##########..........] loss 0.2500  accuracy 0.9000  "
        "1,234 images/s  1 min 15 s left"
    )
    assert terminal.getvalue() == line
    reporter.steps(**STEPS | {"seconds_left": 9.0})
    assert terminal.getvalue().count("\n") == 0
    assert terminal.getvalue().endswith("9.0 s left     ")
    reporter.epoch("1/2", ROW)
    assert terminal.getvalue().endswith(
        "\repoch 1/2  loss 0.5000  accuracy 0.8000  10 images/s  3.0 s\n"
    )


def test_pipe_has_one_line_an_epoch():
    stream = io.StringIO()
    reporter = LineReporter(stream)
    reporter.steps(**STEPS)
    reporter.epoch("1/2", ROW | {"validation_loss": 0.4, "validation_accuracy": 0.85})
    assert stream.getvalue() == (
        "epoch 1/2  loss 0.5000  accuracy 0.8000  validation loss 0.4000  "
        "accuracy 0.8500  10 images/s  3.0 s\n"
    )


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.04, "0.0 s"),
        (59.94, "59.9 s"),
        (60, "1 min 00 s"),
        (3599, "59 min 59 s"),
        (7620, "2 h 07 min"),
    ],
)
def test_times_read_as_people_write_them(seconds, text):
    assert format_seconds(seconds) == text
