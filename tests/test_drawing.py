"""Drawing: files, names as they are, axes, and what is not imported."""

import subprocess
import sys
from xml.etree import ElementTree

import matplotlib.figure
import matplotlib.image
import pytest

from kerascnn.drawing import Figure, fit_text, label_epochs, percent, plain, save_figure
from kerascnn.errors import RunError


def test_figure_is_a_png_of_150_dots_an_inch(tmp_path):
    figure = Figure(figsize=(3, 2))
    path = save_figure(figure, tmp_path / "new" / "figure.png")
    assert path == tmp_path / "new" / "figure.png"
    assert matplotlib.image.imread(path).shape[:2] == (300, 450)
    assert [file.name for file in path.parent.iterdir()] == ["figure.png"]


@pytest.mark.parametrize("suffix", ["png", "svg"])
def test_same_figure_is_the_same_file(suffix, tmp_path):
    for folder in ("one", "other"):
        figure = Figure()
        figure.subplots().plot([0, 1])
        save_figure(figure, tmp_path / folder / f"figure.{suffix}")
    one, other = (path.read_bytes() for path in sorted(tmp_path.glob("*/*")))
    assert one == other


def test_figure_that_cannot_be_written_leaves_nothing(tmp_path):
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(RunError, match=r"Cannot write .*taken/figure\.png"):
        save_figure(Figure(), tmp_path / "taken" / "figure.png")
    (tmp_path / "figure.png").mkdir()
    with pytest.raises(RunError, match=r"Cannot write .*figure\.png"):
        save_figure(Figure(), tmp_path / "figure.png")
    assert {file.name for file in tmp_path.iterdir()} == {"taken", "figure.png"}


@pytest.mark.parametrize("suffix", ["png", "svg", "pdf"])
def test_any_name_is_drawn_in_any_format(suffix, tmp_path, awkward_names):
    figure = Figure(figsize=(6, 6))
    axes = figure.subplots()
    axes.set_title(fit_text(awkward_names[0], 3))
    axes.set_yticks(range(10), [fit_text(name, 2) for name in awkward_names])
    for name in awkward_names:
        axes.plot([0, 1], label=fit_text(name, 2))
    axes.legend()
    path = save_figure(figure, tmp_path / f"figure.{suffix}")
    if suffix == "svg":
        assert ElementTree.parse(path).getroot().get("viewBox") == "0 0 432 432"


def test_dollar_signs_hold_no_formula():
    """A formula has no dollar signs and less room between its letters."""

    def width(figure, text):
        drawn = figure.text(0.1, 0.5, text)
        figure.draw_without_rendering()
        return drawn.get_window_extent().width

    expected = width(matplotlib.figure.Figure(), r"\$a_b\$ and \$c\$")
    assert width(Figure(), "$a_b$ and $c$") == expected
    assert width(matplotlib.figure.Figure(), "$a_b$ and $c$") < expected - 10


def test_settings_of_the_user_do_not_make_tex_of_names(run_python, tmp_path):
    (tmp_path / "matplotlibrc").write_text("text.usetex: True")
    code = """
from pathlib import Path
from kerascnn.drawing import save_figure
from kerascnn.training.figure import plot_curves
history = [{"epoch": 1, "loss": 0.5, "accuracy": 0.9}]
save_figure(plot_curves(history, title=r"$\\foo$_%"), Path("figure.png"))
"""
    done = run_python("-c", code, MATPLOTLIBRC=str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "figure.png").stat().st_size > 1000


@pytest.mark.parametrize("points", [7, 12])
@pytest.mark.parametrize("inches", [0.5, 3])
def test_names_are_as_wide_as_they_may(inches, points, awkward_names):
    figure = Figure()
    for name in awkward_names:
        fitted = fit_text(name, inches, points)
        drawn = figure.text(0, 0, fitted, fontsize=points)
        figure.draw_without_rendering()
        width = drawn.get_window_extent().width / figure.dpi
        assert width < 1.1 * inches
        if "…" in fitted:  # a sign more would not have fitted
            assert width > inches - 2 * points / 72


def test_long_names_keep_both_ends_and_short_ones_all():
    assert fit_text("lenet-sgd-1", 2) == "lenet-sgd-1"
    fitted = fit_text("run-" + "x" * 300 + "/model.tflite", 2)
    head, tail = fitted.split("…")
    assert head.startswith("run-xx")
    assert tail.endswith("x/model.tflite") or "model.tflite".endswith(tail)
    assert abs(len(head) - len(tail)) <= 1
    assert fit_text("a\nb\udcff", 2) == r"a\nb\xff"
    assert fit_text("", 1) == ""


def test_numbers_have_no_exponent():
    numbers = (5e-5, 0.0001, 0.25, 3, 100_000, 1e7)
    shown = ["0.00005", "0.0001", "0.25", "3", "100000", "10000000"]
    assert [plain(number) for number in numbers] == shown
    shares = (0, 0.07, 0.9, 0.99995, 1)
    assert [percent(share) for share in shares] == ["0", "7", "90", "99.995", "100"]


def ticks(axis):
    axis.axes.figure.draw_without_rendering()
    low, high = axis.get_view_interval()
    places = [place for place in axis.get_majorticklocs() if low <= place <= high]
    return axis.get_major_formatter().format_ticks(places)


@pytest.mark.parametrize(
    ("losses", "shown"),
    [
        ((2, 0.02), ["0.02", "0.05", "0.1", "0.2", "0.5", "1", "2"]),
        ((2, 2e-5), ["0.0001", "0.001", "0.01", "0.1", "1"]),
        ((0.42, 0.36), ["0.36", "0.37", "0.38", "0.39", "0.4", "0.41", "0.42"]),
        ((0, 0), ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]),
    ],
)
def test_losses_of_any_range_have_ticks(losses, shown):
    axes = Figure().subplots()
    axes.plot([1, 2], losses)
    label_epochs(axes, "loss")
    assert ticks(axes.yaxis) == shown


def test_neither_pyplot_nor_tensorflow_is_imported():
    code = (
        "import sys, kerascnn.drawing; "
        "print([m for m in ('matplotlib.pyplot', 'tensorflow', 'keras', 'sklearn') "
        "if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"
