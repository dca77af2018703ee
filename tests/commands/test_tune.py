"""`kerascnn tune`: what it keeps, that trainings take it, and what it refuses."""

import json

import pytest
from click.testing import CliRunner

from kerascnn.cli import main
from kerascnn.fast import tuning
from kerascnn.runs.folder import Run


@pytest.fixture
def cache(tmp_path, monkeypatch):
    folder = tmp_path / "cache"
    monkeypatch.setenv("KERASCNN_CACHE_DIR", str(folder))
    return folder


@pytest.fixture
def stacked_is_faster(monkeypatch):
    """Timings by which dense layers gain in another way, and nothing else does."""

    def times(model, name, batch_size, *, ways):
        return {
            "keras": [2.0],
            **{way: [1.0 if way == "stacked" else 3.0] for way in ways},
        }

    monkeypatch.setattr(tuning, "time_ways", times)


def run(*words):
    return CliRunner().invoke(main, [str(word) for word in words])


def train(out, *words):
    options = [
        "--limit",
        640,
        "--epochs",
        1,
        "--no-test",
        "--out",
        out,
        "--name",
        "new",
    ]
    done = run("train", "lenet", *options, *words)
    assert done.exit_code == 0, done.output
    return Run(out / "new").computation.layer_plan


@pytest.mark.slow
def test_trainings_take_what_was_found(cache, stacked_is_faster, tmp_path):
    before = train(tmp_path / "before")
    done = run("tune", "lenet", "--json")
    assert done.exit_code == 0, done.output
    layers = {layer["name"]: layer for layer in json.loads(done.stdout)}
    assert layers["fc1_dense"]["way"] == "stacked"
    assert layers["fc1_dense"]["gain"] == 2.0
    assert layers["block1_conv"]["way"] == "keras"
    plan = train(tmp_path / "after")
    dense = {"fc1_dense": "stacked", "fc2_dense": "stacked", "predictions": "stacked"}
    assert plan == dense != before
    # Of another batch, nothing is known; a run is computed as it was.
    assert train(tmp_path / "other", "--batch-size", 32) == before
    config = tmp_path / "before" / "new" / "config.json"
    assert train(tmp_path / "again", "--config", config) == before
    assert train(tmp_path / "plain", "--no-fast-layers") == {}
    assert run("tune", "--clear").stdout == "Forgot what was measured.\n"
    assert run("tune", "--clear").stdout == "Nothing was measured.\n"
    assert train(tmp_path / "cleared") == before


def test_what_was_found_is_told(cache, stacked_is_faster):
    done = run("tune", "lenet")
    assert done.exit_code == 0, done.output
    assert "fc1_dense" in done.stdout
    assert "of 5 kinds of layers are faster in another way" in done.stdout


@pytest.mark.parametrize(
    "text",
    [
        "{",
        pytest.param("[]", marks=pytest.mark.slow),
        pytest.param('{"ways": {"a": 2}}', marks=pytest.mark.slow),
    ],
)
def test_damaged_file_is_as_none(cache, stacked_is_faster, tmp_path, text):
    before = train(tmp_path / "before")
    assert run("tune", "lenet").exit_code == 0
    [path] = (cache / "layers").glob("*.json")
    path.write_text(text)
    assert train(tmp_path / "after") == before


def test_folder_that_cannot_be_written_is_one_line(
    stacked_is_faster, tmp_path, monkeypatch
):
    file = tmp_path / "file"
    file.write_text("")
    monkeypatch.setenv("KERASCNN_CACHE_DIR", str(file))
    done = run("tune", "lenet")
    assert done.exit_code == 1
    assert "set KERASCNN_CACHE_DIR to another folder" in done.output


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        ([], 2, "Name a MODEL: lenet"),
        (["lenett"], 2, "Did you mean 'lenet'"),
        (["lenet", "--clear"], 2, "--clear forgets all"),
        (["lenet", "--stem", "small"], 1, "stem"),
        (["lenet", "--batch-size", "-1"], 1, "batch_size"),
    ],
)
def test_wrong_words_are_one_line(words, code, message):
    done = run("tune", *words)
    assert done.exit_code == code
    assert message in done.output
