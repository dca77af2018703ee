"""The report: whole, by itself, and the same in HTML and in Markdown."""

import json
import re
import shutil
from html.parser import HTMLParser

import pytest

from kerascnn.comparison import report
from kerascnn.comparison.report import write_report
from kerascnn.comparison.run import is_reported, report_comparison
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
        self.rows, self.cells, self.columns = [], 0, []
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
        if self.open[-1:] == ["th"] and "thead" in self.open:
            self.columns.append(text)


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
        *("Results", "Verdicts", "Protocol", "Figures", "Repeat it", "Every run")
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
        *("forest", "rates", "accuracy-seconds"),
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
def test_rehearsal_is_said_in_the_report(made, undrawn, preset, says):
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


@pytest.fixture
def undrawn(monkeypatch):
    """Figures are made, and not rendered, which takes long."""
    monkeypatch.setattr(report, "save_figure", write_nothing)


def write_nothing(figure, path):
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"")


def report_on_lenet(made, status=lambda run: "finished", test=accuracy):
    folder = made.make(seeds=2)
    made.do_runs(folder, made.inside, status, test)
    made.join(folder)
    write_report(folder, [folder])
    return folder


def test_columns_that_are_zero_everywhere_are_left_out(made, undrawn):
    folder = report_on_lenet(made)
    page = Page((folder.path / "report.html").read_text())
    assert page.columns[:2] == ["network", "optimizer"]
    assert {"diverged", "failed", "dropped"}.isdisjoint(page.columns)
    second = page.columns.index("network", 1)
    assert page.columns[second : second + 2] == ["network", "verdict"]
    text = (folder.path / "report.md").read_text()
    assert "| diverged |" not in text
    assert "| network | verdict | difference, 95% interval |" in text


def test_lost_runs_are_told_wherever_one_was(made, undrawn):
    def status(run):
        return "diverged" if run.name == "lenet-sgd-seed-2" else "finished"

    folder = report_on_lenet(made, status)
    page = Page((folder.path / "report.html").read_text())
    assert "diverged" in page.columns
    assert "dropped" in page.columns
    assert "failed" not in page.columns
    text = (folder.path / "report.md").read_text()
    assert "1 of 2 runs above 90%: the lowest has 98.00% of the test images." in text


@pytest.mark.parametrize(
    ("adagrad", "says"),
    [
        (0.95, "2 runs, all above 90%: the lowest has 95.00% of the test images."),
        (0.9, "0 of 2 runs above 90%: the lowest has 90.00% of the test images."),
    ],
)
def test_figures_say_whether_runs_pass_what_the_lab_report_says(
    made, undrawn, adagrad, says
):
    rows = {"sgd": 0.98, "adagrad": adagrad}
    folder = report_on_lenet(made, test=lambda run: rows[run.config.optimizer])
    text = (folder.path / "report.html").read_text()
    assert (
        f"LeNet-5 with adagrad: loss and accuracy over epochs and steps. {says}" in text
    )
    assert "2 runs, all above 90%: the lowest has 98.00% of the test images." in text


def test_network_that_was_left_out_is_told_in_the_first_line(made, undrawn):
    folder = made.make(models=("lenet", "vgg16"), seeds=2)
    folder.leave_out({"vgg16": "<It> takes too long."})
    made.do_runs(folder, made.inside)
    made.join(folder)
    write_report(folder, [folder])
    first = "VGG-16 was planned and is left out: "
    text = (folder.path / "report.md").read_text()
    assert text.startswith(f"**{first}<It> takes too long.**\n")
    html = (folder.path / "report.html").read_text()
    body = html.partition("<body>\n")[2]
    assert body.startswith(
        f'<p class="claim lacking">{first}&lt;It&gt; takes too long.<'
    )


def test_report_before_the_labels_says_what_is_missing_and_no_difference(made, undrawn):
    folder = made.make(models=("lenet", "vgg16"), seeds=2)
    made.do_runs(folder, made.inside)
    shutil.rmtree(folder.runs_path / "vgg16-sgd-seed-2")
    results = report_comparison(folder)
    assert json.loads((folder.path / "results.json").read_text()) == results.to_dict()
    assert not folder.has("test.json")
    for name in ("report.html", "report.md"):
        text = (folder.path / name).read_text()
        assert "Ended\nare 3 of 4 final runs of VGG-16." in text.replace(
            "Ended are", "Ended\nare"
        )
        assert "Verdicts" not in text
        assert "test accuracy" not in text
        assert "2 runs, all above 90%: the lowest has 95.00% of the validation" in text
    assert not is_reported(folder)


@pytest.mark.slow
def test_answer_is_worked_out_anew_without_tensorflow(made, undrawn, run_python):
    folder = report_on_lenet(made)
    before = (folder.path / "results.json").read_text()
    (folder.path / "results.json").unlink()
    program = (
        "import sys; from kerascnn.cli import main\n"
        "main(['compare', '--report', '--out', sys.argv[1]], standalone_mode=False)\n"
        "print([name for name in ('tensorflow', 'keras') if name in sys.modules])"
    )
    done = run_python("-c", program, str(folder.path))
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith(f"Report: {folder.path / 'report.html'}\n[]\n")
    results, again = json.loads(before), folder.read_json("results.json")
    assert results["claims"][0]["sentence"] in done.stdout
    # Here the tests draw fewer, and only the bootstrap depends on it.
    for found in (results, again):
        for row in (found["claims"][0], found["networks"][0]["comparisons"][0]):
            del row["difference"]["bootstrap_low"], row["difference"]["bootstrap_high"]
    assert again == results
