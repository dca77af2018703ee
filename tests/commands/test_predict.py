"""`kerascnn predict` on real pictures with a real model."""

import csv
import json
import os
import shutil
import sys
import warnings
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from kerascnn.commands.predict import predict
from kerascnn.errors import ModelFileError, PictureError, RunError
from kerascnn.runs.folder import Run


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


@pytest.fixture
def calibrated(lenet_run, tmp_path):
    """That run with a temperature, as a training with images held out has one."""
    run = Run(shutil.copytree(lenet_run.path, tmp_path / "runs" / "lenet-sgd-1"))
    metrics = replace(run.metrics, temperature=4.0)
    run.write_json("metrics.json", metrics.to_dict())
    return run


@pytest.fixture
def noise(tmp_path):
    """A picture of nothing, which no class gets much of."""
    path = tmp_path / "noise.png"
    pixels = np.random.default_rng(0).integers(0, 256, (28, 28), dtype=np.uint8)
    Image.fromarray(pixels).save(path)
    return path


def test_less_sure_than_asked_for_is_not_sure(calibrated, digit, noise):
    """By the calibrated probability, where the raw one would be enough."""
    arguments = (digit, noise, "--model", calibrated.path)
    documents = json.loads(invoke(*arguments, "--json").stdout)
    raw, cool = (
        [document[name] for document in documents]
        for name in ("probability", "calibrated_probability")
    )
    assert all(less < more for less, more in zip(cool, raw, strict=True))
    assert [document["rejected"] for document in documents] == [False, False]
    plain = invoke(*arguments).stdout.splitlines()
    assert not any("calibrated" in line for line in plain)

    between = (cool[0] + raw[0]) / 2
    result = invoke(*arguments, "--reject-below", between)
    assert result.stderr == ""
    for line, before, less in zip(result.stdout.splitlines(), plain, cool, strict=True):
        name, _, answers = before.partition(": ")
        answers = answers.removesuffix("  (dark on light, inverted)")
        assert line.startswith(f"{name}: not sure: {answers}  (")
        assert line.endswith(f"calibrated {less:.1%})")
    result = invoke(*arguments, "--reject-below", between, "--json")
    documents = json.loads(result.stdout)
    assert [document["rejected"] for document in documents] == [True, True]
    assert documents[0]["label"] == "7"
    [line, _] = invoke(*arguments, "--reject-below", cool[0]).stdout.splitlines()
    assert "not sure" not in line


def test_model_without_a_temperature_says_what_it_is_measured_by(exported, digit):
    model = exported / "model.tflite"
    result = invoke(digit, "--model", model, "--reject-below", 1)
    assert result.stderr == (
        f"No temperature of {model} is known: --reject-below takes raw probabilities.\n"
    )
    assert result.stdout.startswith(f"{digit}: not sure: 7 ")
    assert "calibrated" not in result.stdout
    assert "not sure" not in invoke(digit, "--model", model).stdout


@pytest.mark.parametrize("wrong", ["-0.1", "1.1", "90%", "nan"])
def test_threshold_that_is_no_probability_is_refused(digit, wrong):
    result = invoke(digit, "--reject-below", wrong)
    assert result.exit_code == 2
    assert "0, 1]" in " ".join(result.stderr.split())


def test_table_has_a_row_for_each_picture(calibrated, digit, noise, tmp_path):
    (tmp_path / "a, b.png").write_text("no picture")
    table = tmp_path / "tables" / "rows.csv"
    pictures = (digit, tmp_path / "a, b.png", noise)
    arguments = (*pictures, "--model", calibrated.path, "--reject-below", 0.5)
    result = invoke(*arguments, "--csv", table)
    assert str(result.exception) == "1 of 3 files could not be read."
    assert len(result.stdout.splitlines()) == 2
    with table.open(newline="") as file:
        rows = list(csv.DictReader(file))
    documents = json.loads(invoke(*arguments, "--json").stdout)
    assert [row["file"] for row in rows] == [str(path) for path in pictures]
    for row, document in zip(rows, documents, strict=True):
        for name, value in row.items():
            given = document.get(name)
            if isinstance(given, float):
                assert float(value) == given
            else:
                assert value == {None: "", True: "true", False: "false"}.get(
                    given, given
                )
    assert rows[1]["error"].startswith("Cannot read ")
    assert rows[2]["rejected"] == "true"
    assert list(rows[0]) == [
        *("file", "label", "probability", "calibrated_probability", "rejected"),
        "error",
    ]
    assert os.listdir(table.parent) == ["rows.csv"]
    on_output = invoke(*arguments, "--csv", "-")
    assert on_output.stdout == table.read_text()


def test_table_of_odd_names_can_be_read(exported, digit, tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()
    for name in ODD_NAMES:
        (folder / name).write_bytes(digit.read_bytes())
    table = tmp_path / "rows.csv"
    result = invoke(folder, "--model", exported / "model.tflite", "--csv", table)
    assert result.exit_code == 0, result.output
    with table.open(newline="", encoding="utf-8") as file:
        names = [row["file"] for row in csv.DictReader(file)]
    expected = [
        f"{folder}/{name}".encode("utf-8", "backslashreplace").decode()
        for name in sorted(ODD_NAMES)
    ]
    assert sorted(names) == sorted(expected)


def test_table_is_whole_or_as_it_was(digit, tmp_path, calibrated):
    """The model gives something else than its data need: nothing is written."""
    table = tmp_path / "rows.csv"
    table.write_text("before")
    (calibrated.path / "model.keras").write_bytes(b"no model")
    result = invoke(digit, "--model", calibrated.path, "--csv", table)
    assert isinstance(result.exception, ModelFileError)
    assert table.read_text() == "before"
    assert not list(tmp_path.glob(".part*"))
    assert result.stdout == ""


def test_explanation_is_on_the_sheet_and_in_json(calibrated, digit, tmp_path):
    sheet = tmp_path / "sheet.svg"
    arguments = (digit, "--model", calibrated.path, "--explain", "--json")
    result = invoke(*arguments, "--figure", sheet)
    assert result.exit_code == 0, result.output
    [document] = json.loads(result.stdout)
    explanation = document["explanation"]
    assert explanation["layer"] == "block2_conv"
    assert explanation["box"] == [0.143, 0.143, 0.857, 0.857]
    assert np.shape(explanation["heat"]) == (10, 10)
    assert (np.min(explanation["heat"]), np.max(explanation["heat"])) == (0, 1)
    assert sheet.read_text().count("Grad-CAM") == 1
    file = invoke(*(digit, "--model", calibrated.model_path, "--explain", "--json"))
    assert json.loads(file.stdout) == [document]


def test_explanation_for_nobody_and_of_other_formats_is_refused(exported, digit):
    result = invoke(digit, "--model", exported / "model.tflite", "--explain")
    assert result.exit_code == 2
    assert "Give --figure FILE or --json." in " ".join(result.stderr.split())
    arguments = ("--model", exported / "model.tflite", "--explain", "--json")
    result = invoke(digit, *arguments)
    assert isinstance(result.exception, ModelFileError)
    assert str(result.exception) == (
        f"Only models of Keras can be explained, but {exported / 'model.tflite'} is a "
        "TFLite model. Give the run that it was exported from, or a .keras file."
    )
    assert result.stdout == ""


def test_two_kinds_of_output_are_refused(digit):
    result = invoke(digit, "--json", "--csv", "-")
    assert result.exit_code == 2
    assert "both write standard output" in " ".join(result.stderr.split())


@pytest.mark.parametrize("option", ["--figure", "--csv"])
@pytest.mark.parametrize("given", ["seven.png", ".", "link.png"])
def test_no_picture_is_written_over(calibrated, digit, option, given):
    content = digit.read_bytes()
    (digit.parent / "link.png").symlink_to(digit)
    result = invoke(digit.parent / given, "--model", calibrated.path, option, digit)
    assert result.exit_code == 2, result.output
    assert f"{option} {digit} would be written over a picture" in result.stderr
    assert result.stdout == ""
    assert digit.read_bytes() == content


@pytest.mark.slow
def test_sheet_of_many_says_how_many(exported, digit, tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()
    for number in range(70):
        (folder / f"{number}.png").write_bytes(digit.read_bytes())
    sheet = tmp_path / "sheet.svg"
    arguments = (folder, "--model", exported / "model.tflite")
    result = invoke(*arguments, "--figure", sheet)
    assert result.exit_code == 0, result.output
    assert "70 pictures, the first 60" in sheet.read_text()


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
