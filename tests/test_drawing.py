"""Drawing: files, and what is not imported."""

import subprocess
import sys

import matplotlib.image
import pytest
from matplotlib.figure import Figure

from kerascnn.drawing import save_figure
from kerascnn.errors import RunError


def test_figure_is_a_png_of_150_dots_an_inch(tmp_path):
    figure = Figure(figsize=(3, 2))
    path = save_figure(figure, tmp_path / "new" / "figure.png")
    assert path == tmp_path / "new" / "figure.png"
    assert matplotlib.image.imread(path).shape[:2] == (300, 450)
    assert [file.name for file in path.parent.iterdir()] == ["figure.png"]


def test_figure_that_cannot_be_written_leaves_nothing(tmp_path):
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(RunError, match=r"Cannot write .*taken/figure\.png"):
        save_figure(Figure(), tmp_path / "taken" / "figure.png")
    (tmp_path / "figure.png").mkdir()
    with pytest.raises(RunError, match=r"Cannot write .*figure\.png"):
        save_figure(Figure(), tmp_path / "figure.png")
    assert {file.name for file in tmp_path.iterdir()} == {"taken", "figure.png"}


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
