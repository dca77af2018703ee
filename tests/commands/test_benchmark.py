"""`kerascnn benchmark` on a real file."""

import json

from click.testing import CliRunner

from kerascnn.commands.benchmark import benchmark
from kerascnn.errors import ModelFileError


def invoke(*arguments):
    return CliRunner().invoke(benchmark, [str(value) for value in arguments])


def test_file_is_measured_and_recommended(exported, tmp_path):
    files = (exported / "model.tflite", exported / "model-int8.tflite")
    figure = tmp_path / "figure.png"
    options = ("--seconds", 0.03, "--batch-size", 2, "--limit", 500, "--threads", 1)
    result = invoke(*files, *options, "--figure", figure, "--json")
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    assert document["threads"] == 1
    assert [row["file"] for row in document["models"]] == [str(file) for file in files]
    assert document["recommended"] in [str(file) for file in files]
    assert [row["images"] for row in document["models"]] == [500, 500]
    assert figure.read_bytes().startswith(b"\x89PNG")

    result = invoke(files[1], *options)
    head, row = result.stdout.splitlines()  # there is nothing to choose from
    assert "images/s by 2" in head
    assert row.startswith(str(files[1]))
    assert "Timing 2 at a time" in result.stderr


def test_damaged_file_is_one_line(tmp_path):
    path = tmp_path / "bad.tflite"
    path.write_bytes(b"bad")
    result = invoke(path)
    assert "is not known which data" in str(result.exception)
    result = invoke(path, "--dataset", "mnist")
    assert isinstance(result.exception, ModelFileError)
    assert "not a TFLite file" in str(result.exception)
