"""`kerascnn datasets`: what there is, and whether it must be downloaded."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from kerascnn.cli import main
from kerascnn.commands.datasets import datasets
from kerascnn.data import DATASETS


def test_people_see_what_is_packaged():
    result = CliRunner().invoke(datasets)
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert max(map(len, lines)) <= 100
    lines = [line.split() for line in lines if not line.startswith(" ")]
    assert [line[0] for line in lines] == ["dataset", *DATASETS]
    assert lines[1][1:6] == ["28x28x1", "10", "60,000", "10,000", "packaged"]
    assert [line[5] for line in lines[2:]] == ["download"] * (len(DATASETS) - 1)


def test_programs_get_all_of_a_row():
    result = CliRunner().invoke(datasets, ["--json"])
    rows = {row["name"]: row for row in json.loads(result.stdout)}
    assert list(rows) == list(DATASETS)
    assert rows["cifar10"]["image_shape"] == [32, 32, 3]
    assert rows["cifar10"]["class_names"][-1] == "truck"
    assert rows["mnist"]["num_train"] == 60_000
    assert rows["mnist"]["packaged"] is True
    assert rows["kmnist"]["tfds_name"] == "kmnist:3.0.1"
    assert all(row["num_classes"] == len(row["class_names"]) for row in rows.values())


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Two classes of noise; one picture is in both."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    for name in ("cat", "dog"):
        Path("photos", name).mkdir(parents=True)
        for number in range(12):
            pixels = rng.integers(0, 256, (40, 40, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(f"photos/{name}/{number}.png")
    shutil.copy("photos/cat/3.png", "photos/dog/wrong\x1b.png")
    return "photos"


def check(*arguments):
    return CliRunner().invoke(main, ["datasets", "check", *arguments])


def test_check_says_what_is_wrong_and_where_the_report_is(folder):
    result = check(folder)
    assert result.exit_code == 0, result.stderr
    lines = result.stdout.splitlines()
    assert lines[0] == "photos: 25 pictures of 2 classes"
    assert lines[2].startswith("1 picture is of more than one class (1 with the same")
    assert lines[3] == r"  cat/3.png = dog/wrong\x1b.png"
    assert lines[-1] == "Report: photos-check.html"
    assert "<!DOCTYPE html>" in Path("photos-check.html").read_text()
    assert [line.split() for line in lines if line.startswith(("cat", "dog"))] == [
        ["cat", "12"],
        ["dog", "13"],
    ]


def test_check_gives_programs_all(folder):
    result = check(folder, "--json", "--out", "some/report.html")
    document = json.loads(result.stdout)
    assert document["findings"][0]["kind"] == "across_classes"
    assert document["duplicates"]["listed"][0]["files"] == [
        *("cat/3.png", "dog/wrong\x1b.png"),
    ]
    assert document["widths"] == {"least": 40, "median": 40, "most": 40}
    assert result.stderr == "Report: some/report.html\n"
    assert Path("some/report.html").is_file()


def test_check_writes_no_report_when_none_is_wanted(folder):
    result = check(folder, "--no-report")
    assert "Report" not in result.output
    assert [path.name for path in Path().iterdir()] == ["photos"]


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["gone"], 1, "There is no folder gone"),
        (["photos/cat"], 1, "The pictures in photos/cat are in no folder of a class"),
        (["photos/cat/3.png"], 1, "photos/cat/3.png is a file"),
        (["photos", "--out", "page.png"], 2, "has to end in one of .html, .htm"),
        (["photos", "--out", "photos/cat/3.png/a.html"], 1, "Cannot write"),
        (["photos", "--out", "a.html", "--no-report"], 2, "either --out or"),
        ([], 2, "FOLDER"),
        (["a\0b"], 1, "Cannot look into the folder"),
    ],
)
def test_misuse_of_check_is_one_line(arguments, code, words, folder):
    result = check(*arguments)
    assert result.exit_code == code
    assert words in result.stderr
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    assert [path.name for path in Path().iterdir()] == ["photos"]


def test_options_of_check_stand_behind_it():
    result = CliRunner().invoke(main, ["datasets", "--json", "check", "photos"])
    assert result.exit_code == 2
    assert "Put the options of check behind it" in result.stderr


def test_list_on_a_terminal_has_an_end(folder):
    for number in range(30):
        Path(f"photos/c{number:02}").mkdir()
    lines = check(folder, "--no-report").stdout.splitlines()
    assert "and 12 more" in lines
