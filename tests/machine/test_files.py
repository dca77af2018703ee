"""Files that are whole or absent, and locks."""

import os
import tempfile
from pathlib import Path

import pytest

from kerascnn.errors import RunError
from kerascnn.machine.files import (
    beside,
    locked_folder,
    place,
    read_json,
    require_writable,
    write_json,
    write_whole,
)


def test_failed_write_leaves_what_was_there(tmp_path):
    path = tmp_path / "a.txt"
    write_whole(path, lambda file: file.write(b"old"))

    def fail(file):
        file.write(b"half of the n")
        raise OSError(28, "No space left on device")

    with pytest.raises(RunError, match="No space left on device"):
        write_whole(path, fail)
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["a.txt"]


def test_what_stands_where_a_file_is_drafted_is_removed(tmp_path):
    path, part, other = (tmp_path / name for name in ("a", ".part-a", "other"))
    other.mkdir()
    (other / "file").write_text("kept")
    for make in (
        lambda: os.mkfifo(part),
        lambda: part.symlink_to(other / "file"),
        lambda: part.symlink_to(other),
        lambda: part.symlink_to(part),
        lambda: (part.mkdir(), (part / "b").touch()),
    ):
        make()
        write_whole(path, lambda file: file.write(b"new"))
        assert path.read_bytes() == b"new"
        assert not path.is_symlink()
        assert sorted(os.listdir(tmp_path)) == ["a", "other"]
    assert (other / "file").read_text() == "kept"


def test_folder_takes_the_place_of_another_whole(tmp_path):
    target = tmp_path / "model"
    for content in ("old", "new"):
        with beside(target) as part:
            part.mkdir()
            (part / "file").write_text(content)
            place(part, target)
    assert (target / "file").read_text() == "new"
    assert os.listdir(tmp_path) == ["model"]


def test_file_that_could_not_be_written_is_told_and_nothing_is_left(
    tmp_path, monkeypatch
):
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "a.png", tmp_path / "new" / "deep" / "a.png"):
        require_writable(path)
    monkeypatch.chdir(tmp_path)
    require_writable(Path("a.png"))
    for path in (tmp_path / "file" / "a.png", tmp_path / ("a" * 252 + ".png")):
        with pytest.raises(RunError, match=r"Cannot write .* that can be written\.$"):
            require_writable(path)
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    assert sorted(os.listdir(tmp_path)) == ["file", "loop"]

    def forbidden(dir):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(tempfile, "TemporaryFile", forbidden)
    with pytest.raises(RunError, match=r"a\.png: Permission denied\. Give a file in"):
        require_writable(tmp_path / "a.png")


def test_nothing_stays_beside_what_was_not_placed(tmp_path):
    with beside(tmp_path / "deep" / "model") as part:
        part.mkdir()
    assert os.listdir(tmp_path / "deep") == []


def test_lock_is_held_once_and_given_back(tmp_path):
    message = "is being trained by another process. Wait for it"
    again = locked_folder(tmp_path, "being trained")
    with (
        locked_folder(tmp_path, "being trained"),
        pytest.raises(RunError, match=message),
        again,
    ):
        pass
    with locked_folder(tmp_path, "being trained"):
        pass


def test_lock_that_cannot_be_written_is_one_error(tmp_path):
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(RunError, match=r"Cannot write .*file: "),
        locked_folder(tmp_path / "file", "being trained"),
    ):
        pass


def test_json_holds_no_number_that_is_not_finite(tmp_path):
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "a.json", {"loss": float("nan")})
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("content", ["{", "[]", None])
def test_json_that_cannot_be_read_is_one_line(tmp_path, content):
    path = tmp_path / "a.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(RunError, match=r"a\.json.* Put it back\.") as error:
        read_json(path, "Put it back.")
    assert "\n" not in str(error.value)
