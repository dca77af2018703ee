"""Many files in processes that may die: nothing is lost but the file at fault."""

import os
import signal
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

import kerascnn
from kerascnn.data import workers
from kerascnn.data.workers import FEW, LOTS_AHEAD, map_files
from kerascnn.errors import DatasetError

PACKAGE = Path(kerascnn.__file__).parent

MODULE = """
import os, signal, sys, time

def double(item):
    print("no answer")
    print("no error", file=sys.stderr)
    return [item * 2, os.getpid()]

def die_at_some(item):
    if item in (3, 4, 150):
        os.kill(os.getpid(), signal.SIGKILL)
    return item

def raise_at_some(item):
    if item == 150:
        raise ValueError("two\\nlines")
    return item

def echo(item):
    return item

def sleep_long(item):
    open(f"{os.getpid()}.pid", "w").close()
    time.sleep(600)
"""


@pytest.fixture(autouse=True)
def tasks(tmp_path, monkeypatch):
    """Functions in a module that the processes find, and nothing imported before."""
    (tmp_path / "some_tasks.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    sys.modules.pop("some_tasks", None)
    yield
    sys.modules.pop("some_tasks", None)


@pytest.fixture
def started(monkeypatch):
    """The processes that were started."""
    processes = []
    start = workers._start

    def remember(*arguments):
        processes.append(start(*arguments))
        return processes[-1]

    monkeypatch.setattr(workers, "_start", remember)
    return processes


def ended(processes):
    return all(process.returncode is not None for process in processes)


def test_results_come_in_order_from_other_processes(started, capfd):
    told = []
    results = list(map_files("some_tasks:double", range(1000), told.append))
    assert [double for double, _ in results] == list(range(0, 2000, 2))
    processes = {process for _, process in results}
    assert os.getpid() not in processes
    assert processes == {process.pid for process in started}
    assert told[-1] == 1000
    assert told == sorted(told)
    assert ended(started)
    assert capfd.readouterr() == ("", "")


def test_few_items_are_done_here(started):
    told = []
    results = list(map_files("some_tasks:double", range(FEW - 1), told.append))
    assert {process for _, process in results} == {os.getpid()}
    assert told == list(range(1, FEW))
    assert started == []
    assert list(map_files("some_tasks:double", [], told.append)) == []


def test_process_that_dies_loses_the_item_it_was_at(started):
    results = list(map_files("some_tasks:die_at_some", range(300), lambda done: None))
    lost = (3, 4, 150)
    assert results == [None if item in lost else item for item in range(300)]
    assert len(started) >= len(lost) + 1
    assert ended(started)


@pytest.mark.parametrize("count", [FEW - 1, FEW + 100])
def test_error_of_the_function_is_one_line(count, started):
    mapped = map_files("some_tasks:raise_at_some", range(count), lambda done: None)
    with pytest.raises(DatasetError) as caught:
        list(mapped)
    assert str(caught.value) == (
        "some_tasks:raise_at_some failed at 150 (ValueError: two lines). Take it away, "
        "and report it."
    )
    assert ended(started)


def test_task_that_is_not_there_is_one_line(started):
    with pytest.raises(DatasetError, match="no_such_module"):
        list(map_files("no_such_module:echo", range(FEW), lambda done: None))
    assert ended(started)


def test_process_that_cannot_start_is_one_line(monkeypatch):
    monkeypatch.setattr(sys, "executable", "/no/such/python")
    with pytest.raises(DatasetError, match=r"Cannot start a process .*: No such file"):
        list(map_files("some_tasks:echo", range(FEW), lambda done: None))


def test_process_that_ends_at_its_start_is_one_line(monkeypatch):
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(DatasetError, match="ended at its start, with code 1"):
        list(map_files("some_tasks:echo", range(FEW), lambda done: None))


def test_names_of_any_bytes_and_long_lines_go_through():
    items = [f"\udcff\n{'é' * 60_000}{number}" for number in range(FEW)]
    assert list(map_files("some_tasks:echo", items, lambda done: None)) == items


def test_no_more_is_taken_on_than_is_asked_for(started, monkeypatch):
    """The memory does not grow with the number of items."""
    taken = []
    work = workers._Crew._work

    def remember(self, lot):
        taken.append(lot)
        return work(self, lot)

    monkeypatch.setattr(workers._Crew, "_work", remember)
    mapped = map_files("some_tasks:echo", range(10**5), lambda done: None)
    with closing(mapped):
        assert [next(mapped) for _ in range(5)] == list(range(5))
        time.sleep(0.3)  # in which much more would be done
        assert len(taken) <= len(started) * LOTS_AHEAD
    assert ended(started)


# Where the tests run in the background of a shell, SIGINT is ignored.
WAITING = """
import signal

from kerascnn.data.workers import map_files

signal.signal(signal.SIGINT, signal.default_int_handler)
for _ in map_files("some_tasks:sleep_long", range(1000), print):
    pass
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_no_process_outlives_the_one_that_started_it(number, tmp_path):
    variables = {"PYTHONPATH": os.pathsep.join([str(tmp_path), str(PACKAGE.parent)])}
    parent = subprocess.Popen(
        [sys.executable, "-c", WAITING],
        cwd=tmp_path,
        env=os.environ | variables,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        wait_until(lambda: list(tmp_path.glob("*.pid")))
        parent.send_signal(number)
        _, errors = parent.communicate(timeout=60)
    finally:
        parent.kill()
    assert parent.returncode == -number
    assert errors.count("Traceback") <= 1
    found = [int(path.stem) for path in tmp_path.glob("*.pid")]
    wait_until(lambda: not any(map(is_alive, found)))


def wait_until(happened):
    for _ in range(600):
        if happened():
            return
        time.sleep(0.1)
    pytest.fail("it did not happen")


def is_alive(process):
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"  # its new parent may not have taken note
