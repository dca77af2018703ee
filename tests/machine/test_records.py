"""Records in files are read back with every value checked."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from kerascnn.errors import RunError
from kerascnn.machine.records import read_record


@dataclass(frozen=True, kw_only=True)
class Record:
    name: str
    count: int
    share: float = 0.5
    note: str | None = None
    path: Path = Path("a")


def test_record_is_read_and_what_it_lacks_is_ignored():
    value = {"name": "x", "count": 3, "share": 1, "path": "b", "later": []}
    assert read_record(Record, value) == Record(
        name="x", count=3, share=1.0, path=Path("b")
    )


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"count": None}, "^count has to be a whole number, but is None"),
        ({"count": True}, "^count has to be a whole number, but is True"),
        ({"count": 1.0}, "^count has to be a whole number, but is 1.0"),
        ({"count": 10**400}, "^count has to be a whole number, but is 1000"),
        ({"share": -(10**400)}, "^share has to be a number, but is -1000"),
        ({"share": float("nan")}, "^share has to be a number, but is nan"),
        (
            {"name": ["x"] * 1000},
            r"^name has to be text, but is \['x', 'x', 'x', 'x', 'x', 'x', \.\.\.\]\.$",
        ),
        ({"note": 5}, "^note has to be text, but is 5"),
        ({"path": 5}, "^path has to be a path, but is 5"),
    ],
)
def test_value_of_another_kind_is_refused(changed, message):
    with pytest.raises(RunError, match=message):
        read_record(Record, {"name": "x", "count": 3} | changed)


def test_value_that_is_missing_is_told():
    with pytest.raises(RunError, match=r"^count is missing"):
        read_record(Record, {"name": "x"})
    with pytest.raises(RunError, match=r"^It has to be an object"):
        read_record(Record, [1])
