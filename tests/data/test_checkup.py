"""A folder of pictures with all that can be wrong with one."""

import json
import os
import shutil

import pytest
from PIL import Image

from kerascnn.data.checkup import MAX_FILES, check_folder
from kerascnn.data.findings import KINDS
from kerascnn.data.folder import list_folder
from kerascnn.errors import DatasetError
from kerascnn.machine.reporter import Reporter


class Told(Reporter):
    def __init__(self):
        self.stages = []

    def stage(self, text):
        self.stages.append(text)


def save(root, image, *names):
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        image.save(path)


def check(root):
    return check_folder(str(root), None, Reporter())


def by_kind(checkup):
    return {finding.kind: finding for finding in checkup.findings}


def fill(root, photos, *folders):
    """Six pictures for each folder, no two alike."""
    for place, folder in enumerate(folders):
        for number, image in enumerate(photos[6 * place : 6 * place + 6]):
            save(root, image, f"{folder}/{number}.png")


def test_folder_in_order_has_no_findings(photos, tmp_path):
    fill(tmp_path, photos, "train/a", "train/b", "test/a", "test/b")
    checkup = check(tmp_path)
    # Without a validation part, six pictures a class are few to hold a tenth out of.
    assert [*by_kind(checkup)] == ["too_small_for_validation"]
    fill(tmp_path, photos[24:], "validation/a")
    shutil.copytree(tmp_path / "validation/a", tmp_path / "validation/b")
    for file in (tmp_path / "validation/b").iterdir():
        with Image.open(file) as image:
            image.transpose(Image.Transpose.ROTATE_90).save(file)
    checkup = check(tmp_path)
    assert checkup.findings == ()
    assert checkup.facts.pictures == 36
    assert (checkup.widths.least, checkup.widths.most) == (180, 240)
    assert checkup.modes == {"color": 36}


def test_copies_in_parts_come_first_then_those_in_classes(photos, tmp_path):
    fill(tmp_path, photos, "train/a", "train/b", "test/a", "test/b")
    shutil.copy(tmp_path / "train/a/0.png", tmp_path / "train/a/again.png")
    shutil.copy(tmp_path / "train/a/1.png", tmp_path / "train/b/wrong.png")
    photos[2].convert("L").save(tmp_path / "test/a/gray.png")
    shutil.copy(tmp_path / "train/a/3.png", tmp_path / "test/b/both.png")
    checkup = check(tmp_path)
    assert [group.files for group in checkup.facts.groups] == [
        ("train/a/3.png", "test/b/both.png"),
        ("train/a/2.png", "test/a/gray.png"),
        ("train/a/1.png", "train/b/wrong.png"),
        ("train/a/0.png", "train/a/again.png"),
    ]
    assert [group.exact for group in checkup.facts.groups] == [True, False, True, True]
    found = by_kind(checkup)
    assert [*found][:3] == ["across_parts", "across_classes", "duplicates"]
    assert [found[kind].number for kind in [*found][:3]] == [2, 2, 1]
    assert found["across_parts"].text.startswith(
        "2 pictures are in more than one part (1 with the same pixels, 1 nearly the "
        "same)."
    )
    assert found["across_parts"].examples == (
        "train/a/3.png = test/b/both.png",
        "train/a/2.png ~ test/a/gray.png",
    )


def test_a_fifth_of_broken_files_is_listed_and_left_out(photos, tmp_path):
    """Enough files that other processes read them."""
    for number in range(240):
        image = photos[number % 30].crop((number // 30, 0, 170, 200))
        save(tmp_path, image, f"{'ab'[number % 2]}/{number:03}.jpg")
        path = tmp_path / f"{'ab'[number % 2]}/{number:03}.jpg"
        if number % 5 == 0:
            content = path.read_bytes()
            path.write_bytes(content[: len(content) * number // 300])
    told = Told()
    checkup = check_folder(str(tmp_path), None, told)
    assert checkup.facts.pictures == 192
    finding = by_kind(checkup)["unreadable"]
    assert finding.number == 48
    files = [row.file for row in checkup.facts.unreadable]
    assert files == sorted(files)
    assert {int(name[2:5]) % 5 for name in files} == {0}
    assert all(row.reason for row in checkup.facts.unreadable)
    assert [row.train for row in checkup.facts.classes] == [96, 96]
    assert "checking 240 of 240 pictures" in told.stages


def test_one_broken_file_is_one(photos, tmp_path):
    fill(tmp_path, photos, "a", "b")
    (tmp_path / "a" / "broken.png").write_text("no picture")
    finding = by_kind(check(tmp_path))["unreadable"]
    assert finding.text == "1 file cannot be read, and is left out of a training."


def test_class_without_a_picture_that_can_be_read(photos, tmp_path):
    fill(tmp_path, photos, "a", "b")
    (tmp_path / "empty").mkdir()
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken/1.png").write_bytes(b"\x89PNG")
    finding = by_kind(check(tmp_path))["no_training"]
    assert finding.number == 2
    assert [text.partition(" ")[0] for text in finding.examples] == ["broken", "empty"]


def test_folder_of_nothing_that_can_be_read(tmp_path):
    for name in "ab":
        (tmp_path / name).mkdir()
        (tmp_path / name / "1.png").write_text("")
    checkup = check(tmp_path)
    assert checkup.facts.pictures == 0
    assert checkup.widths is checkup.heights is checkup.aspect_ratios is None
    assert [*by_kind(checkup)] == ["no_training", "unreadable"]
    json.dumps(checkup.to_dict(), allow_nan=False)


def test_classes_that_parts_lack(photos, tmp_path):
    folders = ("train/a", "train/b", "validation/a", "test/b", "test/other")
    fill(tmp_path, photos, *folders)
    checkup = check(tmp_path)
    found = by_kind(checkup)
    assert {kind: row.examples[0].partition(" ")[0] for kind, row in found.items()} == {
        "no_training": "other",
        "not_in_test": "a",
        "not_in_validation": "b",
    }
    assert found["not_in_test"].examples == (
        "a (6 in train, 6 in validation, 0 in test)",
    )
    counts = [(r.name, r.train, r.validation, r.test) for r in checkup.facts.classes]
    assert counts == [("a", 6, 6, 0), ("b", 6, 0, 6), ("other", 0, 0, 6)]


def test_classes_too_small_to_hold_out_and_imbalance(photos, tmp_path):
    for number, image in enumerate(photos[:24]):
        save(tmp_path, image, f"{'many' if number < 20 else 'few'}/{number}.png")
    found = by_kind(check(tmp_path))
    assert [*found] == [
        *("too_small_for_test", "too_small_for_validation", "imbalance"),
    ]
    assert found["too_small_for_test"].text == (
        "1 class has fewer than 5 pictures: 20.00% held out as the test part are less "
        "than one."
    )
    assert found["too_small_for_test"].examples == ("few (4)",)
    assert "many, has 5.0 times as many" in found["imbalance"].text


def test_files_of_other_kinds_links_that_loop_and_any_name(photos, tmp_path):
    fill(tmp_path, photos, "a", "b\u202e<b>")
    (tmp_path / "a/notes.txt").write_text("x")
    (tmp_path / "a/loop").symlink_to(tmp_path)
    (tmp_path / "a/self.png").symlink_to(tmp_path / "a/self.png")
    os.mkfifo(tmp_path / "a/pipe.png")
    photos[20].save(os.fsencode(tmp_path) + b"/a/\xff\n.png", "PNG")
    checkup = check(tmp_path)
    assert checkup.facts.pictures == 13
    found = by_kind(checkup)
    assert found["ignored"].number == 1
    reasons = {row.file: row.reason for row in checkup.facts.unreadable}
    assert [*reasons] == ["a/pipe.png", "a/self.png"]
    assert reasons["a/pipe.png"].startswith("it is a pipe")


def test_json_is_bounded_and_has_the_numbers(photos, tmp_path):
    for number in range(MAX_FILES + 20):
        save(tmp_path, Image.new("L", (9, 9), 40), f"a/{number}.png")
    fill(tmp_path, photos, "b")
    document = json.loads(json.dumps(check(tmp_path).to_dict()))
    (group,) = document["duplicates"]["listed"]
    assert document["duplicates"]["groups"] == 1
    assert group["number"] == MAX_FILES + 20
    assert len(group["files"]) == MAX_FILES
    assert document["blank"]["files"] == MAX_FILES + 20
    assert document["classes"][1] == {
        **{"name": "b", "train": 6, "validation": 0, "test": 0},
    }
    assert {finding["kind"] for finding in document["findings"]} <= {*KINDS}


@pytest.mark.parametrize("name", ["", "gone", "file"])
def test_what_is_no_such_folder_is_refused(name, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DatasetError):
        check(tmp_path / name)
    with pytest.raises(DatasetError):
        list_folder(str(tmp_path / name))
