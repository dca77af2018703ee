"""Runs on disk: whole files, free names, the newest, and what is refused."""

import io
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path

import keras
import numpy as np
import pytest

import kerascnn
from kerascnn.data.facts import DatasetFacts
from kerascnn.errors import DivergedError, RunError, UnknownNameError
from kerascnn.runs import folder
from kerascnn.runs.folder import Run, list_runs, newest_run, open_run
from kerascnn.settings.config import TrainConfig

PACKAGE = Path(kerascnn.__file__).parent
CONFIG = TrainConfig(model="lenet", optimizer="adagrad")
FACTS = DatasetFacts.from_table("mnist")
create_run = partial(folder.create_run, dataset=FACTS)


def test_names_count_upwards(tmp_path):
    names = [create_run(CONFIG, {}, tmp_path).name for _ in range(3)]
    assert names == ["lenet-adagrad-1", "lenet-adagrad-2", "lenet-adagrad-3"]
    assert sorted(os.listdir(tmp_path)) == names


def run_of(tmp_path, classes=10, test=None):
    """A run of so many classes, which keeps so many test images."""
    names = tuple(map(str, range(classes)))
    counts = {} if test is None else {"train": 1, "validation": 0, "test": test}
    facts = replace(FACTS, class_names=names, counts=counts)
    return folder.create_run(CONFIG, {}, tmp_path, dataset=facts)


@pytest.mark.parametrize(("classes", "kind"), [(10, "uint8"), (300, "uint16")])
def test_predictions_take_no_more_bytes_than_they_need(tmp_path, classes, kind):
    run = run_of(tmp_path, classes)
    run.write_predictions(np.arange(classes))
    assert run.test_predictions.dtype == kind
    assert run.test_predictions.tolist() == list(range(classes))


def header(shape):
    """The beginning of a file of an array, which promises a shape."""
    file = io.BytesIO()
    value = {"descr": "|u1", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, value)
    return file.getvalue()


@pytest.mark.parametrize(
    "content",
    [b"", b"no array", header((10**18,)), header((10**6,)), header((2,)), None],
)
def test_predictions_that_cannot_be_read_are_one_line(tmp_path, content):
    run = run_of(tmp_path)
    if content is not None:
        run.predictions_path.write_bytes(content)
    with pytest.raises(
        RunError, match=r"Cannot read .*test_predictions\.npy: "
    ) as error:
        _ = run.test_predictions
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "array",
    [
        np.array([{}], object),
        np.zeros(3, np.float32),
        np.zeros((3, 1), np.uint8),
        np.zeros((), np.uint8),
        np.zeros(2, np.uint8),
        np.zeros(4, np.uint8),
        np.array([0, 1, 10]),
        np.array([0, 1, -1]),
        np.array(["0", "1", "2"]),
    ],
    ids=lambda array: f"{array.dtype} {array.shape}",
)
def test_predictions_that_are_no_classes_of_the_images_are_refused(tmp_path, array):
    run = run_of(tmp_path, test=3)
    run.write_predictions(np.array([0, 9, 1]))
    assert run.test_predictions.tolist() == [0, 9, 1]
    np.save(run.predictions_path, array)
    with pytest.raises(RunError, match=r"Cannot read .*Train the run again\.$"):
        _ = run.test_predictions


@pytest.mark.parametrize("name", ["history.csv", "steps.csv"])
@pytest.mark.parametrize(
    "content",
    [
        b"epoch\nx\n",
        b"epoch\n1,2\n",
        b'epoch\n"1\n',
        b"epoch\n\0\n",
        b"\xff\xfe",
        b"epoch\n" + b"1" * 200_000,
    ],
)
def test_table_that_cannot_be_read_is_one_line(tmp_path, name, content):
    run = run_of(tmp_path)
    (run.path / name).write_bytes(content)
    with pytest.raises(RunError, match=rf"Cannot read .*{name}: ") as error:
        _ = run.epochs if name == "history.csv" else run.steps
    assert "\n" not in str(error.value)


def test_files_of_a_run_are_files(tmp_path):
    run = run_of(tmp_path)
    names = {
        **{"history.csv": "epochs", "steps.csv": "steps", "metrics.json": "metrics"},
        **{"test_predictions.npy": "test_predictions", "dataset.json": "dataset"},
        "environment.json": "environment",
    }
    for name, attribute in names.items():
        path = run.path / name
        kept = path.read_bytes() if path.exists() else b""
        path.unlink(missing_ok=True)
        os.mkfifo(path)
        with pytest.raises(RunError, match=r"Cannot read .* it is a pipe, not a file"):
            getattr(run, attribute)
        path.unlink()
        path.write_bytes(kept)


def test_new_run_holds_settings_environment_and_facts_of_the_data(tmp_path):
    run = create_run(CONFIG, {"python": "3"}, tmp_path / "a" / "b", name="mine")
    assert run.path == tmp_path / "a" / "b" / "mine"
    assert run.config == CONFIG
    assert run.settings == CONFIG.resolve()
    assert run.environment == {"python": "3"}
    assert run.dataset == FACTS
    assert run.status == "unfinished"


def test_run_without_facts_takes_them_from_the_table(tmp_path):
    """One of version 0.1 has no dataset.json."""
    run = create_run(TrainConfig(model="lenet", dataset="kmnist"), {}, tmp_path)
    assert run.dataset.name == "mnist"
    (run.path / "dataset.json").unlink()
    assert run.dataset == DatasetFacts.from_table("kmnist")


def test_damaged_facts_name_their_file(tmp_path):
    run = create_run(CONFIG, {}, tmp_path)
    path = run.path / "dataset.json"
    path.write_text("{")
    with pytest.raises(RunError, match=r"Cannot read .*dataset\.json"):
        _ = run.dataset
    run.write_json("dataset.json", FACTS.to_dict() | {"class_names": [1]})
    with pytest.raises(RunError, match=rf"{path} .*class_names has to be a list"):
        _ = run.dataset


def test_taken_name_is_refused_and_the_run_stays(tmp_path):
    run = create_run(CONFIG, {"first": True}, tmp_path, name="mine")
    with pytest.raises(RunError, match="Choose another --name"):
        create_run(CONFIG, {}, tmp_path, name="mine")
    assert run.environment == {"first": True}
    assert os.listdir(tmp_path) == ["mine"]


# Makes runs in a folder and prints them with the seeds that their settings hold.
MAKE = """
import os, sys
from pathlib import Path
os.getpid = lambda: 1  # as the first process of a container has
from kerascnn.data.facts import DatasetFacts
from kerascnn.runs.folder import create_run
from kerascnn.settings.config import TrainConfig

first, out = int(sys.argv[1]), Path(sys.argv[2])
for seed in range(first, first + 30):
    config = TrainConfig(model="lenet", seed=seed)
    facts = DatasetFacts.from_table("mnist")
    print(seed, create_run(config, {"seed": seed}, out, dataset=facts).name)
"""


def test_processes_of_equal_numbers_do_not_mix_their_runs(tmp_path):
    makers = [
        subprocess.Popen(
            [sys.executable, "-c", MAKE, str(first), str(tmp_path / "runs")],
            env=os.environ | {"PYTHONPATH": str(PACKAGE.parent)},
            stdout=subprocess.PIPE,
            text=True,
        )
        for first in (0, 100)
    ]
    made = [
        line.split()
        for maker in makers
        for line in maker.communicate()[0].split("\n")
        if line
    ]
    assert_made_apart(tmp_path / "runs", [(int(seed), name) for seed, name in made], 60)


def test_threads_do_not_mix_their_runs(tmp_path):
    def make(seed):
        config = TrainConfig(model="lenet", seed=seed)
        return seed, create_run(config, {"seed": seed}, tmp_path).name

    with ThreadPoolExecutor(4) as pool:
        assert_made_apart(tmp_path, list(pool.map(make, range(100))), 100)


def assert_made_apart(out, made, count):
    """Each run has its own name and what it was made with, and nothing else is left."""
    assert len(dict(made)) == count
    assert sorted(os.listdir(out)) == sorted(name for _, name in made)
    for seed, name in made:
        run = Run(out / name)
        assert run.settings.seed == run.environment["seed"] == seed


def test_folder_of_a_run_is_open_to_those_whom_the_umask_lets_in(tmp_path):
    before = os.umask(0o027)
    try:
        run = create_run(CONFIG, {}, tmp_path)
    finally:
        os.umask(before)
    assert run.path.stat().st_mode & 0o777 == 0o750


@pytest.mark.parametrize("name", ["a" * 300, "七" * 100])
def test_name_that_is_too_long_for_a_folder_is_one_error(tmp_path, name):
    with pytest.raises(RunError, match=r"^Cannot write .*File name too long"):
        create_run(CONFIG, {}, tmp_path, name=name)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["a/b", "..", "", ".hidden", "a\0b"])
def test_name_that_is_no_folder_name_is_refused(tmp_path, name):
    with pytest.raises(RunError, match="plain folder name"):
        create_run(CONFIG, {}, tmp_path, name=name)
    assert list(tmp_path.iterdir()) == []


def test_folder_that_cannot_be_written_is_one_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match=r"Cannot write .*file: .* --out"):
        create_run(CONFIG, {}, tmp_path / "file")


def test_newest_is_the_one_that_finished_last(tmp_path, end_run):
    first, second, _ = (create_run(CONFIG, {}, tmp_path) for _ in range(3))
    end_run(second, finished_at="2026-01-01T00:00:00+00:00")
    end_run(first, finished_at="2026-01-02T00:00:00+00:00")
    assert newest_run(tmp_path) == first
    assert open_run(None, tmp_path) == first


def test_run_is_found_by_path_and_by_name(tmp_path):
    run = create_run(CONFIG, {}, tmp_path)
    assert open_run(run.path) == run
    assert open_run("lenet-adagrad-1", tmp_path) == run


def test_run_that_does_not_exist_suggests_the_nearest(tmp_path):
    with pytest.raises(RunError, match="Make one with: kerascnn train lenet"):
        open_run("x", tmp_path)
    with pytest.raises(RunError, match="no finished run"):
        open_run(None, tmp_path)
    create_run(CONFIG, {}, tmp_path)
    with pytest.raises(UnknownNameError, match="Did you mean 'lenet-adagrad-1'"):
        open_run("lenet-adagrad-2", tmp_path)


@pytest.mark.parametrize("name", ["", "  ", "x" * 300, "a\0b", "x/" * 3000, "\udcff"])
def test_run_of_a_name_that_cannot_be_is_one_short_line(tmp_path, name):
    with pytest.raises(RunError, match="There is no run") as caught:
        open_run(name, tmp_path)
    assert len(str(caught.value)) < 400
    create_run(CONFIG, {}, tmp_path)
    with pytest.raises(UnknownNameError, match="There is no run"):
        open_run(name, tmp_path)


def test_command_to_go_on_can_be_copied(tmp_path):
    run = create_run(CONFIG, {}, tmp_path, "my run")
    with pytest.raises(RunError, match=f"kerascnn train --resume '{run.path}'"):
        run.require_model()


def test_folder_that_is_no_run_is_refused(tmp_path):
    (tmp_path / "other").mkdir()
    with pytest.raises(RunError, match=r"holds no config\.json"):
        open_run("other", tmp_path)
    assert list_runs(tmp_path) == []


def test_other_folder_of_the_same_name_does_not_hide_a_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = create_run(CONFIG, {}, Path("runs"), name="pets")
    Path("pets").mkdir()
    assert open_run("pets", "runs") == run
    Path("letters").mkdir()
    with pytest.raises(RunError, match=r"^letters is no run: it holds no config\.json"):
        open_run("letters", "runs")


def test_csv_round_trip_leaves_out_what_was_not_taken(tmp_path):
    run = Run(tmp_path)
    run.write_csv("history.csv", [{"epoch": 1, "loss": 0.1 + 0.2, "other": None}])
    assert run.epochs == [{"epoch": 1.0, "loss": 0.1 + 0.2}]
    assert run.history == {"epoch": [1.0], "loss": [0.1 + 0.2]}


def test_history_has_a_column_for_each_number_and_a_place_for_each_epoch(tmp_path):
    run = Run(tmp_path)
    losses = [{"epoch": 1, "loss": 0.5, "validation_loss": None}]
    run.write_csv("history.csv", [*losses, {"epoch": 2, "validation_loss": 0.25}])
    assert list(run.history) == ["epoch", "loss", "validation_loss"]
    np.testing.assert_array_equal(run.history["loss"], [0.5, np.nan])
    np.testing.assert_array_equal(run.history["validation_loss"], [np.nan, 0.25])


def test_figures_are_the_pictures_by_name(tmp_path):
    run = Run(tmp_path)
    assert run.figures == {}
    run.figures_path.mkdir()
    for name in ("curves.png", "confusion_matrix.png", "curves.svg"):
        (run.figures_path / name).touch()
    assert run.figures == {
        "confusion_matrix": run.figures_path / "confusion_matrix.png",
        "curves": run.figures_path / "curves.png",
    }


def test_model_of_a_run_is_a_plain_keras_model(lenet_run, lenet, splits):
    model = lenet_run.load_model()
    assert isinstance(model, keras.Model)
    images = splits[1].images[:10]
    np.testing.assert_allclose(model.predict(images), lenet.predict(images), rtol=1e-5)


def test_broken_files_are_one_error(tmp_path):
    run = create_run(CONFIG, {}, tmp_path)
    (run.path / "metrics.json").write_text("{")
    with pytest.raises(RunError, match=r"Cannot read .*metrics\.json"):
        _ = run.metrics
    (run.path / "metrics.json").write_text("[]")
    with pytest.raises(RunError, match="one JSON object"):
        _ = run.metrics
    run.write_json("metrics.json", {"status": "lost"})
    with pytest.raises(RunError, match=r"Cannot read .*metrics\.json: finished_at is"):
        _ = run.metrics
    run.write_json("environment.json", {"computation": {}})
    with pytest.raises(RunError, match=r"Cannot read .*environment\.json: .* Put it"):
        _ = run.computation
    (run.path / "history.csv").write_text("epoch\nx\n")
    with pytest.raises(RunError, match=r"Cannot read .*history\.csv"):
        _ = run.epochs


def test_model_is_only_given_when_finished(tmp_path, end_run):
    run = create_run(CONFIG, {}, tmp_path)
    with pytest.raises(RunError, match=r"has not finished.*--resume"):
        run.require_model()
    end_run(run, status="diverged", diverged_at_epoch=2)
    with pytest.raises(DivergedError, match="diverged in epoch 2"):
        run.require_model()
    end_run(run)
    with pytest.raises(RunError, match=r"has finished, but model\.keras is gone"):
        run.require_model()
    run.model_path.touch()
    assert run.require_model() == run.model_path


def test_lock_keeps_a_second_process_out(tmp_path):
    run = create_run(CONFIG, {}, tmp_path)
    code = (
        "import sys, time; from pathlib import Path\n"
        "from kerascnn.runs.folder import Run\n"
        "with Run(Path(sys.argv[1])).locked(): print(1, flush=True); time.sleep(60)"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", code, str(run.path)], stdout=subprocess.PIPE
    )
    try:
        assert other.stdout.readline() == b"1\n"
        with pytest.raises(RunError, match="trained by another process"), run.locked():
            pass
    finally:
        other.kill()
        other.wait()
        other.stdout.close()
    with run.locked():  # a killed process holds nothing
        pass


def test_list_is_in_the_order_of_making(tmp_path):
    for name in ("b", "a"):
        create_run(CONFIG, {}, tmp_path, name=name)
        time.sleep(0.01)
    assert [run.name for run in list_runs(tmp_path)] == ["b", "a"]
