"""Runs are removed, and nothing else is."""

import shutil

import pytest

from kerascnn.data.facts import DatasetFacts
from kerascnn.errors import RunError
from kerascnn.runs.folder import Run, create_run
from kerascnn.runs.removal import remove_run
from kerascnn.settings.config import TrainConfig


@pytest.fixture
def run(tmp_path):
    facts = DatasetFacts.from_table("mnist")
    return create_run(TrainConfig(model="lenet"), {}, tmp_path / "runs", dataset=facts)


def contents(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def test_folder_is_gone_with_all_in_it(run):
    run.write_text("figures/curves.png", "x" * 10_000)
    assert remove_run(run) > 10_000
    assert list(run.path.parent.iterdir()) == []


def test_what_a_link_in_a_run_leads_to_stays(run, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "file").write_text("precious")
    (run.path / "export").symlink_to(outside)
    (run.path / "model.keras").symlink_to(outside / "file")
    remove_run(run)
    assert not run.path.exists()
    assert (outside / "file").read_text() == "precious"


def test_link_to_a_run_is_refused(run, tmp_path):
    link = tmp_path / "link"
    link.symlink_to(run.path)
    for path in (link, run.path / "..", tmp_path / "runs" / "x" / ".."):
        with pytest.raises(RunError, match=r"a link or dots|may be no run"):
            remove_run(Run(path))
    assert run.path.exists()


def test_folder_of_something_else_is_refused(run, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    (other / "thesis.txt").write_text("years of work")
    for config in ('{"model_type": "bert"}', '{"model": "lenet"}', "{"):
        (other / "config.json").write_text(config)
        with pytest.raises(RunError, match="may be no run"):
            remove_run(Run(other))
    assert contents(other) == ["config.json", "thesis.txt"]


def test_folder_that_holds_other_runs_is_refused(run, tmp_path):
    outer = tmp_path / "runs"
    for name in ("config.json", "environment.json"):
        shutil.copy(run.path / name, outer)
    with pytest.raises(RunError, match=r"holds other runs, lenet-sgd-1"):
        remove_run(Run(outer))
    assert run.path.exists()


def test_run_that_is_being_trained_is_refused(run):
    with run.locked(), pytest.raises(RunError, match="being trained"):
        remove_run(Run(run.path))
    assert run.has("config.json")
