"""The report: whole, by itself, and the same in HTML and in Markdown."""

import json
import re
from html.parser import HTMLParser

import pytest

from kerascnn.comparison.report import write_report
from kerascnn.models import MODELS


def accuracy(run):
    return {"sgd": 0.98, "adagrad": 0.985}[run.config.optimizer]


def status(run):
    return "diverged" if run.name == "vgg16-sgd-seed-2" else "finished"


@pytest.fixture(scope="module")
def reported(made_once):
    """A report on all five networks, one run of which diverged."""
    made = made_once
    folder = made.make(models=tuple(MODELS), seeds=2, epochs=2)
    made.do_runs(folder, made.inside, status, accuracy)
    made.join(folder)
    results = write_report(folder, [folder])
    return folder, results


class Page(HTMLParser):
    """The tags of a page, its text, and what it refers to."""

    def __init__(self, text):
        super().__init__()
        self.open, self.references, self.alts, self.words = [], [], [], []
        self.rows, self.cells = [], 0
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        self.references += [given[n] for n in ("src", "href", "action") if n in given]
        if tag == "img":
            self.alts.append(given["alt"])
        if tag not in {"meta", "img", "br"}:
            self.open.append(tag)
        self.cells = 0 if tag == "tr" else self.cells + (tag in {"td", "th"})

    def handle_endtag(self, tag):
        assert self.open.pop() == tag
        if tag == "tr":
            self.rows.append(self.cells)
        if tag == "table":
            assert len(set(self.rows)) == 1, self.rows
            self.rows = []

    def handle_data(self, text):
        self.words.append(text)


@pytest.mark.slow
def test_html_is_one_file_that_needs_no_other(reported):
    folder, _ = reported
    text = (folder.path / "report.html").read_text()
    page = Page(text)
    assert page.open == []
    assert page.references
    assert {reference[:22] for reference in page.references} == {
        "data:image/png;base64,"
    }
    assert not re.search(r"url\(|@import|<script|<link", text)
    assert '<html lang="en">' in text
    assert "@media print" in text
    assert all(page.alts)
    assert len(text) < 6_000_000


@pytest.mark.slow
def test_html_says_it_all_and_escapes_names(reported):
    folder, results = reported
    text = " ".join(
        " ".join(Page((folder.path / "report.html").read_text()).words).split()
    )
    assert results.claims[0].sentence in text
    for model in MODELS.values():
        assert model.title in text
    assert "A <fast> one & more" in text
    assert "98.00%" in text
    assert "+0.50" in text
    assert "not decided" in text
    assert folder.protocol.digest() in text
    assert "kerascnn train lenet --momentum 0.9" in text
    assert "kerascnn compare --optimizer sgd --optimizer adagrad" in text
    for run in folder.planned():
        assert run.name in text


@pytest.mark.slow
def test_markdown_is_the_twin(reported):
    folder, results = reported
    html = " ".join(Page((folder.path / "report.html").read_text()).words)
    text = (folder.path / "report.md").read_text()
    assert results.claims[0].sentence in text
    heads = re.findall(r"^## (.*)$", text, re.M)
    assert heads == [
        *("What was asked", "Results", "Verdicts", "Protocol", "Figures"),
        *("Repeat it", "Every run"),
    ]
    assert [head for head in heads if head not in html] == []
    numbers = set(re.findall(r"[+-]?\d+\.\d+", text))
    assert numbers - set(re.findall(r"[+-]?\d+\.\d+", html)) == set()
    for link in re.findall(r"\]\((.*?)\)", text):
        assert (folder.path / link).is_file()


@pytest.mark.slow
def test_tables_of_the_markdown_are_regular(reported):
    folder, _ = reported
    text = (folder.path / "report.md").read_text()
    tables = re.findall(r"(?:^\|.*\|\n)+", text, re.M)
    assert len(tables) == 4
    for table in tables:
        lines = table.splitlines()
        assert {line.count("|") for line in lines} == {lines[0].count("|")}
    rows = [table.count("\n") - 2 for table in tables]
    assert rows == [10, 1 + 5, 5, len(folder.planned())]
    assert not re.search(r"\n\n\n", text)


@pytest.mark.slow
def test_the_ten_figures_of_the_report_and_more_are_there(reported):
    folder, _ = reported
    names = {
        *(f"{model}-{name}" for model in MODELS for name in ("sgd", "adagrad", "pair")),
        *("rates", "accuracy-seconds"),
    }
    for suffix, start in ((".png", b"\x89PNG"), (".svg", b"<?xml")):
        files = {path.stem: path for path in folder.figures_path.glob(f"*{suffix}")}
        assert set(files) == names
        for path in files.values():
            assert path.read_bytes().startswith(start)


@pytest.mark.slow
def test_results_are_written_as_returned(reported):
    folder, results = reported
    assert json.loads((folder.path / "results.json").read_text()) == results.to_dict()
    (vgg16,) = [row for row in results.networks if row.model == "vgg16"]
    assert vgg16.optimizers[0].diverged == 1


@pytest.mark.parametrize(("preset", "says"), [("quick", True), ("full", False)])
def test_rehearsal_is_said_in_the_report(made, preset, says):
    folder = made.make(preset=preset, seeds=2)
    made.do_runs(folder, made.inside)
    made.join(folder)
    write_report(folder, [folder])
    for name in ("report.html", "report.md"):
        assert ("A rehearsal" in (folder.path / name).read_text()) is says


def test_report_without_tuning_and_steps(made):
    folder = made.make(tune=False, trials=None, seeds=2)
    made.do_runs(folder, test=accuracy)
    made.join(folder)
    for path in folder.runs_path.glob("*/steps.csv"):
        path.unlink()
    write_report(folder, [folder])
    text = (folder.path / "report.md").read_text()
    assert "No tuning: the learning rates are the recipes'." in text
    assert "rates.png" not in text
