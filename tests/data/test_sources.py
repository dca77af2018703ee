"""What a data set is called."""

import os
from pathlib import Path

import pytest

from kerascnn.data.sources import (
    check_pattern,
    is_folder,
    is_table,
    known_dataset,
    short_name,
)
from kerascnn.errors import ConfigError, UnknownNameError


@pytest.mark.parametrize("name", ["mnist", "MNIST", "Fashion-MNIST"])
def test_names_of_the_table_are_known_however_they_are_written(name):
    found = known_dataset(name)
    assert found == name.lower().replace("-", "_")
    assert is_table(found)
    assert not is_folder(found)
    assert short_name(found) == found


@pytest.mark.parametrize(
    "name", ["emnist", "emnist/letters", "emnist/letters:3.1.0", "tf_flowers:3.*.*"]
)
def test_names_of_tensorflow_datasets_are_kept(name):
    assert known_dataset(f"tfds:{name}") == f"tfds:{name}"
    assert not is_folder(f"tfds:{name}")
    assert not is_table(f"tfds:{name}")


@pytest.mark.parametrize("name", ["", " ", "../x", "gs://x/y", "a b", "huggingface:x"])
def test_other_names_of_tensorflow_datasets_are_refused(name):
    with pytest.raises(ConfigError, match="is no name of tensorflow-datasets"):
        known_dataset(f"tfds:{name}")


def test_folders_have_their_whole_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in ("pictures", "mnist", "tfds"):
        (tmp_path / name).mkdir()
    whole = str(tmp_path / "pictures")
    for given in ("pictures", "pictures/", "./x/../pictures", whole, Path(whole)):
        assert known_dataset(given) == whole
    assert is_folder(whole)
    assert short_name(whole) == "pictures"
    # The table goes first.
    assert known_dataset("mnist") == "mnist"
    assert known_dataset("./mnist") == str(tmp_path / "mnist")
    # That of a run may be gone.
    assert known_dataset("~/gone") == str(tmp_path / "home" / "gone")
    assert known_dataset("a/b") == os.path.join(tmp_path, "a", "b")


@pytest.mark.parametrize(
    "name", ["pictures", "", " ", "mnist ", "a\0/b", "x" * 5000, "\udcff", "TFDS:mnist"]
)
def test_other_names_are_refused(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UnknownNameError, match=r"A folder of pictures, or tfds:NAME,"):
        known_dataset(name)


@pytest.mark.parametrize("name", [None, 1, b"mnist", ["mnist"], {}])
def test_what_is_no_text_is_refused(name):
    with pytest.raises(ConfigError, match="dataset has to be a name, but got"):
        known_dataset(name)


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("(", "regular expression that finds the group .* got '\\('"),
        ("a{99999999999}", "has to be a regular expression"),
        ("(" * 900 + ")" * 900, "has to be a regular expression"),
        ("x" * 1001, "it is too long"),
        (".*", "matches an empty name as well"),
        ("", "matches an empty name as well"),
    ],
)
def test_patterns_that_find_no_group_are_refused(pattern, words):
    with pytest.raises(ConfigError, match=words) as caught:
        check_pattern(pattern)
    assert len(str(caught.value).splitlines()) == 1
    assert len(str(caught.value)) < 400


def test_patterns_that_find_groups_are_taken():
    for pattern in (r"^(\d+)_", "^[^_]+", "(?P<person>p[0-9]+)"):
        check_pattern(pattern)
