"""What is left is done, once, whatever happens to the runs."""

import itertools
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from kerascnn.comparison import report
from kerascnn.comparison.executors import local, training
from kerascnn.comparison.results import derive_results
from kerascnn.comparison.run import gather_comparisons, run_comparison
from kerascnn.errors import ConfigError, RunError, TrainingInterruptedError
from kerascnn.machine import threads
from kerascnn.machine.reporter import Reporter


def fake_subprocess(process):
    """A module `subprocess` that starts what is given."""
    return SimpleNamespace(Popen=process, DEVNULL=subprocess.DEVNULL)


# As if they had been drawn, which takes long.
NO_FIGURES = {
    name: {"caption": "", "data": ""}
    for name in (
        *("forest", "lenet-pair", "lenet-sgd", "lenet-adagrad", "vgg16-pair"),
        *("vgg16-sgd", "vgg16-adagrad", "rates", "accuracy-seconds"),
    )
}


class Lines(Reporter):
    def __init__(self):
        self.lines = []

    def message(self, text):
        self.lines.append(text)


class FakeProcess:
    """A training that ends at once, as `outcome` says of its run's name."""

    started = []  # noqa: RUF012 - the fixture empties it

    def __init__(self, words, *, env, stdout, **options):
        assert words[:4] == [sys.executable, "-P", "-m", "kerascnn"]
        assert words[4] == "train"
        if "--resume" in words:
            self.name = Path(words[words.index("--resume") + 1]).name
            self.kind = "resume"
        else:
            self.name = words[words.index("--name") + 1]
            self.kind = "new"
            self.computed_as = dict(itertools.pairwise(words)).get("--computed-as")
        self.env = env
        FakeProcess.started.append(self)
        done = FakeProcess.act(self.name)
        if not done:
            stdout.write(b"Some words\nError: out of memory\n\n")
        self.code = 0 if done else 1

    def poll(self):
        return self.code

    def terminate(self):
        pass

    def wait(self):
        return self.code


@pytest.fixture
def trained(made, monkeypatch):
    """Trainings that take no time; what was started, and how it shall end."""
    state = SimpleNamespace(
        started=[],
        failing=set(),
        diverging=set(),
        folder=made.make(seeds=2),
        options={},
    )
    monkeypatch.setattr(FakeProcess, "started", state.started)

    def act(name):
        if name in state.failing:
            return False
        planned = {run.name: run for run in state.folder.planned()}[name]
        status = "diverged" if name in state.diverging else "finished"
        made.write_run(
            state.folder.runs_path,
            planned,
            status=status,
            accuracy=made.inside(planned),
        )
        return True

    monkeypatch.setattr(FakeProcess, "act", act, raising=False)
    monkeypatch.setattr(training, "subprocess", fake_subprocess(FakeProcess))
    monkeypatch.setattr(report, "_save_figures", lambda *of: NO_FIGURES)
    return state


def scored(state):
    return list(state.folder.read_json("test.json")["runs"])


def names(state):
    return [process.name for process in state.started]


def test_everything_is_done_in_the_order_of_the_plan(trained):
    lines = Lines()
    results = run_comparison(trained.folder, jobs=1, reporter=lines)
    assert names(trained) == [
        *(f"lenet-sgd-rate-{rate}" for rate in (0.01581, 0.05, 0.1581)),
        *(f"lenet-adagrad-rate-{rate}" for rate in (0.01581, 0.05, 0.1581)),
        *("lenet-sgd-seed-1", "lenet-adagrad-seed-1"),
        *("lenet-sgd-seed-2", "lenet-adagrad-seed-2"),
    ]
    assert {process.kind for process in trained.started} == {"new"}
    assert scored(trained) == names(trained)[6:]
    assert results.to_dict() == trained.folder.read_json("results.json")
    assert lines.lines[0] == (
        "[1/10] lenet-sgd-rate-0.01581: validation accuracy 90.00% in 6.0 s"
    )
    for name in ("chosen.json", "test.json", "results.json", "report.html"):
        assert trained.folder.has(name)


def test_all_runs_are_computed_as_the_first_of_their_network(trained):
    run_comparison(trained.folder, jobs=1)
    first, *others = trained.started
    assert first.computed_as is None
    path = str(trained.folder.runs_path / first.name)
    assert {process.computed_as for process in others} == {path}


def test_finished_comparison_does_nothing_again(trained):
    results = run_comparison(trained.folder, jobs=1)
    count = len(trained.started)
    report = trained.folder.path / "report.html"
    before = report.stat().st_mtime_ns
    lines = Lines()
    assert run_comparison(trained.folder, jobs=1, reporter=lines) == results
    assert len(trained.started) == count
    assert lines.lines == []
    assert report.stat().st_mtime_ns == before


def test_report_that_is_missing_is_written_again_from_the_files(trained):
    results = run_comparison(trained.folder, jobs=1)
    (trained.folder.path / "report.html").unlink()
    assert run_comparison(trained.folder, jobs=1) == results
    assert trained.folder.has("report.html")


def test_only_what_is_left_is_done(trained, made):
    done = trained.folder.left()[0]
    made.write_run(trained.folder.runs_path, done)
    begun = trained.folder.left()[0]
    run = made.write_run(trained.folder.runs_path, begun)
    (run.path / "metrics.json").unlink()
    run_comparison(trained.folder, jobs=2)
    assert done.name not in names(trained)
    kinds = {process.name: process.kind for process in trained.started}
    assert kinds.pop(begun.name) == "resume"
    assert set(kinds.values()) == {"new"}


def test_models_are_deleted(trained):
    run_comparison(trained.folder, jobs=1)
    assert list(trained.folder.runs_path.glob("*/*.keras")) == []
    assert len(list(trained.folder.runs_path.glob("*/test_predictions.npy"))) == 4


def test_diverged_run_does_not_stop_the_rest(trained):
    trained.diverging = {"lenet-adagrad-seed-2", "lenet-sgd-rate-0.1581"}
    lines = Lines()
    results = run_comparison(trained.folder, jobs=1, reporter=lines)
    assert "lenet-adagrad-seed-2 diverged in epoch 3" in lines.lines[9]
    assert scored(trained) == names(trained)[6:9]
    (row,) = results.networks[0].comparisons
    assert row.dropped_pairs == 1


def test_failed_run_does_not_stop_the_rest_and_is_tried_again(trained):
    trained.failing = {"lenet-sgd-seed-1"}
    with pytest.raises(RunError, match="1 of the runs failed") as error:
        run_comparison(trained.folder, jobs=1)
    assert "lenet-sgd-seed-1: Error: out of memory" in str(error.value)
    assert "--without-failed" in str(error.value)
    assert len(trained.started) == 10
    assert not trained.folder.has("test.json")
    trained.failing = set()
    results = run_comparison(trained.folder, jobs=1)
    assert names(trained)[10:] == ["lenet-sgd-seed-1"]
    assert results.networks[0].optimizers[0].failed == 0


def test_failed_run_can_be_done_without(trained):
    trained.failing = {"lenet-sgd-seed-1", "lenet-adagrad-rate-0.1581"}
    results = run_comparison(trained.folder, jobs=1, without_failed=True)
    assert scored(trained) == names(trained)[7:]
    sgd, adagrad = results.networks[0].optimizers
    assert sgd.failed == 1
    assert [trial.status for trial in adagrad.tuning.trials] == [
        *("finished", "finished", "failed")
    ]
    assert "out of memory" in trained.folder.failed()["lenet-sgd-seed-1"]
    # It stays so.
    assert run_comparison(trained.folder, jobs=1) == results


def test_cores_are_shared_among_the_jobs(trained, monkeypatch):
    monkeypatch.setattr(threads, "usable_cores", lambda: 8)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setenv("TF_NUM_INTEROP_THREADS", "5")
    run_comparison(trained.folder, jobs=3)
    for process in trained.started:
        assert process.env["TF_NUM_INTRAOP_THREADS"] == "2"
        assert process.env["OMP_NUM_THREADS"] == "2"
        assert process.env["TF_NUM_INTEROP_THREADS"] == "5"


def test_each_job_sees_a_gpu_of_its_own_and_free_ones_are_taken_again(trained):
    planned = trained.folder.left()
    pool = local.Pool(trained.folder, jobs=3, gpus=["2", "GPU-8f", "5"])
    for run in planned[:3]:
        pool.start(run)
    for place in (0, 2):
        trained.started[place].code = None  # goes on
    assert pool.wait([], lambda: None) == [(planned[1], 0)]
    assert pool.running == {planned[0].name, planned[2].name}
    pool.start(planned[3])
    used = [process.env["CUDA_VISIBLE_DEVICES"] for process in trained.started]
    assert used == ["2", "GPU-8f", "5", "GPU-8f"]


def test_more_jobs_than_gpus_share_them_evenly(trained):
    pool = local.Pool(trained.folder, jobs=4, gpus=["0", "1"])
    for run in trained.folder.left()[:4]:
        pool.start(run)
    used = [process.env["CUDA_VISIBLE_DEVICES"] for process in trained.started]
    assert used == ["0", "1", "0", "1"]


def test_without_gpus_the_variable_stays_as_it_is(trained, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
    run_comparison(trained.folder, jobs=1)
    used = {process.env["CUDA_VISIBLE_DEVICES"] for process in trained.started}
    assert used == {"-1"}


def test_there_is_a_job_a_gpu_or_else_one_a_core(monkeypatch):
    monkeypatch.setattr(local, "usable_cores", lambda: 16)
    assert local.default_jobs([]) == 4
    assert local.default_jobs(["0"]) == 1
    assert local.default_jobs(list("01234567")) == 8
    monkeypatch.setattr(local, "usable_cores", lambda: 2)
    assert local.default_jobs([]) == 2
    assert local.default_jobs(list("01234567")) == 2


def test_one_job_has_all_cores(trained, monkeypatch):
    monkeypatch.delenv("TF_NUM_INTRAOP_THREADS", raising=False)
    run_comparison(trained.folder, jobs=1)
    assert "TF_NUM_INTRAOP_THREADS" not in trained.started[0].env


def test_run_that_another_process_trains_is_waited_for(trained, made):
    """A killed comparison leaves trainings behind; they are not started twice."""
    planned = trained.folder.left()[0]
    run = made.write_run(trained.folder.runs_path, planned)
    metrics = run.path / "metrics.json"
    metrics.rename(run.path / "later.json")
    program = (
        "import fcntl, os, sys, time\n"
        "os.chdir(sys.argv[1])\n"
        "lock = open('.lock', 'a')\n"
        "fcntl.flock(lock, fcntl.LOCK_EX)\n"
        "print('locked', flush=True)\n"
        "time.sleep(1.5)\n"
        "os.rename('later.json', 'metrics.json')\n"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", program, run.path], stdout=subprocess.PIPE
    )
    assert other.stdout.readline() == b"locked\n"
    run_comparison(trained.folder, jobs=1)
    other.communicate()
    assert planned.name not in names(trained)


def test_signal_stops_the_runs_and_says_how_to_go_on(trained, monkeypatch):
    class Endless(FakeProcess):
        def __init__(self, words, **options):
            self.code = None
            os.kill(os.getpid(), signal.SIGTERM)

        def terminate(self):
            self.code = 0

    monkeypatch.setattr(training, "subprocess", fake_subprocess(Endless))
    with pytest.raises(TrainingInterruptedError, match="kerascnn compare --out"):
        run_comparison(trained.folder, jobs=1)
    assert not trained.folder.has("chosen.json")


# Comparisons gathered


@pytest.mark.slow
def test_gathered_comparisons_are_reported_together(trained, made, tmp_path):
    other = made.make(name="other", models=("vgg16",), seeds=2)
    for folder in (trained.folder, other):
        made.do_runs(folder, made.inside)
    run_comparison(trained.folder)
    out = tmp_path / "all"
    parts = [trained.folder, other]
    results = gather_comparisons([part.path for part in parts], out)
    assert [network.model for network in results.networks] == ["lenet", "vgg16"]
    assert results == derive_results(parts)
    for name in ("results.json", "report.html", "report.md"):
        assert (out / name).is_file()
    assert not (other.path / "report.html").exists()
    # And again, from the same files.
    assert gather_comparisons([part.path for part in parts], out) == results


def test_runs_that_are_left_are_not_gathered(trained, tmp_path):
    with pytest.raises(
        RunError, match=r"has 6 runs left, lenet-sgd-rate-0\.01581 first"
    ):
        gather_comparisons([trained.folder.path], tmp_path / "all")
    assert not (tmp_path / "all").exists()


def test_gathering_into_a_comparison_is_refused(trained):
    path = trained.folder.path
    with pytest.raises(ConfigError, match="holds a comparison of its own"):
        gather_comparisons([path], path)


def test_copy_without_weights_and_logs_goes_on_where_it_was(trained, tmp_path):
    """What version control keeps: no weights, logs, locks or checkpoints."""
    trained.failing = {"lenet-adagrad-seed-2"}
    with pytest.raises(RunError, match="1 of the runs failed"):
        run_comparison(trained.folder, jobs=1)
    copy = type(trained.folder)(tmp_path / "copy")
    ignored = shutil.ignore_patterns("*.keras", "checkpoint", ".lock", "logs")
    shutil.copytree(trained.folder.path, copy.path, ignore=ignored)
    trained.failing, before = set(), len(trained.started)
    trained.folder = copy
    results = run_comparison(copy, jobs=1)
    assert names(trained)[before:] == ["lenet-adagrad-seed-2"]
    assert results.networks[0].comparisons[0].seeds == [1, 2]
