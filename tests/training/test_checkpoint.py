"""Checkpoints: what they hold, of what training they are, and what is refused."""

import io
import json
import os
import shutil
import signal
import zipfile
from dataclasses import fields, replace

import keras
import numpy as np
import pytest

from kerascnn.data.facts import DatasetFacts
from kerascnn.errors import RunError, TrainingInterruptedError
from kerascnn.machine.reporter import Reporter
from kerascnn.machine.state import fresh_state
from kerascnn.runs.folder import Run, list_runs
from kerascnn.settings.config import TrainConfig, TrainSettings
from kerascnn.settings.config_file import ConfigFile
from kerascnn.settings.optimizers import OPTIMIZERS
from kerascnn.training import recorder
from kerascnn.training.checkpoint import (
    named_variables,
    read_checkpoint,
    save_checkpoint,
)
from kerascnn.training.network import compile_model
from kerascnn.training.origin import MAY_CHANGE
from kerascnn.training.recorder import Recorder
from kerascnn.training.setup import prepare_training
from kerascnn.training.train import resume_training, train_model

CONFIG = TrainConfig(
    **{"model": "lenet", "optimizer": "adagrad", "learning_rate": 0.02},
    **{"limit": 256, "epochs": 3, "early_stop": 3, "validation_fraction": 0.01},
    **{"test": False, "deterministic": True},
)


class Stop(Reporter):
    """Sends SIGINT in the first steps of an epoch."""

    def __init__(self, epoch):
        self.epoch_to_stop = f"{epoch}/3"

    def steps(self, epoch, **progress):
        if epoch == self.epoch_to_stop:
            os.kill(os.getpid(), signal.SIGINT)


@pytest.fixture(scope="module")
def stopped(tmp_path_factory):
    """A run that was stopped in its second epoch, after 5 of 12 steps."""
    out = tmp_path_factory.mktemp("runs")
    with pytest.raises(TrainingInterruptedError, match="after 5 of 12 steps"):
        train_model(CONFIG, out, reporter=Stop(2))
    return list_runs(out)[0]


@pytest.fixture
def run(stopped, tmp_path):
    return Run(shutil.copytree(stopped.path, tmp_path / "run"))


@pytest.fixture(scope="module")
def setup():
    """The training of that run, not begun."""
    with fresh_state():
        return prepare_training(CONFIG.resolve(), message=lambda text: None)


def state_path(run):
    return run.checkpoint_path / "state.npz"


def change_arrays(path, **changes):
    """Write a checkpoint again with other arrays; one that is `None` is left out."""
    with np.load(path) as old:
        arrays = dict(old) | changes
    np.savez(path, **{k: v for k, v in arrays.items() if v is not None})


def change_state(path, **changes):
    """Write a checkpoint again with other values in its JSON."""
    with np.load(path) as old:
        document = json.loads(bytes(old["state"])) | changes
    change_arrays(path, state=np.frombuffer(json.dumps(document).encode(), np.uint8))


def rows(path):
    with np.load(path) as old:
        return json.loads(bytes(old["state"]))["history"]


def refused(path, setup):
    """The one line with which a checkpoint is refused, and the network left alone."""
    before = [keras.ops.convert_to_numpy(v) for v in setup.model.variables]
    with pytest.raises(RunError) as caught:
        read_checkpoint(path, setup).assign_to(setup.model)
    for variable, value in zip(setup.model.variables, before, strict=True):
        np.testing.assert_array_equal(variable, value)
    message = str(caught.value)
    assert message.startswith(f"Cannot go on from {path}: ")
    assert "\n" not in message
    assert len(message) < 500
    return message


def test_checkpoint_holds_state_and_variables_by_name(run, setup):
    with np.load(state_path(run)) as arrays:
        document = json.loads(bytes(arrays["state"]))
        assert arrays["fc1_dense/kernel"].shape == (400, 120)
        assert arrays["optimizer/fc1_dense_kernel_accumulator"].shape == (400, 120)
        assert arrays["optimizer/iteration"] == 5
    assert (document["device"], document["replicas"]) == ("CPU", 1)
    assert document["settings"] == CONFIG.resolve().to_dict()
    checkpoint = read_checkpoint(state_path(run), setup)
    assert (checkpoint.state.step, checkpoint.state.epoch) == (5, 1)
    assert np.count_nonzero(checkpoint.state.losses) == 5


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_every_variable_has_a_name_of_its_own(optimizer):
    settings = TrainConfig(model="lenet", optimizer=optimizer, ema=0.9).resolve()
    with fresh_state():
        model = compile_model(settings, DatasetFacts.from_table("mnist"))
        model.optimizer.build(model.trainable_variables)
    named = named_variables(model)
    everything = [*model.variables, *model.optimizer.variables]
    assert {id(v) for v in named.values()} == {id(v) for v in everything}


def test_names_do_not_depend_on_the_order_of_the_arrays(run, setup):
    expected = read_checkpoint(state_path(run), setup).values
    with np.load(state_path(run)) as old:
        arrays = dict(old)
    np.savez(state_path(run), **dict(reversed(arrays.items())))
    found = read_checkpoint(state_path(run), setup).values
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_array_equal(found[name], value)


@pytest.mark.parametrize(
    ("changes", "phrase"),
    [
        ({"learning_rate": 0.5}, "learning_rate was 0.02 and is 0.5 now"),
        pytest.param(
            {"epochs": 4}, "epochs was 3 and is 4 now", marks=pytest.mark.slow
        ),
        ({"early_stop": None}, "early_stop was 3 and is None now"),
        pytest.param({"seed": 1}, "seed was 0 and is 1 now", marks=pytest.mark.slow),
        pytest.param(
            {"optimizer": "sgd"},
            "optimizer was 'adagrad' and is 'sgd' now",
            marks=pytest.mark.slow,
        ),
        ({"schedule": "cosine"}, "schedule was 'constant' and is 'cosine' now"),
        pytest.param(
            {"fast_layers": False},
            "fast_layers was True and is False now",
            marks=pytest.mark.slow,
        ),
        pytest.param(
            {"xla": True}, "xla was False and is True now", marks=pytest.mark.slow
        ),
    ],
    ids=str,
)
def test_changed_settings_are_refused_by_name(run, changes, phrase):
    config = replace(CONFIG, schedule="constant") if "schedule" in changes else CONFIG
    if config is not CONFIG:
        change_state(state_path(run), settings=config.resolve().to_dict())
    other = replace(config, **changes)
    run.write_text("config.json", ConfigFile(other, other.resolve()).to_json())
    with pytest.raises(RunError) as caught:
        resume_training(run)
    message = str(caught.value)
    assert phrase in message
    assert "its settings were changed: " in message
    assert "\n" not in message


def test_what_may_change_is_a_setting_and_goes_on(run):
    assert set(MAY_CHANGE) < {field.name for field in fields(TrainSettings)}
    other = replace(CONFIG, checkpoint_seconds=0, device="cpu", store_predictions=True)
    run.write_text("config.json", ConfigFile(other, other.resolve()).to_json())
    assert resume_training(run).status == "finished"


def test_settings_that_a_version_did_not_know_had_their_defaults(run, setup):
    settings = CONFIG.resolve().to_dict()
    for name in ("ema", "fast_layers", "gpus", "xla"):
        del settings[name]
    change_state(state_path(run), settings=settings)
    read_checkpoint(state_path(run), setup)
    change_state(state_path(run), settings=settings | {"later": [1]})
    assert "later was [1] and is None now" in refused(state_path(run), setup)


def test_augmentation_was_a_flag_in_older_checkpoints(run, setup):
    settings = CONFIG.resolve().to_dict()
    change_state(state_path(run), settings=settings | {"augment": False})
    read_checkpoint(state_path(run), setup)
    change_state(state_path(run), settings=settings | {"augment": True})
    reason = refused(state_path(run), setup)
    assert "augment was 'digits' and is 'none' now" in reason


def test_other_kind_of_device_is_refused(run, setup):
    change_state(state_path(run), device="GPU")
    reason = refused(state_path(run), setup)
    assert "it was computed on 'GPU', but here on 'CPU'." in reason


def test_other_number_of_devices_goes_on(run, setup):
    change_state(state_path(run), replicas=2)
    assert read_checkpoint(state_path(run), setup).state.step == 5


STATES = {
    "step is text": ({"step": "5"}, "its step has to be a whole number from 0 to 12"),
    "step is true": ({"step": True}, "its step has to be a whole number"),
    "step below 0": ({"step": -1}, "its step has to be a whole number"),
    "step beyond": ({"step": 13}, "its step has to be a whole number"),
    "step far beyond": ({"step": 10**30}, "its step has to be a whole number"),
    "step of another epoch": ({"step": 9}, "after 9 steps there cannot be 1 epochs"),
    "step before": ({"step": 3}, "after 3 steps there cannot be 1 epochs"),
    "step of the epoch": ({"step": 6}, "after 5 updates there cannot be 6 steps"),
    "seconds below 0": ({"seconds": -1}, "its seconds have to be a number above 0"),
    "no seconds": ({"seconds": 0}, "its seconds have to be a number above 0"),
    "endless seconds": ({"seconds": 10**400}, "its seconds have to be a number"),
    "seconds are NaN": ({"seconds": float("nan")}, "NaN is no number"),
    "history is text": ({"history": "x"}, "its history is no list"),
    "no history": ({"history": []}, "after 5 steps there cannot be 0 epochs"),
    "history of numbers": ({"history": [1]}, "row 1 of its history: it has to hold"),
    "other schema": ({"schema": 3}, "it is no checkpoint of schema 2"),
    "other settings": ({"settings": []}, "its state has to hold"),
    "one more": ({"more": 1}, "its state has to hold"),
}


@pytest.mark.parametrize("name", STATES)
def test_state_that_cannot_be_is_refused(run, setup, name):
    changes, reason = STATES[name]
    change_state(state_path(run), **changes)
    assert reason in refused(state_path(run), setup)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"epoch": 2}, "its epoch has to be 1"),
        ({"loss": None}, "loss cannot be None"),
        ({"loss": 7.5}, "loss is 7.5, but by its steps 2"),
        ({"accuracy": 1.5}, "accuracy cannot be 1.5"),
        ({"accuracy": 1}, "accuracy is 1, but by its steps 0"),
        ({"learning_rate": 0.1}, "learning_rate is 0.1, but by its steps 0.0"),
        ({"seconds": "1"}, "seconds cannot be '1'"),
        ({"images_per_second": 1e300}, "images_per_second cannot be 1e+300"),
        ({"validation_loss": True}, "validation_loss cannot be True"),
        ({"more": 1}, "it has to hold epoch, loss"),
    ],
    ids=str,
)
def test_history_that_cannot_be_is_refused(run, setup, changes, reason):
    [row] = rows(state_path(run))
    change_state(state_path(run), history=[row | changes])
    assert f"row 1 of its history: {reason}" in refused(state_path(run), setup)


def with_nan(shape):
    array = np.zeros(shape, np.float32)
    array.flat[-1] = np.nan
    return array


ARRAYS = {
    "missing": ({"fc1_dense/bias": None}, "it holds no 'fc1_dense/bias'"),
    "one more": ({"a\n": np.zeros(1)}, "the training has no 'a\\n'"),
    "shape": (
        {"fc1_dense/bias": np.zeros(84, np.float32)},
        "fc1_dense/bias has shape (84,) and type <f4, but (120,) and <f4 in the",
    ),
    "type": ({"fc1_dense/bias": np.zeros(120)}, "has shape (120,) and type <f8, but"),
    "NaN": ({"fc1_dense/bias": with_nan(120)}, "fc1_dense/bias holds numbers that are"),
    "losses": ({"losses": with_nan(12)}, "a loss is not finite"),
    "fewer losses": ({"losses": with_nan(11)}, "losses has shape (11,)"),
    "correct": ({"correct": np.full(12, 65, np.int32)}, "of 64 images of a batch"),
    "text": ({"correct": np.array(["a"])}, "it is no array of numbers"),
    "state of two axes": (
        {"state": np.zeros((2, 2), np.uint8)},
        "its state is no JSON",
    ),
    "state is no JSON": ({"state": np.array([123], np.uint8)}, "it is not JSON"),
    "state is a number": ({"state": np.array([49], np.uint8)}, "no checkpoint of"),
    "deep": (
        {"state": np.full(90_000, 91, np.uint8)},
        "it is nested more than 50 deep",
    ),
    "long": ({"state": np.zeros(110_000, np.uint8)}, "its state is too large"),
    "longer": ({"state": np.zeros(10**6, np.uint8)}, "it holds more than 0.6 MB"),
    "of 0.1": ({"model_0": np.zeros(1)}, "kerascnn 0.1 wrote it"),
    "no state": ({"state": None}, "it is no checkpoint"),
}


@pytest.mark.parametrize("name", ARRAYS)
def test_arrays_that_cannot_be_are_refused(run, setup, name):
    changes, reason = ARRAYS[name]
    change_arrays(state_path(run), **changes)
    assert reason in refused(state_path(run), setup)


def test_array_whose_header_promises_much_takes_no_memory(run, setup):
    big = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        big, {"descr": "<f4", "fortran_order": False, "shape": (10**12,)}
    )
    with zipfile.ZipFile(state_path(run)) as old:
        members = {name: old.read(name) for name in old.namelist()}
    members["losses.npy"] = big.getvalue()
    with zipfile.ZipFile(state_path(run), "w") as new:
        for name, content in members.items():
            new.writestr(name, content)
    assert "losses has shape (1000000000000,)" in refused(state_path(run), setup)


def repacked(path, method, more=b""):
    with zipfile.ZipFile(path) as old:
        members = {name: old.read(name) for name in old.namelist()}
    with zipfile.ZipFile(path, "w", method) as new:
        for name, content in members.items():
            new.writestr(name, content + more)


def encrypt(path):
    """Set the bit that says so in the headers of the members."""
    content = bytearray(path.read_bytes())
    for mark, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        start = -1
        while (start := content.find(mark, start + 1)) >= 0:
            content[start + place] |= 1
    path.write_bytes(content)


DAMAGES = {
    "missing": (lambda path: path.unlink(), "No such file"),
    "folder": (lambda path: (path.unlink(), path.mkdir()), "it is a folder"),
    "pipe": (lambda path: (path.unlink(), os.mkfifo(path)), "it is a pipe, not a file"),
    "empty": (lambda path: path.write_bytes(b""), "it is not a zip archive"),
    "cut short": (
        lambda path: path.write_bytes(path.read_bytes()[:1000]),
        "it is not a zip archive, or cut short",
    ),
    "altered": (
        lambda path: path.write_bytes(
            path.read_bytes()[:90_000] + bytes(200) + path.read_bytes()[90_200:]
        ),
        "it is a damaged zip archive (Bad CRC-32 for file",
    ),
    "another method": (
        lambda path: repacked(path, zipfile.ZIP_BZIP2),
        "it is compressed by method 12",
    ),
    "encrypted": (encrypt, "it is encrypted"),
    "bomb": (
        lambda path: repacked(path, zipfile.ZIP_DEFLATED, bytes(10**6)),
        "it holds more than 0.",
    ),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_damaged_file_is_refused(run, setup, name):
    damage, reason = DAMAGES[name]
    damage(state_path(run))
    assert reason in refused(state_path(run), setup)


def test_compressed_checkpoint_is_as_good(run, setup):
    repacked(state_path(run), zipfile.ZIP_DEFLATED)
    assert read_checkpoint(state_path(run), setup).state.step == 5


@pytest.mark.parametrize("parts", [7, 64])
def test_parts_that_no_batch_is_computed_in_are_refused(run, parts):
    environment = run.environment
    environment["computation"]["parallelism"]["batch_parts"] = parts
    run.write_json("environment.json", environment)
    with pytest.raises(RunError, match=f"64 images are not computed in {parts} parts"):
        resume_training(run)


def test_what_the_environment_says_is_printed_on_one_line(run):
    said = []

    class Listen(Reporter):
        def message(self, text):
            said.append(text)

    environment = run.environment
    environment["computation"]["processor"] = "a\nb\x1b"
    run.write_json("environment.json", environment)
    resume_training(run, reporter=Listen())
    assert any("processor a\\nb\\x1b then" in line for line in said)
    assert all(line.isprintable() for line in said)


def test_refused_checkpoint_stays(run):
    """What refuses it may be wrong about it, or put right."""
    path = state_path(run)
    change_state(path, step=7)
    before = path.read_bytes()
    with pytest.raises(RunError, match="Cannot go on from"):
        resume_training(run)
    assert path.read_bytes() == before
    assert run.status == "unfinished"
    with pytest.raises(RunError, match="Cannot go on from"):
        resume_training(run)


# Early stopping keeps the weights of the best epoch beside the newest checkpoint.


def outcome(run):
    """Weights and losses of a finished run, and which epoch was the best."""
    weights = keras.models.load_model(run.model_path).get_weights()
    return weights, [row["loss"] for row in run.steps], run.metrics.best_epoch


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    run = train_model(CONFIG, tmp_path_factory.mktemp("whole"))
    assert run.metrics.best_epoch > 1
    return outcome(run)


def assert_same(found, expected):
    for mine, theirs in zip(found[0], expected[0], strict=True):
        np.testing.assert_array_equal(mine, theirs)
    assert found[1:] == expected[1:]


def test_only_the_best_and_the_newest_are_kept(tmp_path):
    seen = []

    class Look(Reporter):
        def epoch(self, epoch, row):
            (run,) = list_runs(tmp_path)
            seen.append(sorted(os.listdir(run.checkpoint_path)))

    run = train_model(CONFIG, tmp_path, reporter=Look())
    losses = [row["validation_loss"] for row in run.epochs]
    best = [1 + int(np.argmin(losses[: count + 1])) for count in range(3)]
    assert seen == [[f"best-{epoch}.npz", "state.npz"] for epoch in best]


class Killed(BaseException):
    """Stands for the end of the process."""


# Each of the last two epochs writes what is kept of it, then the newest checkpoint.
@pytest.mark.parametrize(
    ("write", "moment"),
    [
        (3, "after"),
        (5, "before"),
        *(pytest.param(write, "after", marks=pytest.mark.slow) for write in (4, 5, 6)),
    ],
)
def test_run_killed_at_a_write_goes_on(
    tmp_path, monkeypatch, uninterrupted, write, moment
):
    count = 0

    def save_or_die(*arguments):
        nonlocal count
        count += 1
        if count == write and moment == "before":
            raise Killed
        save_checkpoint(*arguments)
        if count == write:
            raise Killed

    patient = replace(CONFIG, checkpoint_seconds=1000)
    with monkeypatch.context() as patch:
        patch.setattr(recorder, "save_checkpoint", save_or_die)
        with pytest.raises(Killed):
            train_model(patient, tmp_path)
    (run,) = list_runs(tmp_path)
    assert run.status == "unfinished"
    resume_training(run)
    assert_same(outcome(run), uninterrupted)


@pytest.mark.slow
def test_kept_weights_are_checked_before_the_training_goes_on(run, setup):
    best = run.checkpoint_path / "best-1.npz"
    content = best.read_bytes()
    change_arrays(best, **{"fc1_dense/bias": with_nan(120)})
    with pytest.raises(RunError, match=r"from .*best-1\.npz: fc1_dense/bias holds"):
        resume_training(run)
    shutil.copy(state_path(run), best)
    with pytest.raises(RunError, match=r"best-1\.npz: it is not of the end of epoch 1"):
        resume_training(run)
    best.write_bytes(content)
    [row] = rows(best)
    change_state(best, history=[row | {"validation_loss": 0.5}])
    with pytest.raises(RunError, match=r"kept beside it are of another training"):
        resume_training(run)
    best.unlink()
    with pytest.raises(RunError, match=r"from .*best-1\.npz: .*No such file"):
        resume_training(run)
    best.write_bytes(content)
    assert resume_training(run).status == "finished"


def test_checkpoints_come_by_steps(tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr(
        Recorder, "checkpoint", lambda self, model, state: seen.append(state.step)
    )
    config = TrainConfig(
        **{"model": "lenet", "limit": 640, "batch_size": 32, "epochs": 2},
        **{"checkpoint_steps": 7, "checkpoint_seconds": 1e9, "test": False},
    )
    train_model(config, tmp_path)
    assert {7, 14, 27, 34, 40} <= set(seen) <= {7, 14, 20, 27, 34, 40}
