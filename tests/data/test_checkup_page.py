"""The page of a checkup: it opens offline, shows any name, and has an end."""

import re
from html.parser import HTMLParser

import pytest

from kerascnn.data import checkup_page
from kerascnn.data.checkup import check_folder
from kerascnn.errors import RunError
from kerascnn.machine.reporter import Reporter

HOSTILE = "<script>alert(1)</script>\"'&{{ 7*7 }}\u202e"


class Tags(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.text, self.images = [], "", []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        if tag == "img":
            self.images.append(dict(attrs))

    def handle_data(self, data):
        self.text += data


def page_of(folder, tmp_path):
    path = tmp_path / "out" / "page.html"
    check_folder(str(folder), path, Reporter())
    text = path.read_text("utf-8")
    parsed = Tags()
    parsed.feed(text)
    return text, parsed


@pytest.fixture
def folder(photos, tmp_path):
    root = tmp_path / "pictures"
    for place, name in enumerate(("a", HOSTILE.replace("/", "|"))):
        (root / name).mkdir(parents=True)
        for number, image in enumerate(photos[15 * place : 15 * place + 15]):
            image.save(root / name / f"{number}.png")
    return root


def test_page_opens_offline_and_shows_each_class(folder, tmp_path):
    text, parsed = page_of(folder, tmp_path)
    assert not re.search(r"https?://|<link|@import|src=\"(?!data:)", text)
    assert len(parsed.images) == 30
    shown = {image["title"] for image in parsed.images}
    assert "a/0.png" in shown
    assert parsed.tags.count("details") == 2
    assert {image["loading"] for image in parsed.images} == {"lazy"}


def test_names_are_text_and_no_markup(folder, photos, tmp_path):
    hostile = folder / HOSTILE.replace("/", "|")
    photos[0].save(hostile / '"><img src=x onerror=alert(1)>\x1b[2J.png')
    (hostile / "<script>.png").write_text("<script>")
    text, parsed = page_of(folder, tmp_path)
    assert "script" not in parsed.tags
    assert all(image["src"].startswith("data:") for image in parsed.images)
    assert "onerror" not in {name for image in parsed.images for name in image}
    assert "{{ 7*7 }}" in parsed.text
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "The same pixels, in 2 classes" in parsed.text


def test_page_has_an_end(photos, tmp_path, monkeypatch):
    """What is left out is told."""
    monkeypatch.setattr(checkup_page, "MAX_OF_CLASSES", 20)
    monkeypatch.setattr(checkup_page, "MAX_CLASSES", 10)
    monkeypatch.setattr(checkup_page, "MAX_LINES", 12)
    monkeypatch.setattr(checkup_page, "MAX_GROUPS", 3)
    root = tmp_path / "pictures"
    for number in range(15):
        (root / f"{number:02}").mkdir(parents=True)
        for copy in range(8):
            image = photos[number].resize((40, 40))
            image.save(root / f"{number:02}" / f"{copy}.png")
    _, parsed = page_of(root, tmp_path)
    assert len(parsed.images) == 10 * 2 + 3 * 6
    assert parsed.text.count("and 2 more") == 3
    assert "The first 3 of 15" in parsed.text
    assert "and 3 more" in parsed.text
    assert "5 more classes are left\nout" in parsed.text


def test_pictures_of_a_class_are_evenly_spaced(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(checkup_page, "MAX_OF_CLASS", 5)
    _, parsed = page_of(folder, tmp_path)
    names = sorted(f"{number}.png" for number in range(15))
    shown = [image["title"].rpartition("/")[2] for image in parsed.images]
    assert shown == 2 * names[::3]


def test_page_of_nothing_that_can_be_read(tmp_path):
    for name in "ab":
        (tmp_path / name).mkdir()
        (tmp_path / name / "1.png").write_text("")
    _, parsed = page_of(tmp_path, tmp_path)
    assert "Files that cannot be read" in parsed.text
    assert parsed.images == []


def test_page_that_cannot_be_written_is_one_line(folder, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="Cannot write"):
        check_folder(str(folder), tmp_path / "file" / "page.html", Reporter())


def test_a_picture_that_goes_meanwhile_is_left_out(folder, tmp_path, monkeypatch):
    draw = checkup_page._draw

    def remove_first(path, names, told):
        (folder / "a" / "0.png").unlink()
        return draw(path, names, told)

    monkeypatch.setattr(checkup_page, "_draw", remove_first)
    _, parsed = page_of(folder, tmp_path)
    assert len(parsed.images) == 29
