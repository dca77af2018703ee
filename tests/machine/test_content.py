"""Content from outside: of regular files, within limits, and JSON by its standard."""

import os

import pytest

from kerascnn.machine.content import (
    MAX_JSON_DEPTH,
    UnfitFileError,
    load_json,
    parse_json,
    read_content,
)


def test_content_is_read_up_to_its_limit(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"0123")
    assert read_content(path, 4) == b"0123"
    with pytest.raises(UnfitFileError, match=r"^it has more than 0 MB$"):
        read_content(path, 3)


def test_nothing_but_a_regular_file_is_opened(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for path, kind in ((pipe, "a pipe"), ("/dev/zero", "a device"), ("/", "a folder")):
        with pytest.raises(UnfitFileError, match=f"^it is {kind}, not a file$"):
            read_content(path, 10)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("NaN", "^NaN is no number that JSON can have$"),
        ("[-Infinity]", "^-Infinity is no number"),
        ('{"a": 1e999}', "^1e999 is no number"),
        ("[" * 100_000, "^it is nested more than 50 deep$"),
        ("[" * 52 + "]" * 52, "^it is nested more than 50 deep$"),
        ('{"a":' * 51 + "{}" + "}" * 51, "^it is nested more than 50 deep$"),
        ("1" * 5000, "Exceeds the limit"),
        (b"\xff\xff", "utf-8"),
        ("", r"^it is not JSON \(Expecting value"),
    ],
)
def test_what_is_no_json_is_a_value_error(text, reason):
    with pytest.raises(ValueError, match=reason):
        parse_json(text)


def test_json_is_read_whole(tmp_path):
    path = tmp_path / "file.json"
    path.write_text('{"a": [1, 2.5, null, "\\u00e4"]}')
    assert load_json(path) == {"a": [1, 2.5, None, "\u00e4"]}
    deepest = "[" * MAX_JSON_DEPTH + "1" + "]" * MAX_JSON_DEPTH
    assert str(parse_json(deepest)) == deepest
