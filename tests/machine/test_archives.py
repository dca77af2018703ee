"""Zip archives from outside; more damages are tried on checkpoints and models."""

import os
import zipfile

import pytest

from kerascnn.machine.archives import open_archive
from kerascnn.machine.content import UnfitFileError


def test_sound_archive_is_read(tmp_path):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a", b"0" * 1000)
    with open_archive(path, 1000) as archive:
        assert archive.read("a") == b"0" * 1000


def test_archive_that_unpacks_to_too_much_is_refused(tmp_path):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a", bytes(600_000))
        archive.writestr("b", bytes(600_000))
    for limit, words in ((10**6, "1.0"), (10, "0.0")):
        with pytest.raises(ValueError, match=f"^it holds more than {words} MB$"):
            open_archive(path, limit).__enter__()


def test_two_members_of_one_name_are_refused(tmp_path):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a", b"1")
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr("a", b"2")
    with pytest.raises(ValueError, match="two of its members have one name"):
        open_archive(path, 1000).__enter__()


def test_every_cut_and_every_altered_byte_is_an_answer(tmp_path):
    """What is still read is what was written."""
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a", b"0123456789" * 3)
    content = path.read_bytes()
    changed = [content[:cut] for cut in range(len(content))]
    changed += [
        content[:place] + bytes([content[place] ^ bits]) + content[place + 1 :]
        for place in range(len(content))
        for bits in (1, 2, 0x80, 0xFF)
    ]
    refused = 0
    for damaged in changed:
        path.write_bytes(damaged)
        try:
            with open_archive(path, 1000) as archive:
                names = archive.namelist()
                assert [archive.read(name) for name in names] in (
                    [],
                    [b"0123456789" * 3],
                )
        except (ValueError, OSError):
            refused += 1
    assert refused > len(changed) // 2


def test_pipe_is_refused(tmp_path):
    os.mkfifo(tmp_path / "a.zip")
    with pytest.raises(UnfitFileError, match="it is a pipe, not a file"):
        open_archive(tmp_path / "a.zip", 1000).__enter__()
