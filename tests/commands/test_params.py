"""Kinds of values on the command line."""

import click
import pytest
from matplotlib.figure import Figure

from kerascnn.commands.params import FIGURE_SUFFIXES, FigureFile
from kerascnn.drawing import save_figure


@pytest.mark.parametrize("suffix", [*FIGURE_SUFFIXES, ".PNG"])
def test_every_format_of_figures_is_drawn(tmp_path, suffix):
    path = FigureFile().convert(str(tmp_path / f"a{suffix}"), None, None)
    assert path == tmp_path / f"a{suffix}"
    assert not path.exists()
    assert save_figure(Figure(), path).stat().st_size > 100


@pytest.mark.parametrize("name", ["a.doc", "a", ".png", "png", "a.png.", ""])
def test_other_formats_are_refused(tmp_path, name):
    with pytest.raises(click.BadParameter, match="has to end in one of"):
        FigureFile().convert(str(tmp_path / name) if name else "", None, None)
