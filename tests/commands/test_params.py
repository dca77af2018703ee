"""Kinds of values on the command line."""

import os
from pathlib import Path

import click
import pytest
from matplotlib.figure import Figure

from kerascnn.commands.params import (
    FIGURE_SUFFIXES,
    FigureFile,
    Folder,
    Name,
    NameValue,
    Number,
    OutputFile,
)
from kerascnn.drawing import save_figure
from kerascnn.errors import RunError
from kerascnn.machine.ranges import Range, whole


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


@pytest.mark.parametrize("path", ["a\0.png", "folder.png"])
def test_what_is_no_file_is_refused(tmp_path, monkeypatch, path):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder.png").mkdir()
    with pytest.raises((click.BadParameter, RunError)):
        FigureFile().convert(path, None, None)


def test_file_of_any_suffix_is_written_and_dash_is_standard_output(
    tmp_path, monkeypatch
):
    kind = OutputFile(allow_dash=True)
    assert kind.convert(str(tmp_path / "rows"), None, None) == tmp_path / "rows"
    assert kind.convert("-", None, None) == Path("-")
    assert not (tmp_path / "rows").exists()
    monkeypatch.chdir(tmp_path)
    for name in ("", ".", "a\0", str(tmp_path), "/dev/null"):
        with pytest.raises(click.BadParameter, match=r"is no|is a directory"):
            kind.convert(name, None, None)
    assert OutputFile().convert("-", None, None) == Path("-")


def test_device_in_the_place_of_a_figure_is_refused(tmp_path):
    path = tmp_path / "figure.png"
    path.symlink_to("/dev/full")
    with pytest.raises(click.BadParameter, match="is no file"):
        FigureFile().convert(str(path), None, None)


@pytest.mark.parametrize(
    "name", ["file", "link", "pipe", "/dev/full", "", "  ", "a\0b"]
)
def test_what_is_no_folder_is_refused(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("")
    (tmp_path / "link").symlink_to("nowhere")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(click.BadParameter, match=r"is no (name of a )?folder"):
        Folder().convert(name, None, None)


def test_folder_may_be_there_or_not(tmp_path):
    for path in (tmp_path, tmp_path / "new" / "one"):
        assert Folder().convert(str(path), None, None) == path


@pytest.mark.parametrize("text", ["nan", "inf", "-inf", "1e400", "0", "", "x", "-1"])
def test_number_beyond_its_range_is_refused(text):
    with pytest.raises(click.BadParameter, match=r"a number in \(0, 9\]"):
        Number(Range(0, 9, open_low=True)).convert(text, None, None)


@pytest.mark.parametrize("text", ["0", "1.5", "1e3", "", "9" * 5000, "1" + "0" * 400])
def test_whole_number_beyond_its_range_is_refused_in_a_short_line(text):
    with pytest.raises(click.BadParameter, match="whole number from 1 to 9") as caught:
        Number(whole(1, 9)).convert(text, None, None)
    assert len(str(caught.value)) < 200


def test_number_of_its_range_is_taken():
    assert Number(whole(1, 9)).convert("9", None, None) == 9
    assert Number(Range(0, 1)).convert("5e-1", None, None) == 0.5


@pytest.mark.parametrize(
    "value",
    [
        *("alpha", "alpha=", "alpha=x", "alpha=[1]", 'alpha="1"', "alpha={}", ""),
        *("alpha=nan", "alpha=Infinity", "alpha=1e999", "alpha=" + "[" * 10**5),
        "alpha=" + "9" * 5000,
    ],
    ids=lambda value: value[:20],
)
def test_option_without_a_plain_value_is_refused_in_a_short_line(value):
    with pytest.raises(click.BadParameter, match="is not NAME=VALUE") as caught:
        NameValue("alpha=0.5").convert(value, None, None)
    assert len(str(caught.value)) < 250


def test_option_has_its_name_and_a_plain_value():
    kind = NameValue("alpha=0.5")
    for text, pair in {
        "alpha=0.5": ("alpha", 0.5),
        "weight-decay = null": ("weight_decay", None),
        "nesterov=True": ("nesterov", True),
        "ns_steps=5": ("ns_steps", 5),
    }.items():
        assert kind.convert(text, None, None) == pair


def test_name_is_that_of_the_table():
    kind = Name("model", ["lenet", "resnet18"])
    assert kind.convert("ResNet-18", None, None) == "resnet18"
    with pytest.raises(click.BadParameter, match="Did you mean 'lenet'"):
        kind.convert("lennet", None, None)
