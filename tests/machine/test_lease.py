"""A lease has one holder at most, and none for ever."""

import json
import threading

import pytest

from kerascnn.errors import RunError
from kerascnn.machine import lease as module
from kerascnn.machine.lease import EXPIRY_SECONDS, Watch, holder_of, take


@pytest.fixture
def clock(monkeypatch):
    """A clock that is put forward by hand, in seconds; `sleep` does it as well."""
    now = [0.0]

    def forward(seconds):
        now[0] += seconds

    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(module.time, "sleep", forward)
    return forward


def expire(folder, clock):
    """Watch a lease until it has expired, and return its state."""
    watch = Watch()
    assert watch.is_held(folder)
    assert watch.expired(folder) is None
    clock(EXPIRY_SECONDS)
    assert not watch.is_held(folder)
    return watch.expired(folder)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_second_taker_gets_nothing_until_it_is_released(tmp_path):
    folder = tmp_path / "leases" / "run"
    assert holder_of(folder) is None
    first = take(folder, "a")
    assert holder_of(folder) == "a"
    assert take(folder, "b") is None
    assert first.renew()
    assert take(folder, "b") is None
    first.release()
    assert holder_of(folder) is None
    assert take(folder, "b").renew()
    assert holder_of(folder) == "b"
    assert names(folder) == ["1.json", "2.json"]


@pytest.mark.parametrize("is_expired", [False, True])
def test_of_many_takers_at_once_one_wins(is_expired, tmp_path, clock):
    expired = None
    if is_expired:
        take(tmp_path, "gone")
        expired = expire(tmp_path, clock)
    barrier, leases = threading.Barrier(16), []

    def try_it():
        barrier.wait()
        leases.append(take(tmp_path, "taker", expired))

    threads = [threading.Thread(target=try_it) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    [lease] = filter(None, leases)
    assert lease.renew()
    assert len(leases) == 16
    assert len(names(tmp_path)) == 1 + is_expired


def test_lease_that_is_renewed_does_not_expire(tmp_path, clock):
    lease, watch = take(tmp_path, "a"), Watch()
    for _ in range(5):
        assert watch.is_held(tmp_path)
        clock(EXPIRY_SECONDS - 1)
        assert watch.is_held(tmp_path)
        assert lease.renew()
    assert watch.is_held(tmp_path)
    lease.release()
    assert not watch.is_held(tmp_path)
    assert watch.expired(tmp_path) is None


def test_expired_lease_is_taken_over_unless_it_was_renewed_since(tmp_path, clock):
    lease = take(tmp_path, "a")
    expired = expire(tmp_path, clock)
    assert lease.renew()  # it was only slow
    assert take(tmp_path, "b", expired) is None
    assert take(tmp_path, "b", expire(tmp_path, clock)).renew()


def test_lease_that_was_created_and_never_written_expires(tmp_path, clock):
    (tmp_path / "1.json").touch()
    assert take(tmp_path, "b") is None
    assert take(tmp_path, "b", expire(tmp_path, clock)).renew()


def test_tenth_lease_comes_after_the_ninth(tmp_path):
    for _ in range(12):
        lease = take(tmp_path, "a")
        assert take(tmp_path, "b") is None
        lease.release()
    assert lease.path.name == "12.json"


def test_holder_that_lost_changes_nothing_and_is_told(tmp_path, clock):
    slow = take(tmp_path, "a")
    new = take(tmp_path, "b", expire(tmp_path, clock))
    before = {path: path.read_text() for path in tmp_path.iterdir()}
    assert not slow.renew()
    slow.release()
    told = []
    slow.keep(lambda: told.append(True))
    assert told == [True]
    assert {path: path.read_text() for path in tmp_path.iterdir()} == before
    assert new.renew()


def test_release_while_it_is_being_renewed_stays(tmp_path, monkeypatch):
    lease = take(tmp_path, "a")
    write, begun, may_end = module.write_json, threading.Event(), threading.Event()

    def write_slowly(path, value):
        if not value["released"]:
            begun.set()
            may_end.wait(60)
        write(path, value)

    monkeypatch.setattr(module, "write_json", write_slowly)
    renewal = threading.Thread(target=lease.renew)
    release = threading.Thread(target=lease.release)
    renewal.start()
    assert begun.wait(60)
    release.start()
    release.join(0.2)  # without a lock it would end now, and the renewal undo it
    may_end.set()
    for thread in (renewal, release):
        thread.join(60)
    assert holder_of(tmp_path) is None
    assert lease.renew()  # by its keeper, which does not know yet
    assert holder_of(tmp_path) is None
    other = take(tmp_path, "b")
    assert lease.renew()  # nothing was lost
    assert other.renew()


def test_lease_whose_files_are_gone_is_lost(tmp_path):
    lease = take(tmp_path / "run", "a")
    lease.path.unlink()
    lease.path.parent.rmdir()
    assert not lease.renew()
    assert not (tmp_path / "run").exists()


def test_keeper_renews_and_gives_up_before_others_may_take_over(
    tmp_path, clock, monkeypatch
):
    lease = take(tmp_path, "a")
    write, tries = module.write_json, []

    def write_sometimes(path, value):
        tries.append(value["renewals"])
        if len(tries) in (2, 3) or len(tries) > 5:
            raise RunError("no room")
        write(path, value)

    monkeypatch.setattr(module, "write_json", write_sometimes)
    before, told = module.time.monotonic(), []
    lease.keep(lambda: told.append(module.time.monotonic() - before))
    # A pause of two tries is bridged. After the fifth, nothing can be written any more.
    assert tries[:6] == [1, 2, 2, 2, 3, 4]
    [seconds] = told
    last = 5 * module.RENEW_SECONDS
    assert seconds - last < EXPIRY_SECONDS - module.RENEW_SECONDS
    assert json.loads(lease.path.read_text())["renewals"] == 3
