"""`kerascnn demo`: the page that it asks for, and that it opens it."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from kerascnn.commands.demo import demo
from kerascnn.errors import ExportError, RunError
from kerascnn.exporting.report import Export


@pytest.fixture
def calls(monkeypatch):
    """The library function and the browser, replaced by recorders."""
    calls = []

    def record(runs, **settings):
        calls.append((runs, settings))
        if record.error is not None:
            raise record.error
        path = Path(settings["to"]) / "model.html"
        return [
            Export(
                format="html",
                quantization="none",
                path=path,
                size_bytes=5_000_000,
                images=1000,
                largest_difference=1e-7,
                agreement=1.0,
                accuracy=0.99,
                accuracy_drop=0.0,
                problem=record.problem,
            )
        ]

    def open_browser(uri):
        calls.append(uri)
        return record.has_browser

    record.problem, record.error, record.has_browser = "", None, True
    monkeypatch.setattr("kerascnn.api.export", record)
    monkeypatch.setattr("webbrowser.open", open_browser)
    calls.append(record)
    return calls


def invoke(*arguments):
    return CliRunner().invoke(demo, [str(value) for value in arguments])


def test_page_is_made_in_a_temporary_folder_and_opened(calls):
    result = invoke()
    assert result.exit_code == 0, result.output
    _, (runs, settings), opened = calls
    assert runs is None
    assert settings["formats"] == ("html",)
    assert settings["limit"] == 1000
    assert "kerascnn-demo-" in str(settings["to"])
    path = Path(result.stdout.strip())
    assert path.name == "model.html"
    assert opened == path.as_uri()
    assert result.stderr == ""
    path.parent.rmdir()


def test_without_a_browser_the_page_is_there_to_be_opened(calls):
    calls[0].has_browser = False
    result = invoke()
    assert result.exit_code == 0, result.output
    assert "no browser here" in result.stderr
    Path(result.stdout.strip()).parent.rmdir()


@pytest.mark.parametrize("error", [ExportError("too large"), KeyboardInterrupt()])
def test_where_no_page_is_made_no_folder_stays(calls, error, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    calls[0].error = error
    assert invoke().exit_code == 1
    assert len(calls) == 2
    assert list(tmp_path.iterdir()) == []


def test_two_runs_quantized_into_a_folder_without_a_browser(calls, tmp_path):
    result = invoke(
        *("a", "b", "--quantize", "int8", "--to", tmp_path, "--no-browser"),
    )
    assert result.exit_code == 0, result.output
    _, (runs, settings) = calls
    assert runs == ("a", "b")
    assert settings["quantizations"] == ("int8",)
    assert settings["to"] == tmp_path


def test_rejected_page_is_not_opened(calls, tmp_path):
    calls[0].problem = "a probability differs by 0.5, more than 0.0001"
    result = invoke("--to", tmp_path)
    assert isinstance(result.exception, ExportError)
    assert len(calls) == 2


def test_missing_run_is_one_line(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = invoke()
    assert isinstance(result.exception, RunError)
    assert "kerascnn train lenet" in str(result.exception)
