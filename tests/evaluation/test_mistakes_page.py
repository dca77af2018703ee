"""The page of mistakes opens offline, shows any name, and has an end."""

import base64
import io
import os
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote_to_bytes, urlsplit

import numpy as np
import pytest
from PIL import Image

from kerascnn.data import Split
from kerascnn.errors import RunError
from kerascnn.evaluation import mistakes_page
from kerascnn.evaluation.evaluate import Evaluation
from kerascnn.evaluation.figures import save_evaluation_figures
from kerascnn.evaluation.metrics import compute_metrics
from kerascnn.evaluation.mistakes_page import write_mistakes_page

HOSTILE = "<script>alert(1)</script>\"'&{{ 7*7 }}\u202e\n"
FILE = 'a/"><img src=x onerror=alert(1)>#?%41 \udcff\u202e.png'


class Tags(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.text, self.images, self.links = [], "", [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        if tag == "img":
            self.images.append(dict(attrs))
        if tag == "a":
            self.links.append(dict(attrs)["href"])

    def handle_data(self, data):
        self.text += data


@pytest.fixture
def evaluation():
    """Six of seven noisy pictures are mistaken, one more confidently than the next."""
    images = np.random.default_rng(0).integers(0, 256, (7, 8, 8, 3), dtype=np.uint8)
    names, labels = ("a", HOSTILE), np.array([0] * 6 + [1])
    wrong = np.linspace(0.9, 0.6, 7, dtype=np.float32)
    probabilities = np.stack([1 - wrong, wrong], axis=1)
    files = np.array([FILE, *(f"a/{number}.png" for number in range(6))], object)
    return Evaluation(
        source=Path("lenet-sgd-1"),
        dataset="/pictures/my pets",
        test=Split(images=images, labels=labels, class_names=names, files=files),
        probabilities=probabilities,
        metrics=compute_metrics(probabilities, labels, names),
    )


def page_of(evaluation, tmp_path):
    path = write_mistakes_page(evaluation, tmp_path / "mistakes.html")
    text = path.read_text("utf-8")
    parsed = Tags()
    parsed.feed(text)
    return text, parsed


def test_each_mistake_has_its_picture_and_its_file(evaluation, tmp_path):
    text, parsed = page_of(evaluation, tmp_path)
    assert not re.search(r"https?://|<link|@import|src=\"(?!data:)", text)
    assert len(parsed.images) == 6
    content = parsed.images[0]["src"].removeprefix("data:image/webp;base64,")
    with Image.open(io.BytesIO(base64.b64decode(content))) as image:
        np.testing.assert_array_equal(np.asarray(image), evaluation.test.images[0])
    assert parsed.links[1] == "file:///pictures/my%20pets/a/0.png"
    assert "another class for 6 of\n7 test pictures of /pictures/my pets" in parsed.text
    shares = re.findall(r"(\d+\.\d\d)%", parsed.text)
    assert shares == ["90.00", "85.00", "80.00", "75.00", "70.00", "65.00"]


def test_names_are_text_and_no_markup(evaluation, tmp_path):
    text, parsed = page_of(evaluation, tmp_path)
    assert "script" not in parsed.tags
    assert "onerror" not in {name for image in parsed.images for name in image}
    assert "{{ 7*7 }}" in parsed.text
    assert "\u202e" not in text
    address = urlsplit(parsed.links[0])
    assert (address.scheme, address.query, address.fragment) == ("file", "", "")
    assert unquote_to_bytes(address.path) == os.fsencode(f"/pictures/my pets/{FILE}")


def test_page_has_an_end(evaluation, tmp_path, monkeypatch):
    monkeypatch.setattr(mistakes_page, "MAX_SHOWN", 2)
    monkeypatch.setattr(mistakes_page, "MAX_SIDE", 4)
    _, parsed = page_of(evaluation, tmp_path)
    assert len(parsed.images) == 2
    assert "and the first 2 are shown" in parsed.text
    content = parsed.images[0]["src"].partition(",")[2]
    with Image.open(io.BytesIO(base64.b64decode(content))) as image:
        assert image.size == (4, 4)


def test_gray_images_of_no_files_of_their_own_have_no_link(evaluation, tmp_path):
    test = replace(evaluation.test, images=evaluation.test.images[..., :1])
    _, parsed = page_of(replace(evaluation, dataset="tfds:x", test=test), tmp_path)
    assert parsed.links == []
    assert "a/0.png" in parsed.text


def test_no_mistake_is_said(evaluation, tmp_path):
    right = np.eye(2, dtype=np.float32)[evaluation.test.labels]
    _, parsed = page_of(replace(evaluation, probabilities=right), tmp_path)
    assert parsed.images == []
    assert "another class for 0 of" in parsed.text
    assert "most confident" not in parsed.text


def test_page_is_written_beside_the_figures_of_files_alone(evaluation, tmp_path):
    paths = save_evaluation_figures(tmp_path / "named", evaluation)
    assert paths[-1] == tmp_path / "named" / "mistakes.html"
    nameless = replace(evaluation, test=replace(evaluation.test, files=None))
    paths = save_evaluation_figures(tmp_path / "nameless", nameless)
    assert {path.suffix for path in paths} == {".png"}
    assert not (tmp_path / "nameless" / "mistakes.html").exists()


def test_page_that_cannot_be_written_is_one_line(evaluation, tmp_path):
    (tmp_path / "figures").touch()
    with pytest.raises(RunError, match="Cannot write"):
        write_mistakes_page(evaluation, tmp_path / "figures" / "mistakes.html")
