"""The tool that draws AdaGrad's learning rates as it goes."""

import csv
from pathlib import Path

import numpy as np
import pytest

from kerascnn.settings.config import TrainConfig

ROOT = Path(__file__).parent.parent


@pytest.fixture(autouse=True)
def tools(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT))


def test_rates_are_drawn_by_layer_beside_that_of_sgd(assert_whole):
    from tools.effective_rates import plot_rates

    rates = {"conv": [1.0, 0.1], "dense": [0.5, 0.2]}
    figure = plot_rates([1, 100], rates, sgd=0.02, momentum=0.9, title="LeNet-5")
    assert_whole(figure)
    [axes] = figure.axes
    conv, dense, sgd, with_momentum = axes.lines
    assert list(conv.get_ydata()) == [1.0, 0.1]
    assert list(dense.get_ydata()) == [0.5, 0.2]
    assert list(sgd.get_ydata()) == [0.02, 0.02]
    assert list(with_momentum.get_ydata()) == pytest.approx([0.2, 0.2])
    assert axes.get_xscale() == axes.get_yscale() == "log"


def test_pages_say_what_was_measured():
    with open(ROOT / "results" / "effective-rates" / "lenet.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    rates = {}
    for row in rows:
        rates.setdefault(row["layer"], []).append(float(row["rate"]))
    ends = [values[-1] for values in rates.values()]
    factor = f"{max(ends) / min(ends):.0f}"
    pages = [ROOT / "docs" / f"lab-report{suffix}.md" for suffix in ("", "-zh")]
    english, chinese = (page.read_text("utf-8") for page in pages)
    assert f"by a factor of {factor}," in english.replace("\n", " ")
    assert f"相差 {factor} 倍" in chinese
    assert all(values[-1] < values[-2] for values in rates.values())


@pytest.mark.slow
def test_rates_of_a_training_are_those_of_the_sums_of_its_gradients():
    from tools.effective_rates import follow

    settings = TrainConfig(
        model="lenet",
        optimizer="adagrad",
        learning_rate=0.02,
        schedule="constant",
        epochs=2,
        limit=640,
    ).resolve()
    steps, rates = follow(settings)
    total = steps[-1]
    assert total == 2 * 640 // 64
    assert steps[:6] == [1, 2, 3, 4, 6, 7]
    assert list(rates) == [
        *("block1_conv", "block2_conv", "fc1_dense", "fc2_dense", "predictions")
    ]
    for values in rates.values():
        # Sums of squares only grow.
        assert (np.diff(values) <= 0).all()
        # By the root of the number of steps where gradients keep their size: at least
        # by that of two steps, since they are largest in the beginning.
        assert values[0] > values[-1] * np.sqrt(2)
        assert values[-1] > settings.learning_rate / 100
