"""The least time that a training step can take here, and who reaches what share of it.

    python benchmarks/roofline.py [--isa AVX2]

measures the memory's bandwidth and the rate of matrix products (`matrix_rate.py`), and
writes them to `results/rates.csv`. The rest is counted: for each layer the bytes that a
step has to move and the operations that it has to do. A layer takes at least the longer
of the two times, and a step at least the sum over its layers.
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import machine
import numpy as np
from rows import Row, group, replace_rows
from tables import filled, markdown, median_rate
from turns import HERE, INSTRUCTION_SETS, Setting, environment, instruction_set_name

from kerascnn.machine.environment import usable_cores

if TYPE_CHECKING:
    import keras

COLUMNS = ("instruction_set", "what", "rate")
NUMBER_BYTES = 4
STATES = {"sgd": 1, "adagrad": 1}  # numbers that the optimizer keeps of each weight
# Operations for each multiplication of the forward pass: it and its addition, and the
# same for the gradient of the input and for that of the weight.
FORWARD, INPUT_GRADIENT, WEIGHT_GRADIENT = 2, 2, 2
# STREAM's addition, `a = b + c`: as many bytes as in its triad.
STREAM_NUMBERS, STREAM_TURNS = 2**26, 10
SECTION = """\
## The least time of a step

Measured:

{rates}

Counted, for each layer: its weights are read in the forward pass and in the gradient of
its input, their gradients written and read, the optimizer's state read and written, the
new weights written; the layer's output is written in the forward pass and read in the
backward pass, and so is its gradient. Two operations for each multiplication of the
forward pass, two for the gradient of the input, which the first layer does not need,
and two for that of the weights. A layer takes at least the longer of the time for its
bytes and the time for its operations; "bound" is the sum over the layers. ReLU, dropout
and padding count nothing. The second bound has 3x3 convolutions of stride 1 by
Winograd's method, with a quarter of the products on maps of multiples of 4 pixels a
side. Of a contender there is the share of the first bound and of the second. What stays
in the processor's caches costs less than its bytes here, so that a share can pass
100%.

{table}

| network | what holds the rest |
| --- | --- |
{holds}
"""

HOLDS = {
    "lenet": "Convolutions of 1 and 6 channels fill a fraction of a vector register; "
    "convolved and pooled in one they fill it, but a third of their products are with "
    "zeros. A step has some 80 operations, of microseconds each.",
    "alexnet": "21.6 million weights for 24 million products: a step reads and writes "
    "each weight, its gradient and its state, and the wide dense layers multiply thin "
    "matrices of 128 rows.",
    "vgg16": "The convolution of 64 channels on 32x32 pixels, where Winograd's "
    "transforms cost what they save, and dense layers that read 21 million weights.",
    "resnet18": "Maps of 1 to 4 pixels a side give small products; normalization and "
    "additions are bound by memory.",
    "mobilenet": "Depthwise convolutions and normalization do a few operations for "
    "each number that they read.",
}


@dataclass(frozen=True, kw_only=True)
class LayerCost:
    """What a layer's part of a step has to do and to move, for one image.

    Attributes:
        name: The layer's.
        weights: Numbers that training changes.
        multiply_adds: Multiplications of the forward pass, each with its addition.
        winograd_multiply_adds: The same by Winograd's method, where it applies.
        outputs: Numbers that the layer gives.
        is_first: Whether it sees the images, so that no gradient goes further.
    """

    name: str
    weights: int
    multiply_adds: int
    winograd_multiply_adds: int
    outputs: int
    is_first: bool = False


def layer_costs(setting: Setting) -> list[LayerCost]:
    """Count the layers of a setting's network, in their order."""
    model = setting.build()
    from kerascnn.models.layers import all_layers

    costs = [_layer_cost(layer) for layer in all_layers(model)]
    counted = [cost for cost in costs if cost]
    return [replace(counted[0], is_first=True), *counted[1:]]


def _layer_cost(layer: keras.Layer) -> LayerCost | None:
    """The cost of one layer; `None` of those that are joined to others."""
    from keras import layers

    from kerascnn.models.cost import COUNTED, layer_multiply_adds

    moving = (layers.BatchNormalization, layers.Add, layers.MaxPooling2D)
    moving += (layers.GlobalAveragePooling2D,)
    if not isinstance(layer, (*COUNTED, *moving)):
        return None
    outputs = math.prod(layer.output.shape[1:])
    if isinstance(layer, layers.SeparableConv2D):  # what is between its two parts
        outputs += math.prod(layer.output.shape[1:3]) * layer.input.shape[3]
    work = layer_multiply_adds(layer)
    is_tiled = (
        type(layer) is layers.Conv2D
        and tuple(layer.kernel_size) == (3, 3)
        and tuple(layer.strides) == (1, 1)
    )
    fraction = winograd_fraction(*layer.output.shape[1:3]) if is_tiled else 1
    return LayerCost(
        name=layer.name,
        weights=sum(math.prod(weight.shape) for weight in layer.trainable_weights),
        multiply_adds=work,
        winograd_multiply_adds=round(work * fraction),
        outputs=outputs,
    )


def winograd_fraction(height: int, width: int) -> float:
    """The part of the products of a 3x3 convolution that Winograd's method does.

    Tiles of 4x4 outputs take 36 products in the place of 144, tiles of 2x2 outputs 16
    in the place of 36; on maps of odd sizes, a part of the last tiles is for nothing.
    """
    fractions = [
        math.ceil(height / size)
        * math.ceil(width / size)
        * (size + 2) ** 2
        / (9 * height * width)
        for size in (2, 4)
    ]
    return min(1.0, *fractions)


def step_bytes(cost: LayerCost, batch_size: int, optimizer: str) -> int:
    """Bytes that a layer has to move in a training step."""
    reads = 1 if cost.is_first else 2
    per_weight = reads + 2 + 2 * STATES[optimizer] + 1
    # Written and read: the output and its gradient.
    per_output = 4
    numbers = per_weight * cost.weights + per_output * batch_size * cost.outputs
    return NUMBER_BYTES * numbers


def step_operations(cost: LayerCost, batch_size: int, *, winograd: bool = False) -> int:
    """Multiplications and additions that a layer has to do in a training step."""
    work = cost.winograd_multiply_adds if winograd else cost.multiply_adds
    backward = WEIGHT_GRADIENT + (0 if cost.is_first else INPUT_GRADIENT)
    return (FORWARD + backward) * batch_size * work


def least_seconds(
    costs: list[LayerCost],
    batch_size: int,
    optimizer: str,
    *,
    bytes_per_second: float,
    operations_per_second: float,
    winograd: bool = False,
) -> float:
    """The least time of a step: of each layer the longer of its two times."""
    return sum(
        max(
            step_bytes(cost, batch_size, optimizer) / bytes_per_second,
            step_operations(cost, batch_size, winograd=winograd)
            / operations_per_second,
        )
        for cost in costs
    )


def memory_bandwidth(threads: int, numbers: int = STREAM_NUMBERS) -> float:
    """Bytes per second of the best of ten additions of long arrays, by all threads."""
    size = numbers // threads
    arrays = [[np.ones(size, np.float32) for _ in range(3)] for _ in range(threads)]

    def add(own: list[np.ndarray]) -> None:
        np.add(own[0], own[1], out=own[2])

    times = []
    with ThreadPoolExecutor(threads) as pool:
        for _ in range(STREAM_TURNS):
            started = time.perf_counter()
            list(pool.map(add, arrays))
            times.append(time.perf_counter() - started)
    return 3 * NUMBER_BYTES * size * threads / min(times)


def section(rates: list[Row], turns: list[Row]) -> str:
    """What `RESULTS.md` says of the rates, and of the turns of `throughput.csv`."""
    by_set: dict[str, dict[str, float]] = {}
    for row in rates:
        by_set.setdefault(row["instruction_set"], {})[row["what"]] = float(row["rate"])
    told = "\n".join(
        f"- {name}: "
        + ", ".join(f"{rate / 1e9:,.0f} {unit(what)}" for what, rate in own.items())
        for name, own in by_set.items()
    )
    lines = []
    for key, own in group(
        turns, "instruction_set", "network", "optimizer", "sizes"
    ).items():
        instruction_set, network, optimizer, sizes = key
        own = [row for row in own if row["precision"] == "float32"]
        if instruction_set not in by_set or not own:
            continue
        setting = Setting(network=network, optimizer=optimizer, sizes=sizes)
        costs = layer_costs(setting)
        here = by_set[instruction_set]
        bounds = [
            setting.batch_size
            / least_seconds(
                costs,
                setting.batch_size,
                optimizer,
                bytes_per_second=here["memory"],
                operations_per_second=here["float32"],
                winograd=winograd,
            )
            for winograd in (False, True)
        ]
        names = dict.fromkeys(row["contender"] for row in own)
        pytorch = next((name for name in names if name.startswith("pytorch")), "")
        shares = [
            f"{rate / bounds[0]:.0%} / {rate / bounds[1]:.0%}" if rate else ""
            for rate in (
                median_rate(own, name)
                for name in ("kerascnn", pytorch, "keras", "keras --onednn")
            )
        ]
        lines.append([*key, *(filled(bound, "{:,.0f}") for bound in bounds), *shares])
    heads = ["instruction set", "network", "optimizer", "sizes", "bound, images/s"]
    heads += ["with Winograd", "kerascnn", "PyTorch", "Keras", "Keras with oneDNN"]
    holds = "\n".join(f"| {name} | {text} |" for name, text in HOLDS.items())
    return SECTION.format(rates=told, table=markdown(heads, lines), holds=holds)


def unit(what: str) -> str:
    """The unit of a rate, in billions, and what it is of."""
    return "GB/s of memory" if what == "memory" else f"GFLOP/s in {what}"


def main() -> None:
    """Measure the rates, and write them down."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--isa", choices=INSTRUCTION_SETS, default="native")
    isa = parser.parse_args().isa
    machine.begin()
    done = subprocess.run(
        [sys.executable, HERE / "matrix_rate.py"],
        env=environment(isa, "kerascnn"),
        check=True,
        capture_output=True,
    )
    rates = {"memory": memory_bandwidth(usable_cores()), **json.loads(done.stdout)}
    rows = [
        {
            "instruction_set": instruction_set_name(isa),
            "what": what,
            "rate": round(rate),
        }
        for what, rate in rates.items()
    ]
    replace_rows("rates", COLUMNS, rows, keys=1)
    print(rows)


if __name__ == "__main__":
    main()
