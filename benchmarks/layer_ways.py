"""Time every way of computing every layer of the five networks.

    python benchmarks/layer_ways.py [NETWORK ...] [--batch-size N]

prints a row for each layer that has a way besides Keras's own, at the size of 32x32
pixels and at that of its recipe; layers of one shape are timed once. A number is how
often a way is as fast as Keras's own, the median of turns, and `*` marks the way of the
default plan. The limits in `kerascnn/fast/limits.py` rest on this. `ONEDNN_MAX_CPU_ISA`
imitates an older processor.
"""

from __future__ import annotations

import argparse
import statistics

from kerascnn.machine.environment import instruction_set
from kerascnn.machine.tensorflow import load_tensorflow
from kerascnn.models import MODELS
from kerascnn.settings.config import TrainConfig

BATCH_SIZE = 128


def main() -> None:
    """Print the table of each network."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("networks", nargs="*", metavar="NETWORK")
    parser.add_argument("--batch-size", type=int, default=BATCH_SIZE)
    options = parser.parse_args()
    load_tensorflow()
    print(instruction_set(), f"batches of {options.batch_size}", flush=True)
    seen: set[str] = set()
    for name in options.networks or MODELS:
        recipe = TrainConfig(model=name).resolve()
        for size, stem in dict.fromkeys(
            [(32, "paper"), (recipe.image_size, recipe.stem)]
        ):
            print_table(name, size, stem, options.batch_size, seen)


def print_table(
    name: str, image_size: int, stem: str, batch_size: int, seen: set[str]
) -> None:
    """Print how often each way of each layer is as fast as Keras's own."""
    from kerascnn.fast.limits import has_bfloat16
    from kerascnn.fast.plan import default_plan, suitable_ways
    from kerascnn.fast.timing import KERAS, time_ways
    from kerascnn.models.build import build_model
    from kerascnn.models.layers import all_layers

    model = build_model(name, (28, 28, 1), 10, image_size=image_size, stem=stem)
    plan = default_plan(model, instruction_set())
    ways = suitable_ways(model)
    print(f"{name}, {image_size} pixels, {stem} stem", flush=True)
    for layer in all_layers(model):
        if not ways[layer.name]:
            continue
        shape = (
            f"{'x'.join(map(str, layer.input.shape[1:]))} to "
            f"{'x'.join(map(str, layer.output.shape[1:]))}"
        )
        config = layer.get_config()
        key = f"{type(layer)} {shape} {config.get('kernel_size')}"
        if key in seen:
            continue
        seen.add(key)
        # Where oneDNN has no bfloat16, TensorFlow may crash in it.
        allowed = [
            way
            for way in ways[layer.name]
            if has_bfloat16(instruction_set()) or "bfloat16" not in way
        ]
        times = time_ways(model, layer.name, batch_size, ways=allowed)
        mine = times.pop(KERAS)
        ratios = {
            way: statistics.median(a / b for a, b in zip(mine, theirs, strict=True))
            for way, theirs in times.items()
        }
        told = ", ".join(
            f"{way}{'*' if plan.get(layer.name) == way else ''} {ratio:.2f}"
            for way, ratio in ratios.items()
        )
        milliseconds = 1e3 * statistics.median(mine)
        print(f"  {layer.name}: {shape}, {milliseconds:.2f} ms: {told}", flush=True)


if __name__ == "__main__":
    main()
