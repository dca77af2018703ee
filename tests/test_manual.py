"""The manual: its links lead somewhere, its commands exist, its tutorial is true."""

import ast
import base64
import json
import re
import runpy
import shlex
import shutil
from pathlib import Path

import pytest
from PIL import Image

import kerascnn
from kerascnn.exporting.export import export_run

ROOT = Path(__file__).parents[1]
DOCS = sorted((ROOT / "docs").glob("*.md"))
API = ROOT / "docs" / "api.md"  # its blocks are signatures
NOTEBOOK = ROOT / "docs" / "tutorial.ipynb"
PAGES = [
    *(ROOT / "README.md", ROOT / "CONTRIBUTING.md", *DOCS),
    *(ROOT / "results" / "README.md", ROOT / "benchmarks" / "RESULTS.md"),
]


def name_of(path):
    return path.relative_to(ROOT).as_posix()


def read(path):
    """A page's Markdown; of a notebook its cells of text."""
    text = path.read_text("utf-8")
    if path.suffix != ".ipynb":
        return text
    cells = json.loads(text)["cells"]
    return "\n".join(
        "".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown"
    )


def blocks(text, *languages):
    """The fenced blocks of these languages."""
    return re.findall(rf"^```(?:{'|'.join(languages)})\n(.*?)^```", text, re.M | re.S)


def without_blocks(text):
    return re.sub(r"^```.*?^```", "", text, flags=re.M | re.S)


def links(text):
    """What the links and pictures of a page point to, but for other sites."""
    found = re.findall(r"\]\(([^()\s]+)\)", without_blocks(text))
    return [link for link in found if not re.match(r"[a-z]+:", link)]


def anchors(text):
    """What GitHub calls the headings of a page; a second one of a name has a number."""
    headings = re.findall(r"^#+ (.*)$", without_blocks(text), re.M)
    slugs = [
        re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        for heading in headings
    ]
    return {
        slug if slug not in slugs[:index] else f"{slug}-{slugs[:index].count(slug)}"
        for index, slug in enumerate(slugs)
    }


def is_broken(link, page):
    path, _, anchor = link.partition("#")
    target = (page.parent / path).resolve() if path else page
    if not (target.is_relative_to(ROOT) and target.exists()):
        return True
    return bool(anchor) and anchor not in anchors(read(target))


@pytest.mark.parametrize("page", [*PAGES, NOTEBOOK], ids=name_of)
def test_links_lead_somewhere(page):
    assert [link for link in links(read(page)) if is_broken(link, page)] == []


def test_broken_links_would_be_found():
    page = ROOT / "docs" / "README.md"
    text = (
        "[a](speed.md) [b](nowhere.md) ![c](../no.png) [d](#no-such) [e](https://x.y)\n"
        "[f](../README.md#more)\n```sh\n[g](no.md)\n```\n"
    )
    broken = [link for link in links(text) if is_broken(link, page)]
    assert broken == ["nowhere.md", "../no.png", "#no-such"]
    assert anchors("# It's `a_b`: new\n## A\n## A\n") == {"its-a_b-new", "a", "a-1"}


def test_index_has_every_page():
    pages = {path.name for path in [*DOCS, NOTEBOOK]} - {"README.md"}
    assert pages <= set(links(read(ROOT / "docs" / "README.md")))


def commands_of(line):
    """The calls of kerascnn in a line of shell: the words after its name."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    calls, words = [[]], list(lexer)
    for before, word in zip(["", *words], words, strict=False):
        if set(before) & set("<>") or set(word) & set("<>"):
            continue  # a redirection
        if set(word) <= set("();|&"):
            calls.append([])
        elif calls[-1] or not re.match(r"[A-Z_]+=", word):
            calls[-1].append(word)
    return [
        call[1:] for call in calls if call and call[0].rpartition("/")[2] == "kerascnn"
    ]


def shell_lines(text):
    """The lines of shell in a page; in `console`, those after a `$ `."""
    text = text.replace("\\\n", " ")
    typed = "".join(blocks(text, "sh")).splitlines()
    shown = "".join(blocks(text, "console")).splitlines()
    return typed + [line[2:] for line in shown if line.startswith("$ ")]


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_commands_of_the_manual_can_be_parsed(
    page, parse_command, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    Path("letters").mkdir()  # what the reader has
    for line in shell_lines(read(page)):
        for call in commands_of(line) if "kerascnn" in line else []:
            parse_command(*call)


@pytest.mark.parametrize("page", [page for page in PAGES if page != API], ids=name_of)
def test_python_of_the_manual_compiles(page):
    for block in blocks(read(page), "python"):
        compile(block, name_of(page), "exec")


def model_of(block):
    """The file that a block of Python opens."""
    return re.search('"([^"]*model[^"]*)"', block)[1]


def words_of_the_code():
    """Every literal text of the package, without the values in it."""
    files = (ROOT / "kerascnn").rglob("*.py")
    nodes = (node for file in files for node in ast.walk(ast.parse(read(file))))
    return [
        node.value
        for node in nodes
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]


def test_messages_of_the_troubleshooting_page_are_those_of_the_code():
    messages = re.findall(r"\*\*`(.+?)`\*\*", read(ROOT / "docs/troubleshooting.md"))
    words = words_of_the_code()
    assert len(messages) > 10
    assert [m for m in messages if not any(m in text for text in words)] == []


def test_calls_are_found_in_shell():
    line = "A=1 .venv/bin/kerascnn predict - < a.png && kerascnn export  # kerascnn no"
    assert commands_of(line) == [["predict", "-"], ["export"]]


SHIPPING = blocks(read(ROOT / "docs" / "shipping.md"), "python")


@pytest.mark.slow
@pytest.mark.parametrize(
    "block", [b for b in SHIPPING if "onnx" not in b], ids=model_of
)
def test_python_of_the_shipping_page_runs(
    exported, splits, tmp_path, block, run_python
):
    shutil.copytree(exported, tmp_path, dirs_exist_ok=True)
    Image.fromarray(splits[1].images[0, ..., 0]).save(tmp_path / "digit.png")
    assert_probabilities(run_python("-c", block + ENDING))


@pytest.mark.slow
def test_onnx_of_the_shipping_page_runs(lenet_run, tmp_path, run_python):
    export_run(lenet_run, tmp_path, formats=["onnx"], limit=100)
    [block] = [block for block in SHIPPING if "onnx" in block]
    assert_probabilities(run_python("-c", block + ENDING))


ENDING = "\nimport numpy as np\nprint(probabilities.shape, np.sum(probabilities))"


def assert_probabilities(done):
    assert done.returncode == 0, done.stderr
    shape, total = done.stdout.rstrip().rsplit(" ", 1)
    assert shape == "(1, 10)"
    assert float(total) == pytest.approx(1, abs=0.02)  # of 8 bits, each


def masked(text):
    """A page without what differs from run to run: numbers, the fastest file."""
    text = re.sub(r"(Recommended: .*/model)(-int8)?", r"\1", text)
    text = re.sub(r"\d+ min \d+ s", "0 s", text)
    return re.sub(" +", " ", re.sub(r"\d[\d.,:]*(e-?\d+)?", "0", text))


@pytest.fixture
def run_page(tmp_path):
    """Run the commands of a page; gives it as it would be today, once it is checked."""
    refresh = runpy.run_path(str(ROOT / "tools" / "refresh_pages.py"))["refresh"]

    def run(name):
        page = read(ROOT / name)
        today = refresh(page, tmp_path)
        assert masked(today) == masked(page), f"The new page:\n{today}"
        return today

    return run


@pytest.mark.slow
def test_tutorial_prints_what_it_says(run_page, tmp_path):
    """`python tools/refresh_pages.py` writes it anew."""
    today = run_page("docs/tutorial.md")
    [accuracy] = re.findall(r"^accuracy +([\d.]+)%$", today, re.M)
    assert float(accuracy) > 98
    assert re.search(r"^7 with (9|100)", today, re.M)
    assert (tmp_path / "sheet.png").stat().st_size > 10_000


@pytest.mark.slow
def test_readme_prints_what_it_says(run_page):
    """`python tools/refresh_pages.py` writes it anew."""
    today = run_page("README.md")
    shown = "".join(blocks(today, "console"))
    [accuracy] = re.findall(r"^accuracy +([\d.]+)%$", shown, re.M)
    assert float(accuracy) > 98.8
    assert shown.count(f"{accuracy}%") >= 3  # of the training, the run, the file


@pytest.fixture
def run_cell(tmp_path, monkeypatch):
    """Run code in a real kernel of Jupyter, in an empty folder; gives the messages."""
    from jupyter_client.manager import start_new_kernel

    monkeypatch.setenv("PYTHONPATH", str(Path(kerascnn.__file__).parents[1]))
    for name in ("IPYTHONDIR", "JUPYTER_RUNTIME_DIR", "JUPYTER_CONFIG_DIR"):
        monkeypatch.setenv(name, str(tmp_path / ".jupyter"))
    manager, client = start_new_kernel(cwd=str(tmp_path))

    def run(code):
        messages = []
        reply = client.execute_interactive(
            code, allow_stdin=False, output_hook=messages.append, timeout=120
        )["content"]
        assert reply["status"] == "ok", "\n".join(reply["traceback"])
        return [message["content"] for message in messages]

    yield run
    client.stop_channels()
    manager.shutdown_kernel(now=True)


# As pytest is told in setup.cfg.
STRICT = """
import warnings
warnings.simplefilter("error")
warnings.filterwarnings("ignore", "__array__ implementation", DeprecationWarning)
"""


@pytest.mark.slow
def test_notebook_runs_in_a_kernel(run_cell):
    cells = json.loads(NOTEBOOK.read_text("utf-8"))["cells"]
    code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    run_cell(STRICT)
    train, history, figure, evaluate, predict, export = map(run_cell, code)
    told = "".join(printed(train, "stderr"))
    for text in (
        r"\r.*loading TensorFlow",  # live, as on a terminal
        r"\r *\rsaved_models/lenet-sgd-1: ",
        r"\repoch 1/1 .* images/s .* left",
        r"\r *\repoch 1/1  loss .* s\n",
    ):
        assert re.search(text, told), text
    [accuracy] = re.findall("(.*)% of the test", "".join(printed(history, "stdout")))
    assert 95 < float(accuracy) < 100
    assert base64.b64decode(value(figure, "image/png")).startswith(b"\x89PNG")
    measured, _ = ast.literal_eval(value(evaluate, "text/plain"))
    assert 100 * measured == pytest.approx(float(accuracy))
    assert "['7', '2', '1', '0'" in "".join(printed(predict, "stdout"))
    written = "".join(printed(export, "stdout"))
    assert written.endswith(f" bytes, {accuracy}%\nagrees within tolerance\n")


def printed(messages, stream):
    return [row["text"] for row in messages if row.get("name") == stream]


def value(messages, kind):
    [data] = [row["data"] for row in messages if "data" in row]
    return data[kind]
