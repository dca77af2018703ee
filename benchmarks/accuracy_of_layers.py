"""How exactly layers compute: kerascnn's ways, Keras with oneDNN, PyTorch.

    python benchmarks/accuracy_of_layers.py [--network NAME]

For the layers of the networks that kerascnn exchanges, at 32x32 pixels and at the sizes
of the recipes, and for random ones: the output, the gradient of the input and that of
the weights, each against Keras's layer in float64. The largest error is relative to the
largest value, the root of the mean square to that of the values.
Writes `results/accuracy_of_layers.csv`, which `report.py` reads.
"""

from __future__ import annotations

import argparse
import importlib.util
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import machine
import numpy as np
from rows import Row, group, replace_rows
from tables import markdown
from turns import NETWORKS, Setting

from kerascnn.machine.environment import instruction_set
from kerascnn.machine.tensorflow import load_tensorflow

if TYPE_CHECKING:
    import keras
    import torch

BATCH_SIZE = 8
RANDOM_KINDS = ("conv", "conv", "conv", "separable", "pooled", "normalization")
RANDOM_CASES, SEED = 30, 0
QUANTITIES = ("output", "input gradient", "weight gradient")
COLUMNS = ("case", "shape", "way", "computed_by", "quantity", "max_error", "rms_error")
SECTION = """\
## How exactly the layers compute

The layers of the five networks that kerascnn exchanges, at 32x32 pixels and at the
recipes' sizes, and {random} random ones, batches of {batch} images, in float32 against
float64. The worst case of each way: the largest error relative to the largest value
and, in brackets, the root of the mean square of the errors to that of the values; Keras
(with oneDNN) and PyTorch on the same layers.

{table}
"""

Array = np.ndarray[Any, Any]
# The output, the gradient of the input, those of the weights.
Results = tuple[list[Array], list[Array], list[Array]]


@dataclass(frozen=True)
class Case:
    """Layers to compute one after the other, as Keras has them, and what they see."""

    name: str
    layers: tuple[keras.Layer, ...]
    input_shape: tuple[int, ...]

    def shape(self) -> str:
        """The layers in words; equal where they compute the same."""
        words = []
        for layer in self.layers:
            config = layer.get_config()
            told = ("filters", "units", "kernel_size", "strides", "padding", "use_bias")
            values = [f"{name} {config[name]}" for name in told if name in config]
            words.append(" ".join([type(layer).__name__, *values]))
        return f"{'x'.join(map(str, self.input_shape))}: {', '.join(words)}"

    def build(self, dtype: str = "float32") -> keras.Model:
        """A model of the layers, linear, so that no sign decides about a gradient."""
        import keras

        inputs = x = keras.Input(self.input_shape, dtype=dtype)
        for layer in self.layers:
            config = layer.get_config() | {"dtype": dtype}
            if "activation" in config:
                config["activation"] = "linear"
            x = type(layer).from_config(config)(x)
        return keras.Model(inputs, x)


def cases(networks: Sequence[str]) -> Iterator[Case]:
    """The layers with weights of networks, and random ones."""
    from keras import layers

    from kerascnn.models.layers import all_layers

    kinds = (layers.Conv2D, layers.SeparableConv2D, layers.BatchNormalization)
    kinds += (layers.Dense,)
    for network in networks:
        for sizes in ("common", "recipe"):
            setting = Setting(network=network, sizes=sizes)
            size = setting.image_size
            own = list(all_layers(setting.build()))
            for layer, following in itertools.pairwise([*own, None]):
                if isinstance(layer, kinds):
                    is_pooled = isinstance(following, layers.MaxPooling2D)
                    taken = (layer, following) if is_pooled else (layer,)
                    name = f"{network} {size}x{size} {layer.name}"
                    yield Case(name, taken, layer.input.shape[1:])
    yield from random_cases(np.random.default_rng(SEED))


def random_cases(random: np.random.Generator) -> Iterator[Case]:
    """Layers of random sizes, each kind in its turn."""
    from keras import layers

    for number in range(RANDOM_CASES):
        kind = RANDOM_KINDS[number % len(RANDOM_KINDS)]
        side, channels, filters = (
            int(random.integers(1, end)) for end in (33, 257, 257)
        )
        kernel, stride = int(random.choice((1, 3, 3, 5))), int(random.choice((1, 1, 2)))
        made: tuple[keras.Layer, ...]
        if kind == "conv":
            made = (layers.Conv2D(filters, kernel, stride, padding="same"),)
        elif kind == "separable":
            made = (layers.SeparableConv2D(filters, kernel, stride, padding="same"),)
        elif kind == "pooled":
            side, channels, filters = side + 8, 1 + channels % 16, 1 + filters % 16
            made = (
                layers.Conv2D(filters, kernel, padding="same"),
                layers.MaxPooling2D(2),
            )
        else:
            made = (layers.BatchNormalization(),)
        yield Case(f"random {number}", made, (side, side, channels))


def measure(case: Case) -> list[dict[str, object]]:
    """The errors of all that compute a case; nothing where kerascnn leaves it to Keras.

    A pooling is a part of the case only where it is joined to the convolution: in
    others, which of two nearly equal pixels is the larger may hang on rounding.
    """
    import keras

    from kerascnn.fast.plan import accelerate, default_plan

    keras.utils.set_random_seed(SEED)
    model = case.build()
    plan = default_plan(model, instruction_set())
    if not plan:
        return []
    (way,) = plan.values()
    if len(case.layers) > 1 and way != "pooled":
        return measure(Case(case.name, case.layers[:1], case.input_shape))
    ours = accelerate(model, plan)
    random = np.random.default_rng(SEED)
    # As after a ReLU; the gradients have both signs.
    x = np.maximum(random.standard_normal((BATCH_SIZE, *case.input_shape)), 0)
    dy = random.standard_normal((BATCH_SIZE, *model.output_shape[1:]))
    exact = case.build("float64")
    for variable, value in zip(exact.variables, model.variables, strict=True):
        variable.assign(keras.ops.cast(value, "float64"))
    x, dy = (value.astype(np.float32) for value in (x, dy))
    exactly = run_keras(exact, *(value.astype(np.float64) for value in (x, dy)))
    results = {"kerascnn": run_keras(ours, x, dy), "Keras": run_keras(model, x, dy)}
    if importlib.util.find_spec("torch"):
        results["PyTorch"] = run_pytorch(model, x, dy)
    return [
        {
            **{"case": case.name, "shape": case.shape(), "way": way},
            **{"computed_by": name, "quantity": quantity},
            "max_error": f"{max(max_error(*pair) for pair in both):.3g}",
            "rms_error": f"{max(rms_error(*pair) for pair in both):.3g}",
        }
        for name, result in results.items()
        for quantity, values, right in zip(QUANTITIES, result, exactly, strict=True)
        for both in [list(zip(values, right, strict=True))]
    ]


def max_error(values: Array, right: Array) -> float:
    """The largest error relative to the largest value."""
    return float(np.max(np.abs(values - right)) / np.max(np.abs(right)))


def rms_error(values: Array, right: Array) -> float:
    """The root of the mean square of the errors to that of the values."""
    return float(np.sqrt(np.mean((values - right) ** 2) / np.mean(right**2)))


def run_keras(model: keras.Model, x: Array, dy: Array) -> Results:
    """Compute by Keras's layers, or by those of kerascnn."""
    import tensorflow as tf

    inputs = tf.constant(x)
    weights = [weight.value for weight in model.trainable_variables]
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        y = model(inputs, training=True)
    dx, *rest = tape.gradient(y, [inputs, *weights], output_gradients=tf.constant(dy))
    return [y.numpy()], [dx.numpy()], [gradient.numpy() for gradient in rest]


def run_pytorch(model: keras.Model, x: Array, dy: Array) -> Results:
    """Compute the same by PyTorch's functions."""
    import torch

    x = torch.from_numpy(x)
    is_image = x.ndim == 4
    to_torch, to_keras = ((0, 3, 1, 2), (0, 2, 3, 1)) if is_image else ((0, 1), (0, 1))
    leaves = [x.permute(to_torch).contiguous().requires_grad_()]
    y = leaves[0]
    for layer in model.layers[1:]:
        weights = [
            torch.tensor(np.asarray(weight)).requires_grad_()
            for weight in layer.trainable_variables
        ]
        leaves += weights
        y = apply_pytorch(layer, y, weights)
    back = torch.from_numpy(dy).permute(to_torch)
    dx, *rest = torch.autograd.grad(y, leaves, back)
    output, dx = (value.detach().permute(to_keras).numpy() for value in (y, dx))
    return [output], [dx], [gradient.numpy() for gradient in rest]


def apply_pytorch(
    layer: keras.Layer, x: torch.Tensor, weights: list[torch.Tensor]
) -> torch.Tensor:
    """One of Keras's layers, linear, by PyTorch, of `(b, c, h, w)` or `(b, n)`."""
    from keras import layers
    from torch.nn import functional

    if isinstance(layer, layers.MaxPooling2D):
        return functional.max_pool2d(x, 2)
    if isinstance(layer, layers.BatchNormalization):
        return functional.batch_norm(
            x, None, None, *weights, training=True, eps=layer.epsilon
        )
    bias = weights[-1] if layer.use_bias else None
    if isinstance(layer, layers.Dense):
        return functional.linear(x, weights[0].T, bias)
    stride, reach = layer.strides[0], layer.kernel_size[0]
    if layer.padding == "same":
        around: list[int] = []
        for side in (x.shape[3], x.shape[2]):
            total = max(0, (-(-side // stride) - 1) * stride + reach - side)
            around += [total // 2, total - total // 2]
        x = functional.pad(x, around)
    first = weights[0]
    if isinstance(layer, layers.SeparableConv2D):
        depthwise = first.permute(2, 3, 0, 1)
        x = functional.conv2d(x, depthwise, None, stride, groups=x.shape[1])
        first, stride = weights[1], 1
    return functional.conv2d(x, first.permute(3, 2, 0, 1), bias, stride)


def section(rows: list[Row]) -> str:
    """What `RESULTS.md` says of all rows."""
    lines = []
    for (way, name), own in group(rows, "way", "computed_by").items():
        worst = [
            "{:.1e} ({:.1e})".format(
                *(
                    max(float(row[kind]) for row in own if row["quantity"] == quantity)
                    for kind in ("max_error", "rms_error")
                )
            )
            for quantity in QUANTITIES
        ]
        count = len({row["case"] for row in own})
        lines.append([way, str(count), name, *worst])
    heads = ["way", "layers", "computed by", *QUANTITIES]
    return SECTION.format(
        random=RANDOM_CASES, batch=BATCH_SIZE, table=markdown(heads, lines)
    )


def main() -> None:
    """Measure each different layer once, and write it down."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--network", choices=NETWORKS, action="append")
    options = parser.parse_args()
    machine.begin()
    load_tensorflow()
    different: dict[str, Case] = {}
    for case in cases(options.network or NETWORKS):
        different.setdefault(case.shape(), case)
    rows: list[dict[str, object]] = []
    for case in different.values():
        rows += measure(case)
        print(case.name, case.shape(), flush=True)
    replace_rows("accuracy_of_layers", COLUMNS, rows, keys=1)


if __name__ == "__main__":
    main()
