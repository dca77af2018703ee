"""`kerascnn predict` on real pictures with a real model."""

import json
import os
import sys
import warnings

import pytest
from click.testing import CliRunner
from PIL import Image

from kerascnn.commands.predict import predict
from kerascnn.errors import ModelFileError, PictureError, RunError


@pytest.fixture
def digit(splits, tmp_path):
    """The first test image, a seven, as a PNG file."""
    path = tmp_path / "seven.png"
    Image.fromarray(splits[1].images[0, :, :, 0]).save(path)
    return path


def invoke(*arguments, **options):
    return CliRunner().invoke(predict, [str(value) for value in arguments], **options)


def test_picture_is_told_with_its_likeliest_classes(exported, digit):
    result = invoke(digit, "--model", exported / "model.tflite", "--top", 2)
    assert result.exit_code == 0, result.output
    name, _, answers = result.stdout.strip().rpartition(": ")
    assert name == str(digit)
    first, second = answers.split(", ")
    assert first.startswith("7 ")
    assert first.endswith("%")
    assert second[1] == " "


def test_newest_run_is_named_where_no_model_is(lenet_run, digit):
    result = invoke(digit, "--out", lenet_run.path.parent)
    assert result.exit_code == 0, result.output
    assert result.stderr == f"Model: {lenet_run.path}, the newest run\n"
    named = invoke(digit, "--model", lenet_run.path)
    assert named.stderr == ""
    assert named.stdout == result.stdout


def test_standard_input_json_and_inversion(exported, digit, splits):
    content = digit.read_bytes()
    model = exported / "model.tflite"
    result = invoke("-", "--model", model, "--json", input=content)
    [document] = json.loads(result.stdout)
    assert document["file"] == "-"
    assert document["label"] == "7"
    assert document["inverted"] is False
    Image.fromarray(255 - splits[1].images[0, :, :, 0]).save(digit)
    result = invoke(digit, "--model", model)
    assert result.stdout.rstrip().endswith("(dark on light, inverted)")
    result = invoke(digit, "--model", model, "--no-invert", "--json")
    assert json.loads(result.stdout)[0]["inverted"] is False


def test_sheet_is_written_and_a_bad_file_does_not_stop_the_others(
    exported, digit, tmp_path
):
    (tmp_path / "text.png").write_text("no picture")
    sheet = tmp_path / "sheets" / "sheet.png"
    result = invoke(
        *(tmp_path / "text.png", digit, "--model", exported / "model.tflite"),
        *("--figure", sheet),
    )
    assert isinstance(result.exception, PictureError)
    assert str(result.exception) == "1 of 2 files could not be read."
    assert result.stderr == (
        f"Cannot read {tmp_path / 'text.png'}: it is not a picture in the format PNG, "
        "JPEG, WebP, GIF, BMP, TIFF or PPM. Save it in one of these.\n"
    )
    assert result.stdout.startswith(f"{digit}: 7 ")
    assert sheet.read_bytes().startswith(b"\x89PNG")


def test_bad_model_is_one_line(digit, tmp_path):
    result = invoke(digit, "--model", tmp_path / "no.tflite")
    assert isinstance(result.exception, ModelFileError)
    assert "There is no model file" in str(result.exception)
    result = invoke()
    assert result.exit_code == 2
    assert "Missing argument 'IMAGE...'" in result.stderr


ODD_NAMES = [
    "a\nb.png",
    "\x1b[2J\r.png",
    "$x$ $\\frac{1$.png",
    "\u202egnp.png",
    "七.png",
    os.fsdecode(b"\xff\xfe.png"),
    "x" * 250 + ".png",
]


def test_odd_names_are_printed_on_one_line_and_drawn(exported, digit, tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()
    for name in ODD_NAMES:
        (folder / name).write_bytes(digit.read_bytes())
    os.mkfifo(folder / "pipe\n.png")
    arguments = (folder, "--model", exported / "model.tflite")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = invoke(*arguments, "--figure", tmp_path / "sheet.png")
    assert isinstance(result.exception, PictureError)
    assert result.stderr.startswith(f"Cannot read {folder}/pipe\\n.png: it is a pipe")
    assert result.stderr.count("\n") == 1
    lines = result.stdout.splitlines()
    assert len(lines) == len(ODD_NAMES)
    assert all(": 7 " in line and line.isprintable() for line in lines)
    assert {f"{folder}/a\\nb.png", f"{folder}/\\xff\\xfe.png"} <= {
        line.partition(":")[0] for line in lines
    }
    documents = json.loads(invoke(*arguments, "--json").stdout)
    files = [document["file"] for document in documents]
    assert sorted(files) == sorted(str(path) for path in folder.iterdir())


def test_figure_that_cannot_be_written_is_told_before_anything_is_read(
    digit, tmp_path, monkeypatch
):
    result = invoke("no.png", "--model", "no.tflite", "--figure", tmp_path / "a.doc")
    assert result.exit_code == 2
    assert "has to end in one of .png, .svg, .pdf." in " ".join(result.stderr.split())
    for figure in (digit / "a.png", tmp_path / ("a" * 300 + ".png")):
        result = invoke("no.png", "--model", "no.tflite", "--figure", figure)
        assert isinstance(result.exception, RunError)
        assert str(result.exception).startswith(f"Cannot write {figure}: ")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["seven.png"]


def test_standard_input_that_is_closed_or_endless_is_one_line(
    exported, monkeypatch, tmp_path
):
    arguments = ["-", "--model", str(exported / "model.tflite")]
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(PictureError, match="standard input: it is closed"):
        predict.main(arguments, standalone_mode=False)
    with open("/dev/zero") as endless:
        monkeypatch.setattr(sys, "stdin", endless)
        monkeypatch.setattr("kerascnn.data.pictures.MAX_BYTES", 10**6)
        with pytest.raises(PictureError, match="1 of 1 files could not be read"):
            predict.main(arguments, standalone_mode=False)
