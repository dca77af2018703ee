"""How AdaGrad's learning rates fall as a training goes on, layer by layer.

    python tools/effective_rates.py lenet

trains the claim's first run of a network with AdaGrad again, at the rate that was
chosen there, and writes `results/effective-rates/lenet.csv` and `.png`: of each layer's
kernel the median over its weights of e / (d + sqrt(r)), which is what a gradient is
multiplied by, beside the rate of SGD, and that rate over 1 - a, which it comes to where
gradients keep their direction.
"""

from __future__ import annotations

import csv
import math
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from kerascnn.comparison.folder import ComparisonFolder
from kerascnn.comparison.plan import chosen_rates, final_runs
from kerascnn.drawing import GRAY, Figure, plain, plain_log_axis, save_figure
from kerascnn.errors import RunError
from kerascnn.models import MODELS
from kerascnn.settings.config import TrainSettings

ROOT = Path(__file__).parent.parent
CLAIM = ROOT / "results" / "claim"
OUT = ROOT / "results" / "effective-rates"
STEPS_PER_DECADE = 8
COLUMNS = ("step", "layer", "rate")

Rates = Mapping[str, Sequence[float]]


def main(model: str, out: Path = OUT) -> None:
    """Train a network, and write its rates with their figure."""
    folder = ComparisonFolder(CLAIM)
    rates = chosen_rates(folder.protocol, model, folder.outcomes())
    if rates is None:
        raise RunError(f"The tuning of {model} has not ended in {CLAIM}.")
    first = {
        run.config.optimizer: run.config.resolve()
        for run in final_runs(folder.protocol, model, rates)
        if run.config.seed == 1
    }
    steps, found = follow(first["adagrad"])
    out.mkdir(exist_ok=True)
    with open(out / f"{model}.csv", "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for layer, values in found.items():
            writer.writerows(
                (step, layer, f"{value:.6g}")
                for step, value in zip(steps, values, strict=True)
            )
    sgd = first["sgd"]
    figure = plot_rates(
        steps,
        found,
        sgd=sgd.learning_rate,
        momentum=sgd.momentum or 0.0,
        title=f"{MODELS[model].title}: what AdaGrad multiplies gradients by",
    )
    save_figure(figure, out / f"{model}.png")


def follow(settings: TrainSettings) -> tuple[list[int], dict[str, list[float]]]:
    """Train with AdaGrad, and look at its sums after some of the steps.

    Args:
        settings: Of a training with AdaGrad at a constant rate.

    Returns:
        The steps, and of each layer with a kernel the median of its effective rates.
    """
    from kerascnn.training.setup import prepare_training

    setup = prepare_training(settings, message=print)
    per_epoch, total = setup.batches.steps_per_epoch, len(setup.rates)
    optimizer, weights = setup.model.optimizer, setup.model.trainable_variables
    # Its sums begin with epsilon, d * d, so that the root of them is that of both.
    sums = {
        weight.path.rpartition("/")[0]: total_squared
        for weight, total_squared in zip(weights, optimizer._accumulators, strict=True)
        if len(weight.shape) > 1
    }
    looked_at = sorted(
        {round(10 ** (n / STEPS_PER_DECADE)) for n in range(8 * STEPS_PER_DECADE)}
        & {*range(total)}
        | {total}
    )
    rates: dict[str, list[float]] = {layer: [] for layer in sums}
    done = 0
    for step in looked_at:
        while done < step:
            # A call stays within an epoch.
            count = min(step, (done // per_epoch + 1) * per_epoch) - done
            setup.step.run(done, count)
            done += count
        for layer, total_squared in sums.items():
            root = np.sqrt(np.asarray(total_squared))
            rates[layer].append(float(np.median(settings.learning_rate / root)))
    return looked_at, rates


def plot_rates(
    steps: Sequence[int], rates: Rates, *, sgd: float, momentum: float, title: str
) -> Figure:
    """Plot the rates of each layer over the steps, beside that of SGD.

    Args:
        steps: The steps.
        rates: By layer, from the first to the last.
        sgd: The rate of SGD.
        momentum: Its momentum, in `[0, 1)`.
        title: What is shown.
    """
    import matplotlib

    figure = Figure(figsize=(8, 5), layout="constrained")
    axes = figure.subplots()
    colors = matplotlib.colormaps["viridis"](np.linspace(0, 0.9, len(rates)))
    for (layer, values), color in zip(rates.items(), colors, strict=True):
        axes.plot(steps, values, color=color, label=layer)
    axes.axhline(sgd, color=GRAY, linestyle="--", label="SGD")
    axes.axhline(
        sgd / (1 - momentum),
        color=GRAY,
        linestyle=":",
        label=f"SGD over 1 - {momentum:g}",
    )
    axes.set(title=title, xlabel="Step", ylabel="Effective learning rate (median)")
    axes.set(xscale="log", yscale="log")
    plain_log_axis(axes.xaxis, plain, subs=(1,))
    every = [value for values in rates.values() for value in values]
    decades = math.log10(max(every) / min(every))
    plain_log_axis(axes.yaxis, plain, subs=(1,) if decades > 3 else (1, 2, 5))
    axes.grid(alpha=0.3)
    figure.legend(loc="outside right center")
    return figure


if __name__ == "__main__":
    main(*sys.argv[1:2])
