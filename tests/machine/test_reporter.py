"""What a training says: a live line on a terminal, one line an epoch elsewhere."""

import io
import re

import pytest

from kerascnn.machine.reporter import INTERRUPTS, LineReporter

STEPS = {
    "epoch": "1/2",
    "done": 5,
    "total": 10,
    "loss": 0.25,
    "accuracy": 0.9,
    "images_per_second": 1234.5,
    "seconds_left": 75.0,
}
ROW = {
    "loss": 0.5,
    "accuracy": 0.8,
    "validation_loss": 0.4,
    "validation_accuracy": 0.85,
    "images_per_second": 10.0,
    "seconds": 3.0,
}
WHOLE_ROW = (
    "epoch 1/2  loss 0.5000  accuracy 80.00%  validation loss 0.4000  "
    "validation accuracy 85.00%  10 images/s  3.0 s"
)
COLORS = re.compile(r"\x1b\[[\d;]*m")


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self):
        return True


class Cell(io.StringIO):
    """A stream of a notebook's kernel, which says that it is no terminal."""

    __module__ = "ipykernel.iostream"
    encoding = "utf-8"


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    """A terminal of 80 columns, whatever the tests run in."""
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "COLORTERM"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "80")


def shown(stream):
    """What the last line of a terminal shows, and the lines above it."""
    lines = [""]
    for piece in re.split(r"(\r|\n|\x1b\[K)", COLORS.sub("", stream.getvalue())):
        if piece == "\n":
            lines.append("")
        elif piece == "\r":
            column = 0
        elif piece == "\x1b[K":
            lines[-1] = lines[-1][:column]
        elif piece:
            column = 0 if lines[-1] == "" else column
            line = lines[-1]
            lines[-1] = line[:column] + piece + line[column + len(piece) :]
            column += len(piece)
    return [line.rstrip() for line in lines]


@pytest.mark.parametrize(
    ("columns", "line"),
    [
        (20, "epoch 1/2  1 m…"),
        (32, "epoch 1/2  1 min 15 s left"),
        (40, "epoch 1/2  ━━━────  1 min 15 s left"),
        (
            80,
            "epoch 1/2  ━━━━━━━━─────────  loss 0.2500  accuracy 90.00%  "
            "1 min 15 s left",
        ),
        (
            120,
            f"epoch 1/2  {'━' * 20}{'─' * 21}  loss 0.2500  accuracy 90.00%  "
            "1,234 images/s  1 min 15 s left",
        ),
    ],
)
def test_live_line_fits_and_fills_any_width(monkeypatch, columns, line):
    monkeypatch.setenv("COLUMNS", str(columns))
    terminal = Terminal()
    LineReporter(terminal).steps(**STEPS)
    [got] = shown(terminal)
    assert len(got) <= columns - len(INTERRUPTS)
    assert got.startswith(line[: columns - len(INTERRUPTS)])


def test_what_is_not_known_yet_is_not_told():
    terminal = Terminal()
    LineReporter(terminal).steps(
        **STEPS | {"images_per_second": None, "seconds_left": None}
    )
    [line] = shown(terminal)
    assert line.endswith("loss 0.2500  accuracy 90.00%")


def test_stages_steps_and_lines_take_each_others_place():
    terminal = Terminal()
    reporter = LineReporter(terminal)
    reporter.stage("loading TensorFlow")
    assert shown(terminal) == ["loading TensorFlow"]
    reporter.steps(**STEPS)
    assert shown(terminal)[0].startswith("epoch 1/2  ━")
    reporter.stage("epoch 1/2  validating")
    assert shown(terminal) == ["epoch 1/2  validating"]
    reporter.epoch("1/2", ROW)
    reporter.stage("x")
    reporter.message("that is all")
    reporter.steps(**STEPS)
    reporter.close()
    line = "epoch 1/2  accuracy 80.00%  validation accuracy 85.00%  3.0 s"
    assert shown(terminal) == [line, "that is all", ""]


def test_names_cannot_move_the_cursor():
    pipe, terminal = io.StringIO(), Terminal()
    LineReporter(pipe).message("cats\x1b[2J\r\n: 3 pictures, ねこ, 4 × 5")
    assert pipe.getvalue() == "cats\\x1b[2J\\r\\n: 3 pictures, ねこ, 4 × 5\n"
    LineReporter(terminal).stage("reading cats\x1b[2J\x07")
    assert shown(terminal) == ["reading cats\\x1b[2J\\x07"]


def test_close_writes_nothing_where_no_line_is_drawn():
    terminal = Terminal()
    LineReporter(terminal).close()
    assert terminal.getvalue() == ""


@pytest.mark.parametrize(
    ("variables", "has_colors"),
    [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "xterm"}, True)],
)
def test_colors_are_those_of_the_terminal(monkeypatch, variables, has_colors):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    terminal = Terminal()
    reporter = LineReporter(terminal)
    reporter.stage("validating")
    reporter.steps(**STEPS)
    assert bool(COLORS.search(terminal.getvalue())) == has_colors
    assert "━" in terminal.getvalue()


def test_terminal_without_a_cursor_has_lines_alone(monkeypatch):
    monkeypatch.setenv("TERM", "dumb")
    terminal = Terminal()
    reporter = LineReporter(terminal)
    reporter.stage("loading TensorFlow")
    reporter.steps(**STEPS)
    reporter.epoch("1/2", ROW)
    assert terminal.getvalue() == WHOLE_ROW + "\n"


def test_terminal_without_unicode_has_a_bar_of_plain_signs():
    terminal = Terminal()
    terminal.encoding = "ascii"
    LineReporter(terminal).steps(**STEPS)
    assert shown(terminal)[0].startswith("epoch 1/2  ########.........  loss")
    assert COLORS.sub("", terminal.getvalue()).replace("\x1b[K", "").isascii()


def test_notebook_has_the_live_line_without_codes_of_terminals():
    cell = Cell()
    reporter = LineReporter(cell)
    reporter.stage("compiling the first step")
    reporter.steps(**STEPS)
    assert shown(cell)[0].endswith("accuracy 90.00%  1,234 images/s  1 min 15 s left")
    reporter.stage("validating")
    assert shown(cell) == ["validating"]
    reporter.epoch("1/2", ROW)
    assert shown(cell) == [WHOLE_ROW, ""]
    assert "\x1b" not in cell.getvalue()


def test_pipe_has_one_line_an_epoch():
    stream = io.StringIO()
    reporter = LineReporter(stream)
    reporter.stage("loading TensorFlow")
    reporter.steps(**STEPS)
    reporter.epoch("1/2", ROW)
    reporter.epoch("2/2", {k: v for k, v in ROW.items() if "validation" not in k})
    reporter.close()
    assert stream.getvalue() == (
        f"{WHOLE_ROW}\nepoch 2/2  loss 0.5000  accuracy 80.00%  10 images/s  3.0 s\n"
    )
