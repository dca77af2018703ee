"""Several devices: two logical CPUs under a MirroredStrategy, in their own process."""

import json
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from kerascnn.errors import ConfigError
from kerascnn.machine.devices import (
    choose_gpus,
    describe_devices,
    get_strategy,
    half_precision,
    is_one_cpu,
    one_device,
    replica_devices,
)

# Logical devices have to be made before TensorFlow starts.
TWO_DEVICES = """
import json, sys
from pathlib import Path
from kerascnn.machine.tensorflow import load_tensorflow
load_tensorflow()
import tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
halves = [tf.config.LogicalDeviceConfiguration()] * 2
tf.config.set_logical_device_configuration(cpu, halves)
from kerascnn.settings.config import TrainConfig
from kerascnn.machine.devices import describe_devices, is_one_cpu, mirror, one_device
from kerascnn.errors import ConfigError
from kerascnn.training.train import train_model
result = {}
for optimizer in ("sgd", "adagrad"):
    config = TrainConfig(model="lenet", optimizer=optimizer, limit=640, epochs=1,
                         validation_fraction=0.01)
    for count in (1, 2):
        strategy = (mirror(["CPU:0", "CPU:1"]) if count == 2
                    else None)
        run = train_model(config, Path(sys.argv[1]), strategy=strategy)
        result[f"{optimizer}-{count}"] = {
            "losses": [row["loss"] for row in run.steps],
            "devices": run.environment["devices"], "metrics": run.metrics.to_dict()}
# Another network, whose sums have other shapes, and the first one again.
for name, size in (("other", 32), ("first", 28)):
    strategy = mirror(["CPU:0", "CPU:1"])
    config = TrainConfig(model="lenet", optimizer="adagrad", limit=640, epochs=1,
                         validation_fraction=0.01, image_size=size,
                         deterministic=True, test=False)
    run = train_model(config, Path(sys.argv[1]), strategy=strategy)
    result[name] = [row["loss"] for row in run.steps]
try:
    train_model(TrainConfig(model="lenet", batch_size=33, limit=640),
                Path(sys.argv[1]), strategy=strategy)
except ConfigError as error:
    result["error"] = str(error)
from kerascnn.training.setup import prepare_training
config = TrainConfig(model="lenet", limit=640, batch_size=32)
lines = []
prepare_training(config.resolve(), strategy=strategy, message=lines.append)
result["lines"] = [line for line in lines if line.startswith("Each of")]
try:
    config = TrainConfig(model="lenet", limit=640, xla=True)
    prepare_training(config.resolve(), strategy=strategy, message=lines.append)
except ConfigError as error:
    result["xla"] = str(error)
import keras, numpy as np
from kerascnn.training.batches import ResidentBatches
from kerascnn.training.images import load_splits
from kerascnn.training.network import compile_model
from kerascnn.training.step import TrainingStep
tf.config.experimental.enable_op_determinism()
config = TrainConfig(model="lenet", limit=640).resolve()
training, _, _ = load_splits(config)
batches = ResidentBatches(training, config.batch_size, seed=0)
rates = np.geomspace(0.1, 0.01, 10, dtype=np.float32)
for count, used in ((1, tf.distribute.get_strategy()), (2, strategy)):
    for calls in ([6], [1] * 6):
        keras.utils.set_random_seed(0)
        with used.scope():
            model = compile_model(config, training)
        step = TrainingStep(model, batches, config, rates, used)
        losses = []
        for steps in calls:
            done, _ = step.run(2 + len(losses), steps)
            losses += done.tolist()
        weights = [array.tolist() for array in model.get_weights()]
        result[f"{len(calls)} calls-{count}"] = [losses, weights]
strategies = (tf.distribute.get_strategy(), one_device("CPU:1"), strategy,
              tf.distribute.MultiWorkerMirroredStrategy())
result["named"] = [describe_devices(strategy) for strategy in strategies]
result["one CPU"] = [is_one_cpu(strategy) for strategy in strategies]
print(json.dumps(result))
"""


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    process = subprocess.run(
        [sys.executable, "-c", TWO_DEVICES, str(tmp_path_factory.mktemp("runs"))],
        capture_output=True,
        check=False,
    )
    assert process.returncode == 0, process.stderr.decode()[-2000:]
    return json.loads(process.stdout)


@pytest.mark.slow
@pytest.mark.parametrize("optimizer", ["sgd", "adagrad"])
def test_two_devices_train_as_one(result, optimizer):
    one, two = result[f"{optimizer}-1"], result[f"{optimizer}-2"]
    assert one["devices"] == ["CPU:0"]
    assert two["devices"] == ["CPU:0", "CPU:1"]
    assert len(two["losses"]) == 10
    np.testing.assert_allclose(one["losses"], two["losses"], rtol=1e-3)
    assert one["metrics"]["training_accuracy"] == pytest.approx(
        two["metrics"]["training_accuracy"], abs=0.005
    )
    assert two["metrics"]["test_images"] == 10_000
    assert one["metrics"]["test_accuracy"] == pytest.approx(
        two["metrics"]["test_accuracy"], abs=0.005
    )


@pytest.mark.slow
def test_strategies_of_one_process_do_not_mix_up_their_sums(result):
    losses = result["adagrad-2"]["losses"]
    np.testing.assert_allclose(result["first"], losses, rtol=1e-5)
    assert max(abs(np.subtract(result["other"], losses))) > 0.01


@pytest.mark.slow
@pytest.mark.parametrize("count", [1, 2])
def test_steps_of_one_call_are_those_of_many(result, count):
    losses, _ = result[f"1 calls-{count}"]
    assert len(set(losses)) == 6
    assert result[f"1 calls-{count}"] == result[f"6 calls-{count}"]


@pytest.mark.slow
def test_batch_that_devices_cannot_share_is_refused(result):
    assert result["error"] == (
        "batch_size is 33, which 2 devices cannot share equally. Set it to 32."
    )


@pytest.mark.parametrize(
    ("device", "gpus", "seen", "count"),
    [
        ("auto", 1, 0, 0),
        ("auto", 1, 4, 1),
        ("auto", 3, 4, 3),
        ("gpu", 1, 1, 1),
        ("gpu", 4, 4, 4),
        ("cpu", 1, 4, 0),
    ],
)
def test_one_gpu_is_taken_and_several_where_they_are_asked_for(
    device, gpus, seen, count
):
    assert choose_gpus(device, gpus, seen) == count


@pytest.mark.parametrize(
    ("device", "gpus", "seen", "message"),
    [
        ("gpu", 1, 0, "TensorFlow sees no GPU. Ask `kerascnn doctor` why, or train w"),
        ("gpu", 2, 0, "TensorFlow sees no GPU. Ask `kerascnn doctor` why, or train w"),
        ("auto", 2, 0, "TensorFlow sees no GPU. Ask `kerascnn doctor` why, or train w"),
        ("auto", 3, 2, "gpus is 3, but TensorFlow sees 2. Set it to 2 or less"),
        ("gpu", 3, 1, "gpus is 3, but TensorFlow sees 1. Set it to 1 or less"),
    ],
)
def test_more_gpus_than_tensorflow_sees_are_refused(device, gpus, seen, message):
    with pytest.raises(ConfigError) as caught:
        choose_gpus(device, gpus, seen)
    assert str(caught.value).startswith(message)


def test_gpus_that_a_process_has_hidden_are_for_a_new_one():
    with pytest.raises(ConfigError) as caught:
        choose_gpus("auto", 3, seen=1, hidden=3)
    assert str(caught.value) == (
        "gpus is 3, but this process began with 1 of 4 GPUs. Train in a new one."
    )
    assert choose_gpus("auto", 1, seen=1, hidden=3) == 1
    assert choose_gpus("auto", 1, seen=0, hidden=4) == 0
    with pytest.raises(ConfigError, match="began with 0 of 4 GPUs"):
        choose_gpus("gpu", 1, seen=0, hidden=4)


@pytest.mark.parametrize(
    ("capabilities", "kind"),
    [
        ([], "bfloat16"),  # a processor
        ([(8, 0)], "bfloat16"),
        ([(9, 0), (8, 6)], "bfloat16"),
        ([(10, 0)], "bfloat16"),
        ([(7, 5)], "float16"),
        ([(8, 0), (7, 0)], "float16"),
        ([None], "float16"),
    ],
)
def test_half_precision_is_bfloat16_where_all_gpus_have_it(capabilities, kind):
    details = [
        {"device_name": "NVIDIA A100", "compute_capability": capability}
        for capability in capabilities
    ]
    assert half_precision(details) == kind
    assert half_precision([{}]) == "float16"


def test_device_of_a_strategy_is_named():
    strategy = one_device("CPU:0")
    assert describe_devices(strategy) == ["CPU:0"]
    assert len(replica_devices(strategy)) == 1
    assert is_one_cpu(strategy)


@pytest.mark.slow
def test_devices_of_any_strategy_are_named(result):
    assert result["named"] == [["CPU:0"], ["CPU:1"], ["CPU:0", "CPU:1"], ["CPU:0"]]
    assert result["one CPU"] == [True, True, False, True]


@pytest.mark.slow
def test_small_shares_of_a_batch_are_told_and_xla_over_several_is_refused(result):
    assert result["lines"] == [
        "Each of 2 devices computes 16 images of a batch of 32, too few to be fast. "
        "Raise --batch-size, and tune --learning-rate again."
    ]
    assert result["xla"] == (
        "xla compiles for one device, but the strategy mirrors CPU:0, CPU:1. Leave "
        "xla out, or the strategy."
    )


@pytest.mark.skipif(
    bool(tf.config.list_physical_devices("GPU")), reason="there is a GPU"
)
def test_without_a_gpu_there_is_one_cpu_and_gpu_is_refused():
    for device in ("auto", "cpu"):
        strategy = get_strategy(device)
        assert strategy.num_replicas_in_sync == 1
        assert describe_devices(strategy) == ["CPU:0"]
    with pytest.raises(ConfigError, match="TensorFlow sees no GPU"):
        get_strategy("gpu")
