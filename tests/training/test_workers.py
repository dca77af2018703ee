"""Several processes train one network: real ones on loopback, beside one alone."""

import json
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import kerascnn
from kerascnn.runs.folder import Run

# Each process trains the cases that it is told, one after the other, and writes the
# losses and all variables of each. With "two" it is alone and has two logical devices.
TRAIN = """
import json, sys
from kerascnn.machine.tensorflow import load_tensorflow
load_tensorflow()
import keras, numpy as np, tensorflow as tf
from kerascnn.machine.cluster import Cluster
from kerascnn.machine.reporter import Reporter
from kerascnn.machine.state import fresh_state
from kerascnn.settings.config import TrainConfig
from kerascnn.training.checkpoint import named_variables
from kerascnn.training.setup import join_workers, prepare_training

index, addresses, cases, path = json.loads(sys.argv[1])
strategy = cluster = None
if addresses == "two":
    cpu = tf.config.list_physical_devices("CPU")[0]
    halves = [tf.config.LogicalDeviceConfiguration()] * 2
    tf.config.set_logical_device_configuration(cpu, halves)
    from kerascnn.machine.devices import mirror
    strategy = mirror(["CPU:0", "CPU:1"])
elif addresses:
    cluster = Cluster(workers=tuple(addresses), index=index)
settings = {name: TrainConfig(**case).resolve() for name, case in cases.items()}
workers = join_workers(cluster, next(iter(settings.values())), None, Reporter())
result = {}
for name, case in settings.items():
    with fresh_state():
        setup = prepare_training(case, strategy=strategy, workers=workers,
                                 message=lambda text: None)
        steps = setup.batches.steps_per_epoch
        result[f"{name} loss"], result[f"{name} correct"] = setup.step.run(0, steps)
        for variable, value in named_variables(setup.model).items():
            result[f"{name} {variable}"] = keras.ops.convert_to_numpy(value)
np.savez(path, **result)
"""

LENET = {
    **{"model": "lenet", "limit": 288, "batch_size": 48, "epochs": 1},
    **{"schedule": "constant", "warmup_epochs": 0, "learning_rate": 0.01},
}
CASES = {
    "sgd": LENET | {"augment": "digits"},
    "adagrad": LENET | {"optimizer": "adagrad"},
    "clipping": LENET | {"optimizer_options": {"global_clipnorm": 0.5}},
    "average": LENET | {"ema": 0.5},
    "16 bits": LENET | {"mixed_precision": True, "fast_layers": False},
}
RESNET = {
    **{"model": "resnet18", "limit": 64, "batch_size": 32, "epochs": 1},
    **{"schedule": "constant", "warmup_epochs": 0, "learning_rate": 0.001},
}


def free_addresses(count):
    """Addresses on loopback, so many, that nobody listens at."""
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    addresses = [f"127.0.0.1:{each.getsockname()[1]}" for each in sockets]
    for each in sockets:
        each.close()
    return addresses


def train(folder, cases, *, count=0, addresses=None):
    """Train by so many processes; the results of each, of one alone where it is 0."""
    addresses = addresses or (free_addresses(count) if count else None)
    processes, paths = [], []
    for index in range(count or 1):
        paths.append(folder / f"{index}-of-{count}.npz")
        told = json.dumps([index, addresses, cases, str(paths[-1])])
        processes.append(
            subprocess.Popen(
                [sys.executable, "-c", TRAIN, told],
                stderr=subprocess.PIPE,
                text=True,
            )
        )
    for process in processes:
        _, said = process.communicate(timeout=200)
        assert process.returncode == 0, said[-2000:]
    return [dict(np.load(path)) for path in paths]


@pytest.fixture(scope="module")
def lenets(tmp_path_factory):
    folder = tmp_path_factory.mktemp("workers")
    [alone] = train(folder, CASES)
    return alone, train(folder, CASES, count=2)


def assert_alike(found, expected, name, rtol=2e-4, atol=2e-6):
    """The losses and all variables of a case are alike."""
    names = [key for key in expected if key.startswith(f"{name} ")]
    assert len(names) > 5
    for key in names:
        np.testing.assert_allclose(
            found[key].astype(np.float64),
            expected[key].astype(np.float64),
            rtol=rtol,
            atol=atol,
            err_msg=key,
        )


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in CASES if name != "16 bits"])
def test_two_workers_come_to_what_one_does_with_the_whole_batch(lenets, name):
    alone, (chief, other) = lenets
    assert_alike(chief, alone, name)
    assert len(set(alone[f"{name} loss"])) == 6
    for key, value in chief.items():
        np.testing.assert_array_equal(other[key], value, err_msg=key)


@pytest.mark.slow
def test_two_workers_in_16_bits_come_near_to_one(lenets):
    alone, (chief, other) = lenets
    np.testing.assert_allclose(chief["16 bits loss"], alone["16 bits loss"], rtol=0.01)
    assert not np.array_equal(alone["16 bits loss"], alone["sgd loss"])
    for key in (key for key in chief if key.startswith("16 bits ")):
        np.testing.assert_array_equal(other[key], chief[key], err_msg=key)


@pytest.mark.slow
def test_three_workers_come_to_what_one_does(tmp_path):
    cases = {name: CASES[name] for name in ("sgd", "adagrad")}
    [alone], workers = train(tmp_path, cases), train(tmp_path, cases, count=3)
    for name in cases:
        assert_alike(workers[0], alone, name)
    for key, value in workers[0].items():
        for other in workers[1:]:
            np.testing.assert_array_equal(other[key], value, err_msg=key)


@pytest.mark.slow
def test_synchronized_resnet18_of_two_workers_is_that_of_one(tmp_path):
    cases = {"together": RESNET}
    [alone], workers = train(tmp_path, cases), train(tmp_path, cases, count=2)
    assert_alike(workers[0], alone, "together", rtol=5e-3, atol=5e-4)
    for key, value in workers[0].items():
        np.testing.assert_array_equal(workers[1][key], value, err_msg=key)


@pytest.mark.slow
def test_resnet18_normalized_by_shares_is_that_of_one_with_the_same_shares(tmp_path):
    cases = {"apart": RESNET | {"sync_batch_norm": False}, "together": RESNET}
    [alone] = train(tmp_path, cases, addresses="two")
    workers = train(tmp_path, cases, count=2)
    assert_alike(workers[0], alone, "apart", rtol=5e-3, atol=5e-4)
    apart, together = (workers[0][f"{name} loss"] for name in cases)
    assert np.abs(apart - together).max() > 0.01


# Whole trainings, by the command line.


def start(folder, *words, workers, index, **options):
    """Start one worker in a folder of its own."""
    place = folder / f"worker-{index}"
    place.mkdir(parents=True, exist_ok=True)
    return subprocess.Popen(
        [
            *(sys.executable, "-P", "-m", "kerascnn", "train", *words),
            *("--workers", ",".join(workers), "--worker", str(index)),
        ],
        cwd=place,
        env=os.environ | {"PYTHONPATH": str(Path(kerascnn.__file__).parents[1])},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        **options,
    )


def end(*processes, timeout=90):
    """Wait for workers; their exit codes, and what each said."""
    try:
        said = [process.communicate(timeout=timeout)[0] for process in processes]
    finally:
        for process in processes:
            process.kill()
    return [process.returncode for process in processes], said


def wait_for(process, start):
    """Read what a process says up to a line that begins so."""
    for line in process.stdout:
        if line.startswith(start):
            return
    raise AssertionError(f"it never said {start!r}")


LONG = (
    *("lenet", "--epochs", "400", "--limit", "640"),
    *("--checkpoint-seconds", "0", "--lost-seconds", "6"),
)
SHORT = ("lenet", "--epochs", "2", "--limit", "640")


def read_checkpoint(run):
    """What the checkpoint of a run says of itself."""
    with np.load(run.checkpoint_path / "state.npz") as arrays:
        return json.loads(arrays["state"].tobytes())


@pytest.mark.slow
def test_chief_writes_the_run_and_the_other_worker_nothing(tmp_path):
    workers = free_addresses(2)
    codes, said = end(
        *(start(tmp_path, *SHORT, workers=workers, index=n) for n in range(2))
    )
    assert codes == [0, 0], said
    assert "batches of 64, 2 workers with CPU:0" in said[0]
    assert said[1] == "saved_models/lenet-sgd-1 is written by the first worker.\n"
    run = Run(tmp_path / "worker-0" / "saved_models" / "lenet-sgd-1")
    assert run.require_metrics().epochs == 2
    assert run.environment["workers"] == 2
    assert not [*(tmp_path / "worker-1").iterdir()]


@pytest.mark.slow
def test_killed_worker_ends_the_other_and_any_number_goes_on(tmp_path):
    workers = free_addresses(2)
    chief, other = (start(tmp_path, *LONG, workers=workers, index=n) for n in range(2))
    wait_for(chief, "epoch 3/")
    other.kill()
    began = time.monotonic()
    codes, (said, _) = end(chief, other)
    assert codes == [1, -signal.SIGKILL]
    assert time.monotonic() - began < 20
    last = said.splitlines()[-1]
    assert last.startswith(f"Error: Lost worker 1 ({workers[1]}) after ")
    resume = shlex.split(last.partition("Go on with: kerascnn ")[2])
    assert resume == ["train", "--resume", "saved_models/lenet-sgd-1"]
    place = tmp_path / "worker-0"
    run = Run(place / "saved_models" / "lenet-sgd-1")
    done = len(read_checkpoint(run)["history"])
    assert 2 <= done < 400
    words, more = resume[1:], ("--epochs", str(done + 2))
    again = free_addresses(2)
    chief, other = (
        start(tmp_path, *words, *more, workers=again, index=0),
        start(tmp_path, *words, workers=again, index=1),
    )
    codes, said = end(chief, other)
    assert codes == [0, 0], said
    assert "Going on after" in said[0]
    assert run.require_metrics().epochs == done + 2


@pytest.mark.slow
@pytest.mark.parametrize("killed", [0, 1])
def test_training_of_two_with_a_kill_ends_in_the_bits_of_one_without(tmp_path, killed):
    words = (
        *("lenet", "--epochs", "12", "--limit", "640", "--deterministic"),
        *("--checkpoint-steps", "7", "--lost-seconds", "6"),
    )

    def begin(name, *words):
        addresses = free_addresses(2)
        return [
            start(tmp_path / name, *words, workers=addresses, index=n) for n in (0, 1)
        ]

    def outcome(name):
        run = Run(tmp_path / name / "worker-0" / "saved_models" / "lenet-sgd-1")
        return run.load_model().get_weights(), run.steps

    codes, said = end(*begin("whole", *words))
    assert codes == [0, 0], said
    workers = begin("cut", *words)
    wait_for(workers[0], "epoch 3/")
    workers[killed].kill()
    codes, said = end(*workers)
    assert codes[1 - killed] == 1, said
    codes, said = end(*begin("cut", "--resume", "saved_models/lenet-sgd-1"))
    assert codes == [0, 0], said
    assert "Going on after" in said[0]
    (whole, steps), (cut, other_steps) = outcome("whole"), outcome("cut")
    for before, after in zip(whole, cut, strict=True):
        np.testing.assert_array_equal(after, before)
    assert other_steps == steps


@pytest.mark.slow
def test_killed_chief_ends_the_others_and_one_goes_on_alone(tmp_path, run_python):
    workers = free_addresses(3)
    words = (*LONG, "--batch-size", "48")
    chief, *others = (
        start(tmp_path, *words, workers=workers, index=n) for n in range(3)
    )
    wait_for(chief, "epoch 3/")
    chief.kill()
    codes, (_, *said) = end(chief, *others)
    assert codes == [-signal.SIGKILL, 1, 1]
    for each in said:
        assert f"Error: Lost worker 0 ({workers[0]})" in each
    path = tmp_path / "worker-0" / "saved_models" / "lenet-sgd-1"
    epochs = str(len(read_checkpoint(Run(path))["history"]) + 2)
    words = ("train", "--resume", str(path), "--epochs", epochs)
    done = run_python("-m", "kerascnn", *words)
    assert done.returncode == 0, done.stderr
    assert Run(path).require_metrics().epochs == int(epochs)


@pytest.mark.slow
def test_signal_to_one_worker_stops_both_at_a_checkpoint(tmp_path):
    workers = free_addresses(2)
    chief, other = (start(tmp_path, *LONG, workers=workers, index=n) for n in range(2))
    wait_for(chief, "epoch 2/")
    other.terminate()
    codes, said = end(chief, other)
    assert codes == [143, 143]
    last = [each.splitlines()[-1] for each in said]
    assert last[0] == last[1]
    assert last[0].startswith("Stopped after ")
    run = Run(tmp_path / "worker-0" / "saved_models" / "lenet-sgd-1")
    step = read_checkpoint(run)["step"]
    assert last[0].startswith(f"Stopped after {step:,} of 4,000 steps.")


@pytest.mark.slow
def test_worker_that_does_not_come_is_named(tmp_path):
    workers = free_addresses(2)
    words = (*SHORT, "--wait-seconds", "5")
    [code], [said] = end(start(tmp_path, *words, workers=workers, index=0))
    assert code == 1
    assert said == (
        f"Error: worker 1 ({workers[1]}) did not come within 5 seconds. Start all "
        "workers, with the same --workers on each.\n"
    )


@pytest.mark.slow
def test_worker_that_does_not_answer_any_more_is_lost(tmp_path):
    workers = free_addresses(2)
    chief, other = (start(tmp_path, *LONG, workers=workers, index=n) for n in range(2))
    wait_for(chief, "epoch 2/")
    other.send_signal(signal.SIGSTOP)
    try:
        [code], [said] = end(chief, timeout=40)
    finally:
        other.kill()
        other.communicate()
    assert code == 1
    assert f"Error: Lost worker 1 ({workers[1]})" in said.splitlines()[-1]


def assert_refused(codes, said, words):
    assert codes == [1, 1], said
    for each in said:
        assert words in each.splitlines()[-1]
        assert "Traceback" not in each


@pytest.mark.slow
def test_workers_of_different_settings_end_with_one_line(tmp_path):
    workers = free_addresses(2)
    codes, said = end(
        start(tmp_path, *SHORT, workers=workers, index=0),
        start(tmp_path, *SHORT, "--seed", "2", workers=workers, index=1),
    )
    words = f"The setting of worker 1 ({workers[1]}) is {{'seed': 2}}, but the chief's"
    assert_refused(codes, said, words)


@pytest.mark.slow
def test_workers_of_different_images_end_with_one_line(tmp_path, digit_folder):
    other = shutil.copytree(digit_folder, tmp_path / "other")
    first, second = sorted(other.glob("0/*"))[:2]
    shutil.copy(first, second)
    workers = free_addresses(2)
    words = ("lenet", "--epochs", "1", "--batch-size", "32", "--dataset")
    codes, said = end(
        start(tmp_path, *words, digit_folder, workers=workers, index=0),
        start(tmp_path, *words, str(other), workers=workers, index=1),
    )
    assert_refused(codes, said, f"The digest of the images of worker 1 ({workers[1]})")


@pytest.mark.slow
def test_workers_of_different_clusters_end_with_one_line(tmp_path):
    workers = free_addresses(3)
    words = (*SHORT, "--batch-size", "60", "--wait-seconds", "10")
    codes, said = end(
        start(tmp_path, *words, workers=workers[:2], index=0),
        start(tmp_path, *words, workers=workers, index=1),
    )
    assert codes == [1, 1]
    for each in said:
        [line] = each.splitlines()
        assert line.startswith("Error: ")
        assert "--workers" in line


def test_port_that_is_taken_is_named(tmp_path):
    with socket.socket() as taken:
        taken.bind(("", 0))
        taken.listen()
        port = taken.getsockname()[1]
        workers = [f"127.0.0.1:{port}", f"127.0.0.1:{port - 1}"]
        [code], [said] = end(start(tmp_path, *SHORT, workers=workers, index=0))
    assert code == 1
    assert said.startswith(f"Error: Cannot listen as worker 0 (127.0.0.1:{port}): ")
    assert len(said.splitlines()) == 1
