"""`kerascnn export`: what it passes on, prints and refuses."""

import dataclasses
import json

import pytest
from click.testing import CliRunner

from kerascnn.commands.export import export
from kerascnn.errors import ExportError, RunError
from kerascnn.exporting.report import Export


@pytest.fixture
def calls(monkeypatch, tmp_path):
    """The library function, replaced by a recorder that answers with one file."""
    calls = []
    answer = Export(
        format="tflite",
        quantization="int8",
        path=tmp_path / "model-int8.tflite",
        size_bytes=66_000,
        images=10_000,
        largest_difference=0.25,
        agreement=0.9991,
        accuracy=0.9902,
        accuracy_drop=0.0001,
    )

    def record(run, out, **settings):
        calls.append((run, out, settings))
        settings["message"]("converting")
        return [dataclasses.replace(answer, problem=record.problem)]

    record.problem = ""
    monkeypatch.setattr("kerascnn.exporting.export.export_run", record)
    calls.append(record)
    return calls


def invoke(*arguments):
    return CliRunner().invoke(export, [str(value) for value in arguments])


def test_options_are_passed_on_and_the_table_printed(calls, lenet_run, tmp_path):
    result = invoke(
        *(lenet_run.path, "--format", "tflite", "--quantize", "none"),
        *("--quantize", "int8", "--to", tmp_path, "--limit", 100),
        *("--tolerance", 0.5, "--arena-limit", 65_536, "--flash-limit", 1_000_000),
    )
    assert result.exit_code == 0, result.output
    run, out, settings = calls[1]
    assert (run.path, out) == (lenet_run.path, tmp_path)
    del settings["message"]
    assert settings == {
        "formats": ("tflite",),
        "quantizations": ("none", "int8"),
        "tolerance": 0.5,
        "limit": 100,
        "arena_limit": 65_536,
        "flash_limit": 1_000_000,
    }
    head, row = result.stdout.splitlines()
    assert head.split() == [
        *("file", "MB", "accuracy", "same", "class", "drop", "difference", "images")
    ]
    assert row.split()[1:] == [
        "0.07",
        "99.02%",
        "99.91%",
        "0.01%",
        "2.5e-01",
        "10,000",
    ]
    assert result.stderr == "converting\n"


def test_defaults_are_both_formats_and_json_is_one_document(calls, lenet_run):
    result = invoke(lenet_run.path, "--json")
    _, out, settings = calls[1]
    assert out is None
    assert settings["formats"] == ("saved-model", "tflite")
    assert settings["quantizations"] == ("none",)
    [document] = json.loads(result.stdout)
    assert document["agreement"] == 0.9991
    assert document["path"].endswith("model-int8.tflite")


def test_rejected_file_is_an_error_after_the_table(calls, lenet_run):
    calls[0].problem = "a probability differs by 0.5, more than 0.0001"
    result = invoke(lenet_run.path)
    assert isinstance(result.exception, ExportError)
    assert "differs by 0.5, more than 0.0001. The files are kept" in str(
        result.exception
    )
    assert len(result.stdout.splitlines()) == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--format", "tflit"], "Did you mean 'tflite'"),
        (["--quantize", "int4"], "Did you mean 'int8'"),
        (["--tolerance", "2"], "a number in [0, 1], but got 2.0"),
        (["--arena-limit", "0"], "a whole number from 1 to"),
    ],
)
def test_misuse_is_told(arguments, message):
    result = invoke(*arguments)
    assert result.exit_code == 2
    assert message in " ".join(result.stderr.split())


def test_missing_run_is_one_line(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = invoke()
    assert isinstance(result.exception, RunError)
    assert "kerascnn train lenet" in str(result.exception)
