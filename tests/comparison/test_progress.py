"""How far a comparison is, counted from its files and timed by its runs."""

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


def test_final_runs_count_from_the_start(made):
    """Six rates are tried, and two optimizers run with two seeds."""
    folder = made.make(seeds=2)
    progress = Progress(folder, jobs=1)
    assert progress.count == "[0/10]"
    assert progress.line() == "[0/10]"
    made.do_runs(folder, made.inside)
    progress.update()
    assert progress.count == "[10/10]"


def test_time_left_follows_from_the_images_of_runs_that_ended(made, clock):
    settings = {"seeds": 2, "tuning_epochs": 1, "tuning_limit": 6_000}
    folder = made.make(epochs=3, limit=12_000, **settings)
    progress = Progress(folder, jobs=2)
    first, second = folder.left()[:2]
    for run in (first, second):
        progress.start(run)
    assert progress.line() == f"[0/10]  {first.name}, {second.name}"
    clock(12.0)
    made.write_run(folder.runs_path, first)
    progress.end(first)
    # 12 s for 6,000 images: five tuning runs of 12 s, of which one has its 12 s behind
    # it, and four final ones of 72 s, two at a time.
    assert progress.line() == f"[1/10]  about 2 min 48 s left  {second.name}"
    clock(100.0)  # longer than it should take
    assert progress.line() == f"[1/10]  about 2 min 48 s left  {second.name}"


def test_network_that_was_not_timed_yet_is_named(made, clock):
    folder = made.make(models=("lenet", "vgg16"), seeds=2, tuning_limit=1_000)
    progress = Progress(folder, jobs=1)
    run = folder.left()[0]
    progress.start(run)
    clock(5.0)
    made.write_run(folder.runs_path, run)
    progress.end(run)
    assert progress.line().endswith(" left, and vgg16")
