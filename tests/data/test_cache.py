"""The cache: whole entries, damaged ones, and what stands in their way."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from kerascnn.data import cache
from kerascnn.data.cache import (
    cache_entry,
    cache_folder,
    cache_size,
    clear_cache,
    new_entry,
    open_entry,
    write_index,
)
from kerascnn.errors import DatasetError

IMAGES = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3, 1)
INDEX = {
    "class_names": ["a", "b"],
    "background": None,
    "files": ["a/1.png", "b/\udcff.png"],
    "left_out": {"a/2.png": "it is empty."},
}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A cache of its own."""
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path / "cache"))
    return tmp_path / "cache" / "datasets"


def fill(draft):
    np.save(draft / "images.npy", IMAGES)
    np.save(draft / "labels.npy", np.array([0, 1]))
    np.save(draft / "parts.npy", np.array([0, 2], np.uint8))
    write_index(draft, INDEX)


def make(digest="x" * 32):
    with cache_entry(digest) as path, new_entry(path) as draft:
        fill(draft)
    return path


def test_what_was_written_is_read_from_its_file(folder):
    stored = open_entry(make())
    np.testing.assert_array_equal(stored.images, IMAGES)
    assert isinstance(stored.images, np.memmap)
    assert (stored.labels.tolist(), stored.parts.tolist()) == ([0, 1], [0, 2])
    assert stored.files.tolist() == INDEX["files"]
    assert stored.class_names == ("a", "b")
    assert stored.left_out == INDEX["left_out"]
    assert stored.background is None


def test_images_are_read_where_there_are_no_addresses_to_map_them(folder, run_python):
    """As `ulimit -v` has it, for a file of more bytes than are left."""
    entry = make()
    size = 3_000_000_000
    with open(entry / "images.npy", "wb") as file:
        header = {"descr": "|u1", "fortran_order": False, "shape": (2, size // 2, 1, 1)}
        np.lib.format.write_array_header_1_0(file, header)
        file.truncate(file.tell() + size)  # a file of holes
    code = (
        "import resource, sys\n"
        "from pathlib import Path\n"
        "from kerascnn.data.cache import open_images\n"
        "from kerascnn.data.mapped import UnmappedArray\n"
        "limit = resource.getrlimit(resource.RLIMIT_AS)[1]\n"
        "resource.setrlimit(resource.RLIMIT_AS, (2_500_000_000, limit))\n"
        "images = open_images(Path(sys.argv[1]))\n"
        "print(isinstance(images, UnmappedArray), images.shape)\n"
    )
    done = run_python("-c", code, str(entry / "images.npy"))
    assert done.stdout == "True (2, 1500000000, 1, 1)\n", done.stderr


def test_size_and_clearing(folder):
    assert cache_size() == (0, 0)
    clear_cache()  # there is none yet
    entry = make()
    size = sum(path.stat().st_size for path in entry.iterdir())
    assert cache_size() == (1, size)
    (folder / ".new-other").mkdir()  # of a process that was killed
    clear_cache()
    assert cache_size() == (0, 0)
    assert open_entry(entry) is None
    assert os.listdir(folder) == []


def test_clearing_leaves_the_lock_of_an_entry_that_is_filled(folder):
    with cache_entry("x" * 32):
        clear_cache()
        assert os.listdir(folder) == [f".{'x' * 32}.lock"]
    clear_cache()
    assert os.listdir(folder) == []


def change_index(**changes):
    def change(path):
        index = json.loads((path / "index.json").read_text())
        (path / "index.json").write_text(json.dumps(index | changes))

    return change


def array(name, values):
    return lambda path: np.save(path / f"{name}.npy", values, allow_pickle=True)


def cut(name, size):
    return lambda path: os.truncate(path / name, size)


def without(name):
    return lambda path: (path / name).unlink()


@pytest.mark.parametrize(
    "damage",
    [
        *map(without, ("images.npy", "labels.npy", "parts.npy", "index.json")),
        *(cut("images.npy", size) for size in (0, 5, 128, 140, 145)),
        *(cut("labels.npy", size) for size in (0, 20, 130)),
        *(cut("index.json", size) for size in (0, 10)),
        lambda path: (path / "images.npy").write_bytes(b"PK\3\4" + bytes(300)),
        lambda path: (path / "index.json").write_text("[" * 10_000),
        lambda path: (path / "index.json").write_text("[]"),
        array("images", IMAGES.astype(np.int8)),
        array("images", IMAGES[0]),
        array("images", IMAGES[:0]),
        array("images", IMAGES.repeat(2, axis=0)),
        array("labels", np.array([0, 2])),
        array("labels", np.array([0, -1])),
        array("labels", np.array([0.0, 1.0])),
        array("labels", np.array([0, None])),
        array("parts", np.array([0, 3], np.uint8)),
        array("parts", np.array([0], np.uint8)),
        change_index(schema=0),
        change_index(files=["a/1.png"]),
        change_index(files=None),
        change_index(class_names=["a"]),
        change_index(class_names=3),
        change_index(background=300),
        change_index(background="black"),
        change_index(left_out=["a/2.png"]),
    ],
)
def test_damaged_entries_are_none_and_are_made_anew(folder, damage):
    entry = make()
    damage(entry)
    assert open_entry(entry) is None
    np.testing.assert_array_equal(open_entry(make()).images, IMAGES)


def test_nothing_half_written_gets_the_name(folder):
    def fail():
        with cache_entry("x") as path, new_entry(path) as draft:
            fill(draft)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert [entry.name for entry in folder.iterdir()] == [".x.lock"]


def test_what_a_killed_process_left_is_taken_away(folder):
    left = folder / ".new-x"
    left.mkdir(parents=True)
    (left / "images.npy").write_bytes(b"half")
    entry = make("x")
    assert open_entry(entry) is not None
    assert not left.exists()


def test_another_process_waits_for_the_one_that_fills(folder):
    code = (
        "from kerascnn.data.cache import cache_entry, open_entry\n"
        "print('ready', flush=True)\n"
        "with cache_entry('x') as path:\n"
        "    print(open_entry(path) is not None, flush=True)\n"
    )
    with cache_entry("x") as path:
        other = subprocess.Popen(
            [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True
        )
        assert other.stdout.readline() == "ready\n"
        with new_entry(path) as draft:
            fill(draft)
    assert other.communicate(timeout=60)[0] == "True\n"
    assert other.returncode == 0


def test_cache_that_cannot_be_written_is_one_line(folder):
    folder.parent.write_text("in the way")
    for act in (make, cache_size, clear_cache):
        with pytest.raises(DatasetError) as caught:
            act()
        assert str(folder) in str(caught.value)
        assert f"set {cache.VARIABLE} to another folder" in str(caught.value)


def test_entry_that_cannot_be_replaced_is_one_line(folder):
    folder.mkdir(parents=True)
    (folder / "x").write_text("in the way")
    with pytest.raises(DatasetError, match=f"Cannot write {folder}/x: Not a directory"):
        make("x")


def test_the_place_is_the_system_s_where_none_is_set(monkeypatch, tmp_path):
    monkeypatch.delenv(cache.VARIABLE)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_folder().is_relative_to(tmp_path)
    assert cache_folder().parts[-2:] == ("kerascnn", "datasets")
