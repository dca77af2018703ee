"""Two replicas train as one device does: two logical CPUs, in their own process."""

import json
import subprocess
import sys

import numpy as np
import pytest

pytestmark = pytest.mark.slow

# Logical devices have to be made before TensorFlow starts. The networks are small: what
# matters are normalization, dropout, and how gradients come together.
BEGIN = """
import json, sys
from dataclasses import replace
from kerascnn.machine.tensorflow import load_tensorflow
load_tensorflow()
import tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
halves = [tf.config.LogicalDeviceConfiguration()] * 2
tf.config.set_logical_device_configuration(cpu, halves)
from kerascnn.machine.devices import mirror
"""

PARTS = """
import keras, numpy as np
from keras import layers
from kerascnn.data import Split
from kerascnn.fast.layers import FusedBatchNormalization
from kerascnn.fast.optimizers import fuse
from kerascnn.settings.config import TrainConfig
from kerascnn.training.batches import ResidentBatches
from kerascnn.training.checkpoint import named_variables
from kerascnn.training.step import TrainingStep

BATCH, STEPS = 32, 4
ONE, TWO = tf.distribute.get_strategy(), mirror(["CPU:0", "CPU:1"])
settings = TrainConfig(model="lenet", batch_size=BATCH).resolve()
generator = np.random.default_rng(0)
split = Split(
    images=generator.integers(0, 256, (BATCH * STEPS, 8, 8, 1), np.uint8),
    labels=generator.integers(0, 9, BATCH * STEPS),
    class_names=tuple("0123456789"),
)
rates = np.full(STEPS, 0.1, np.float32)


def make(strategy, middle, optimizer, policy="float32", split=split, weights=None):
    keras.backend.clear_session()  # layers are named alike
    keras.utils.set_random_seed(0)
    keras.config.set_dtype_policy(policy)
    with strategy.scope():
        model = keras.Sequential([
            layers.Input((8, 8, 1)), layers.Rescaling(1 / 255),
            layers.Conv2D(4, 3), *middle(), layers.ReLU(), layers.Flatten(),
            layers.Dense(10, "softmax", dtype="float32")])
        model.compile(optimizer(), "sparse_categorical_crossentropy",
                      jit_compile=False)
    keras.config.set_dtype_policy("float32")
    devices = strategy.extended.worker_devices if strategy is TWO else ()
    batches = ResidentBatches(split, BATCH, 0, devices)
    return TrainingStep(model, batches, settings, rates, strategy, 1, weights)


def state(step):
    return {name: keras.ops.convert_to_numpy(variable).tolist()
            for name, variable in named_variables(step.model).items()}


def compare(name, middle, optimizer):
    for count, strategy in ((1, ONE), (2, TWO)):
        step = make(strategy, middle, optimizer)
        result[f"{name}-{count}"] = [step.run(0, STEPS)[0].tolist(), state(step)]


SGD, Adagrad = keras.optimizers.SGD, keras.optimizers.Adagrad
result = {}
compare("normalization", lambda: [layers.BatchNormalization(momentum=0.5)],
        lambda: SGD(momentum=0.9))
compare("fused_sgd", lambda: [FusedBatchNormalization()],
        lambda: fuse(SGD(momentum=0.9, nesterov=True)))
compare("fused_adagrad", list, lambda: fuse(Adagrad(epsilon=1e-14)))
compare("global_clipnorm", list, lambda: SGD(global_clipnorm=0.05))
compare("clipnorm", list, lambda: SGD(clipnorm=0.05))
compare("ema", list, lambda: SGD(use_ema=True, ema_momentum=0.5))

# Dropout: the masks of both replicas, and a training that goes on in new objects.
drop = lambda: [layers.Dropout(0.5)]
whole, begun, later = (make(TWO, drop, SGD) for _ in range(3))
result["whole"] = whole.run(0, STEPS)[0].tolist(), state(whole)
losses = begun.run(0, 2)[0].tolist()
values = {name: keras.ops.convert_to_numpy(variable)
          for name, variable in named_variables(begun.model).items()}
for name, variable in named_variables(later.model).items():
    variable.assign(values[name])
result["resumed"] = losses + later.run(2, 2)[0].tolist(), state(later)
layer = next(layer for layer in whole.model.layers if "dropout" in layer.name)
drop = tf.function(lambda: TWO.run(lambda: layer(tf.ones([100]), training=True)),
                   autograph=False)
result["masks"] = [mask.numpy().tolist() for _ in range(2)
                   for mask in TWO.experimental_local_results(drop())]

# A gradient that overflows in the second step, on the second replica alone.
order = ResidentBatches(split, BATCH, 0).indices(0, STEPS)
labels = split.labels.copy()
labels[order[BATCH + BATCH // 2 : 2 * BATCH]] = 9
huge = np.ones(10, np.float32)
huge[9] = 1e37
step = make(TWO, list, SGD, "mixed_float16", replace(split, labels=labels), huge)
result["float16"] = []
for number in range(3):
    step.run(number, 1)
    result["float16"].append({
        "weights": [[part.numpy().tolist() for part in variable.value.values]
                    for variable in step.model.trainable_variables],
        "scale": float(step.model.optimizer.dynamic_scale.numpy()),
        "updates": int(step.model.optimizer.iterations.numpy())})

# Where the images lie, and what the graph holds of them.
graph = whole._compiled.graph.as_graph_def()
nodes = [*graph.node, *(node for function in graph.library.function
                        for node in function.node_def)]
result["gathers"] = sorted(node.device for node in nodes if "Gather" in node.op)
result["kinds"] = sorted({node.op for node in nodes if "Gather" in node.op})
result["largest"] = max(node.ByteSize() for node in nodes)
result["images"] = [copy.device for copy, _ in whole.batches.copies]
print(json.dumps(result))
"""


NETWORK = """
from kerascnn.settings.config import TrainConfig
from kerascnn.training.setup import prepare_training
settings = TrainConfig(model=sys.argv[1], limit=128, batch_size=32, epochs=1,
                       learning_rate=0.0003, schedule="constant", warmup_epochs=0)
result = []
for strategy in (None, mirror(["CPU:0", "CPU:1"])):
    setup = prepare_training(settings.resolve(), strategy=strategy,
                             message=lambda text: None)
    result.append(setup.step.run(0, 4)[0].tolist())
print(json.dumps(result))
"""


def run(script, *arguments):
    process = subprocess.run(
        [sys.executable, "-c", BEGIN + script, *arguments],
        capture_output=True,
        check=False,
    )
    assert process.returncode == 0, process.stderr.decode()[-2000:]
    return json.loads(process.stdout)


@pytest.fixture(scope="module")
def result():
    return run(PARTS)


@pytest.mark.parametrize(
    "name",
    [
        "normalization",
        "fused_sgd",
        "fused_adagrad",
        "global_clipnorm",
        "clipnorm",
        "ema",
    ],
)
def test_two_replicas_come_to_what_one_device_does(result, name):
    (losses, one), (halved, two) = result[f"{name}-1"], result[f"{name}-2"]
    assert len(set(losses)) == len(losses) == 4
    np.testing.assert_allclose(halved, losses, rtol=1e-4)
    assert one.keys() == two.keys()
    for variable, value in one.items():
        np.testing.assert_allclose(two[variable], value, rtol=1e-3, atol=1e-5)


def test_replicas_drop_units_of_their_own(result):
    first, second, again, _ = (np.array(mask) > 0 for mask in result["masks"])
    assert 20 < first.sum() < 80
    assert (first != second).sum() > 20
    assert (first != again).sum() > 20


def test_resumed_training_drops_the_same_units(result):
    assert len(set(result["whole"][0])) == 4
    assert result["resumed"] == result["whole"]
    [seeds] = [v for name, v in result["whole"][1].items() if "seed_generator" in name]
    assert seeds[1] == 4


def test_overflow_on_one_replica_is_left_out_by_both(result):
    for number, after in enumerate(result["float16"]):
        for first, second in after["weights"]:
            assert first == second, number
            assert np.isfinite(first).all(), number
    before, skipped, updated = result["float16"]
    assert skipped["weights"] == before["weights"] != updated["weights"]
    assert [after["updates"] for after in result["float16"]] == [1, 1, 2]
    scales = [after["scale"] for after in result["float16"]]
    assert scales == [2**15, 2**14, 2**14]


def test_each_replica_gathers_from_images_of_its_own(result):
    for number in range(2):
        assert result["images"][number].endswith(f"CPU:{number}")
        assert sum(f"CPU:{number}" in device for device in result["gathers"]) == 2
    assert result["kinds"] == ["ResourceGather"]
    assert result["largest"] < 5_000


def test_resnet18_on_two_replicas_comes_to_what_one_device_does():
    one, two = run(NETWORK, "resnet18")
    assert len(set(one)) == 4
    np.testing.assert_allclose(two, one, rtol=1e-3)
