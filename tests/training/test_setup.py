"""What TensorFlow is told of threads, and what it really uses."""

import json
import sys

import pytest

from kerascnn.machine.environment import usable_cores

PROGRAM = """
import json, os
from pathlib import Path
from kerascnn.machine.tensorflow import load_tensorflow
load_tensorflow()
import tensorflow as tf
from kerascnn.machine.computation import Parallelism
from kerascnn.settings.config import TrainConfig
from kerascnn.training.setup import share_cores

def share(model="lenet", recorded=None):
    used = share_cores(
        TrainConfig(model=model).resolve(),
        tf.distribute.get_strategy(),
        recorded,
        message=lines.append,
    )
    told.append([used.batch_parts, used.intra_op_threads, used.inter_op_threads])

told, lines = [], []
share()
share("resnet18")
os.environ["TF_NUM_INTRAOP_THREADS"] = "3"
share()
share(recorded=Parallelism(batch_parts=4, intra_op_threads=2, inter_op_threads=5))
assert not lines
tf.constant(1) + 1
share(recorded=Parallelism(batch_parts=1, intra_op_threads=1, inter_op_threads=1))
names = [file.read_text() for file in Path("/proc/self/task").glob("*/comm")]
print(json.dumps([told, lines, sum(n.startswith("tf_Compute") for n in names)]))
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux names the threads")
def test_run_wins_over_variables_and_those_over_the_cores(run_python):
    done = run_python("-c", PROGRAM, TF_NUM_INTRAOP_THREADS=None)
    told, lines, operations = json.loads(done.stdout)
    cores = usable_cores()
    parts = max(n for n in (1, 2, 4) if n <= cores)
    assert told == [
        [parts, cores // parts, parts],
        [1, cores, cores],
        [parts, 3, cores],
        [4, 2, 5],
        [1, 2, 5],  # TensorFlow has computed: its threads stay
    ]
    assert operations == 5
    assert lines == [
        "TensorFlow keeps the threads that it began with in this process, 2 of an "
        "operation and 5 operations side by side instead of 1 of an operation and 1 "
        "operations side by side: the speed may differ, and the result is not "
        "bit-for-bit that of a new process."
    ]
