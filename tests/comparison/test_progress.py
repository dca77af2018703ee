"""How far a comparison is, counted from its files and timed by its runs."""

from types import SimpleNamespace

import pytest

from kerascnn.comparison import progress as module
from kerascnn.comparison.progress import Progress


@pytest.fixture
def clock(monkeypatch):
    """A clock that is put forward by hand, in seconds."""
    now = [0.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])

    def forward(seconds):
        now[0] += seconds

    return forward


def executor(jobs=1, **places):
    """So many trainings side by side, some of them on workers."""
    return SimpleNamespace(jobs=jobs, where=lambda name: places.get(name, ""))


def test_final_runs_count_from_the_start(made):
    """Six rates are tried, and two optimizers run with two seeds."""
    folder = made.make(seeds=2)
    progress = Progress(folder)
    assert progress.count == "[0/10]"
    assert progress.line(executor()) == "[0/10]  cost 0.00 h"
    made.do_runs(folder, made.inside)
    progress.update()
    assert progress.count == "[10/10]"


def test_time_left_and_cost_follow_from_the_images_of_runs_that_ended(made, clock):
    settings = {"seeds": 2, "tuning_epochs": 1, "tuning_limit": 6_000}
    folder = made.make(epochs=3, limit=12_000, **settings)
    progress = Progress(folder)
    first, second = folder.left()[:2]
    for run in (first, second):
        progress.start(run)
    line = f"[0/10]  cost 0.00 h  {first.name}, {second.name}"
    assert progress.line(executor(2)) == line
    clock(18.0)
    made.write_run(folder.runs_path, first)
    progress.end(first)
    # 18 s for 6,000 images: five tuning runs of 18 s, of which one has its 18 s behind
    # it, and four final ones of 108 s, two at a time. Two had 18 s.
    line = "[1/10]  about 4 min 12 s left  cost 0.01 h, 0.14 h to go"
    assert progress.line(executor(2)) == f"{line}  {second.name}"
    clock(100.0)  # longer than it should take
    line = "[1/10]  about 4 min 12 s left  cost 0.04 h, 0.14 h to go"
    on_worker = executor(2, **{second.name: "10.0.0.2:4000"})
    assert progress.line(on_worker) == f"{line}  {second.name} on 10.0.0.2:4000"


def test_run_that_ended_undone_costs_and_is_timed_again(made, clock):
    folder = made.make()
    progress = Progress(folder)
    run = folder.left()[0]
    progress.start(run)
    clock(360.0)
    progress.end(run)
    assert progress.line(executor(0)) == "[0/12]  cost 0.10 h  no worker is there yet"
    progress.start(run)
    clock(360.0)
    made.write_run(folder.runs_path, run)
    progress.end(run)
    # 11 more of 360 s.
    line = "[1/12]  about 1 h 06 min left  cost 0.20 h, 1.10 h to go"
    assert progress.line(executor()) == line


def test_cost_counts_what_was_spent_before(made):
    folder = made.make()
    for run in folder.left()[:2]:
        made.write_run(folder.runs_path, run, seconds=600.0)
    # Three epochs each.
    assert Progress(folder).line(executor()) == "[2/12]  cost 1.00 h"


def test_network_that_was_not_timed_yet_is_named(made, clock):
    folder = made.make(models=("lenet", "vgg16"), seeds=2, tuning_limit=1_000)
    progress = Progress(folder)
    run = folder.left()[0]
    progress.start(run)
    clock(5.0)
    made.write_run(folder.runs_path, run)
    progress.end(run)
    assert progress.line(executor()).endswith(" h to go, and vgg16")
